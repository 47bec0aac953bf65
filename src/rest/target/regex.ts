import { RowhouseError } from "../../errors.ts";

/** Limits of a regular expression (threats.md, H21): what PostgreSQL can be made to run for hours with is length, references and counts. */
const MAX_LENGTH = 100;
/** Repetitions that are counted out, added up over the pattern. */
const MAX_COUNTED = 64;
/** How often a group may be repeated; groups within groups multiply. */
const MAX_GROUP = 16;

const REFERENCE = /\\(?:\\|[1-9])/g;
/** Taken for a count wherever it stands, also where it means itself: too careful is safe. */
const COUNT = /(\))?\\?\{\s*(\d+)\s*(?:,\s*(\d*)\s*)?\\?\}/g;

function refuse(reason: string): never {
  throw new RowhouseError("limitExceeded", {
    message: `The regular expression ${reason}`,
    hint: "Use like or ilike, with * for any text, or a shorter expression.",
  });
}

function checkCounts(pattern: string): void {
  let counted = 0;
  let groups = 1;
  for (const [, group, least = "0", most] of pattern.matchAll(COUNT)) {
    const times = Math.max(Number(least), Number(most ?? "0"), 1);
    counted += times;
    if (group !== undefined) groups *= times;
  }
  if (counted > MAX_COUNTED) refuse(`counts ${counted} repetitions; at most ${MAX_COUNTED} are accepted`);
  if (groups > MAX_GROUP) refuse(`repeats groups ${groups} times; at most ${MAX_GROUP} are accepted`);
}

/** @throws RowhouseError limitExceeded for a pattern that could take long */
export function checkRegex(pattern: string): void {
  if (pattern.length > MAX_LENGTH) {
    refuse(`has ${pattern.length} characters; at most ${MAX_LENGTH} are accepted`);
  }
  const refers = pattern.matchAll(REFERENCE).some(([text]) => text !== "\\\\");
  if (refers) refuse("refers back to a group");
  checkCounts(pattern);
}
