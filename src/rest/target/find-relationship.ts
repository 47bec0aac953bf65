import type { Catalog, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import { relationshipsFrom, type Relationship } from "./relationship.ts";
import { suggest } from "./suggestion.ts";

/** Several relationships fit: an error whose details are objects, unlike all others (PostgREST, PGRST201). */
export class AmbiguousRelationship extends RowhouseError {
  readonly candidates: readonly object[];

  constructor(origin: string, target: string, found: readonly Relationship[]) {
    const hints = found.map((each) => `'${each.to.name}!${each.constraint}'`).join(", ");
    super("relationshipAmbiguous", {
      message: `Could not embed because more than one relationship was found for '${origin}' and '${target}'`,
      hint: `Try changing '${target}' to one of the following: ${hints}. Find the desired relationship in the 'details' key.`,
    });
    this.candidates = found.map(describe);
  }
}

function describe(found: Relationship): object {
  const { cardinality, from, to, pairs, junction, constraint } = found;
  const list = (columns: readonly string[]) => `(${columns.join(", ")})`;
  const relationship =
    junction === null
      ? `${constraint} using ${from.name}${list(pairs.map(([here]) => here))} and ${to.name}${list(pairs.map(([, there]) => there))}`
      : `${junction.relation.name} using ${junction.origin.name}${list(junction.origin.columns)} and ${junction.target.name}${list(junction.target.columns)}`;
  return { cardinality, embedding: `${from.name} with ${to.name}`, relationship };
}

/** `name` is the one column that the relationship has on this side (0) or the other (1). */
function isSingleColumn({ pairs }: Relationship, side: 0 | 1, name: string): boolean {
  return pairs.length === 1 && pairs[0]?.[side] === name;
}

/** A table that refers to itself has two relationships by one key: its own name leads to the many, the column to the one. */
function fitsSelf(found: Relationship, target: string, hint: string | null): boolean {
  const leadsToMany = target === found.to.name && found.cardinality === "one-to-many";
  if (hint !== null) return leadsToMany && isSingleColumn(found, 1, hint);
  return leadsToMany || (found.cardinality === "many-to-one" && isSingleColumn(found, 0, target));
}

/** What a target and a hint may name (PostgREST, Foreign Key Joins on Multiple Foreign Key Relationships). */
function fits(found: Relationship, target: string, hint: string | null): boolean {
  if (found.computed !== null) return target === found.computed.name;
  if (found.from === found.to) return fitsSelf(found, target, hint);
  if (hint === null) {
    if (target === found.to.name) return true;
    // A view has no constraints and no keys of its own to be named by.
    if (found.junction !== null || found.to.kind === "view") return false;
    return target === found.constraint || isSingleColumn(found, 0, target);
  }
  if (target !== found.to.name) return false;
  return hint === found.constraint || isSingleColumn(found, 0, hint) || isSingleColumn(found, 1, hint);
}

/** The related one that was meant, by its own name and not a function's. The origin is served by its name, so that it is no slip of the pen. */
function hintOf(catalog: Catalog, origin: string, target: string): string | undefined {
  const names = relationshipsFrom(catalog, origin).map(({ to }) => to.name);
  const near = names.includes(target) ? undefined : suggest(target, names, 0.33);
  return near === undefined ? undefined : `Perhaps you meant '${near}' instead of '${target}'.`;
}

function refuseUnknown(catalog: Catalog, origin: Relation, target: string, hint: string | null): never {
  const using = hint === null ? "" : ` using the hint '${hint}'`;
  throw new RowhouseError("relationshipUnknown", {
    message: `Could not find a relationship between '${origin.name}' and '${target}' in the schema cache`,
    details: `Searched for a foreign key relationship between '${origin.name}' and '${target}'${using} in the schema '${catalog.schema}', but no matches were found.`,
    hint: hintOf(catalog, origin.name, target),
  });
}

const CARDINALITIES: readonly Relationship["cardinality"][] = [
  "one-to-many",
  "many-to-one",
  "one-to-one",
  "many-to-many",
];

/** The order in which PostgREST lists what an ambiguous embed may mean. */
function sortKeys({ to, cardinality, constraint, junction, pairs }: Relationship): string[] {
  const keys = junction === null ? [] : [junction.origin.name, junction.target.name];
  const columns = junction === null ? pairs.flat() : [...junction.origin.columns, ...junction.target.columns];
  return [to.name, String(CARDINALITIES.indexOf(cardinality)), constraint, ...keys, ...columns];
}

function compare(one: Relationship, other: Relationship): number {
  const [here, there] = [sortKeys(one), sortKeys(other)];
  for (const [n, key] of here.entries()) {
    const against = there[n] ?? "";
    if (key !== against) return key < against ? -1 : 1;
  }
  return 0;
}

/**
 * The relationship that `select=target!hint(…)` means. Rows that are not the catalog's own (of a function that returns others) have none.
 * @throws RowhouseError relationshipUnknown; {@link AmbiguousRelationship}
 */
export function findRelationship(
  catalog: Catalog,
  origin: Relation,
  target: string,
  hint: string | null,
): Relationship {
  const found = relationshipsFrom(catalog, origin.name).filter(
    (each) => each.from === origin && fits(each, target, hint),
  );
  const [first] = found;
  if (first === undefined) return refuseUnknown(catalog, origin, target, hint);
  if (found.length > 1) throw new AmbiguousRelationship(origin.name, target, found.toSorted(compare));
  return first;
}
