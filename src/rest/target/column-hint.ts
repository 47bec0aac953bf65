import type { Relation } from "../../catalog/catalog.ts";

/** PostgreSQL looks no further than this (parse_relation.c, MAX_FUZZY_DISTANCE). */
const MAX_DISTANCE = 3;

/** How many characters to insert, leave out or replace to make one word of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, n) => n);
  for (let row = 1; row <= one.length; row += 1) {
    const line = [row];
    for (let n = 1; n <= other.length; n += 1) {
      const replaced = (above[n - 1] ?? 0) + (one[row - 1] === other[n - 1] ? 0 : 1);
      line.push(Math.min(replaced, (above[n] ?? 0) + 1, (line[n - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above.at(-1) ?? 0;
}

/** A word that differs in more than half of its letters was not meant. */
function nearest(names: Iterable<string>, wanted: string): string[] {
  let least = Math.min(MAX_DISTANCE, Math.floor(wanted.length / 2));
  let found: string[] = [];
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > least) continue;
    const apart = distance(name, wanted);
    if (apart < least) found = [];
    if (apart <= least) found.push(name);
    least = Math.min(least, apart);
  }
  return found;
}

/** What PostgreSQL says of a column that is not there: the nearest one or two, and nothing when more are as near. */
export function hintColumns(relation: Relation, wanted: string, label: string): string | undefined {
  if (wanted.length > 63) return undefined;
  const [first, second, third] = nearest(relation.columns.keys(), wanted);
  if (first === undefined || third !== undefined) return undefined;
  const other = second === undefined ? "" : ` or the column "${label}.${second}"`;
  return `Perhaps you meant to reference the column "${label}.${first}"${other}.`;
}
