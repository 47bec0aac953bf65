import { RowhouseError } from "../../errors.ts";

export interface Preferences {
  readonly resolution: "merge-duplicates" | "ignore-duplicates" | null;
  readonly missing: "default" | "null" | null;
  readonly return: "representation" | "headers-only" | "minimal" | null;
  readonly count: "exact" | "planned" | "estimated" | null;
  /** How the transaction is to end; null as well where nobody may say so. */
  readonly tx: "commit" | "rollback" | null;
  readonly handling: "strict" | "lenient" | null;
  /** Whatever was said: PostgreSQL knows which there are. */
  readonly timezone: string | null;
  /** May be negative, and then no number of rows is small enough. */
  readonly maxAffected: number | null;
  /** What is not understood. */
  readonly invalid: readonly string[];
}

/** The preferences that are kept (PostgREST, Prefer Header) and what each may say, in the order that `Preference-Applied` lists them. */
const WORDS = {
  resolution: ["merge-duplicates", "ignore-duplicates"],
  missing: ["default", "null"],
  return: ["representation", "headers-only", "minimal"],
  count: ["exact", "planned", "estimated"],
  tx: ["commit", "rollback"],
  handling: ["strict", "lenient"],
} as const satisfies Partial<Record<keyof Preferences, readonly string[]>>;

/** Those that are only of use to some verbs, and are listed only in the answers of these. */
const OF_SOME_VERBS: ReadonlySet<keyof Preferences> = new Set(["resolution", "missing", "return", "maxAffected"]);

export const NO_PREFERENCES: Preferences = {
  resolution: null,
  missing: null,
  return: null,
  count: null,
  tx: null,
  handling: null,
  timezone: null,
  maxAffected: null,
  invalid: [],
};

type Found = { -readonly [Name in keyof Preferences]: Preferences[Name] };

/** An int8, as PostgREST's reader takes it. */
const INTEGER = /^\s*(-?\d{1,18})\s*$/;

/** Notes what one part says, unless an earlier one said it. @returns whether it is known */
function note(found: Found, seen: Set<string>, part: string): boolean {
  const at = part.indexOf("=");
  const name = part.slice(0, Math.max(at, 0));
  const value = part.slice(at + 1);
  if (name === "timezone") {
    found.timezone ??= value;
    return true;
  }
  if (name === "max-affected") {
    // Only the first one counts, even when it says nothing.
    const digits = INTEGER.exec(value)?.[1];
    if (!seen.has(name) && digits !== undefined) found.maxAffected = Number(digits);
    seen.add(name);
    return true;
  }
  if (!Object.hasOwn(WORDS, name)) return false;
  const words: readonly string[] = WORDS[name as keyof typeof WORDS];
  if (!words.includes(value)) return false;
  Object.assign(found, { [name]: found[name as keyof typeof WORDS] ?? value });
  return true;
}

/**
 * The `Prefer` header (RFC 7240). Of two that contradict each other the first counts; one that is not understood is left out.
 * @param allowsTx whether `tx=` may say how the transaction ends; it is understood in any case
 */
export function parsePreferences(header: string | undefined, allowsTx = false): Preferences {
  if (header === undefined || header === "") return NO_PREFERENCES;
  const found: Found = { ...NO_PREFERENCES };
  const seen = new Set<string>();
  const parts = header.split(",").map((part) => part.trim());
  found.invalid = parts.filter((part) => part !== "" && !note(found, seen, part));
  if (!allowsTx) found.tx = null;
  return found;
}

/**
 * To be called once everything else in the request was looked at, as PostgREST has it.
 * @throws RowhouseError preferInvalid when `handling=strict` is among the preferences and one is not understood
 */
export function refuseInvalid({ handling, invalid }: Preferences): void {
  if (invalid.length === 0 || handling !== "strict") return;
  throw new RowhouseError("preferInvalid", {
    message: "Invalid preferences given with handling=strict",
    details: `Invalid preferences: ${invalid.join(", ")}`,
  });
}

/**
 * The `Preference-Applied` header; undefined when nothing is kept.
 * @param names those of `resolution`, `missing`, `return` and `maxAffected` that the verb keeps; the others always are
 */
export function appliedPreferences(given: Preferences, names: ReadonlySet<keyof Preferences>): string | undefined {
  if (given === NO_PREFERENCES) return undefined;
  const isKept = (name: keyof Preferences) => given[name] !== null && (!OF_SOME_VERBS.has(name) || names.has(name));
  const applied: string[] = [];
  for (const name of Object.keys(WORDS) as (keyof typeof WORDS)[]) {
    if (isKept(name)) applied.push(`${name}=${given[name]}`);
  }
  if (isKept("timezone")) applied.push(`timezone=${given.timezone}`);
  if (isKept("maxAffected") && given.handling === "strict") applied.push(`max-affected=${given.maxAffected}`);
  return applied.length === 0 ? undefined : applied.join(", ");
}
