import { RowhouseError } from "../../errors.ts";

export interface Preferences {
  readonly resolution: "merge-duplicates" | "ignore-duplicates" | null;
  readonly missing: "default" | "null" | null;
  readonly return: "representation" | "headers-only" | "minimal" | null;
  readonly count: "exact" | "planned" | "estimated" | null;
  readonly handling: "strict" | "lenient" | null;
  readonly maxAffected: number | null;
}

/** The preferences that are kept (PostgREST, Prefer header), and what each may say. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  resolution: ["merge-duplicates", "ignore-duplicates"],
  missing: ["default", "null"],
  return: ["representation", "headers-only", "minimal"],
  count: ["exact", "planned", "estimated"],
  handling: ["strict", "lenient"],
};

/** In the order that `Preference-Applied` lists them. */
const ECHO_ORDER = ["resolution", "missing", "return", "count", "handling", "maxAffected"] as const;

export const NO_PREFERENCES: Preferences = {
  resolution: null,
  missing: null,
  return: null,
  count: null,
  handling: null,
  maxAffected: null,
};

function readPreference(found: Record<string, string | number | null>, name: string, value: string): boolean {
  if (name === "max-affected" && /^\d{1,15}$/.test(value)) {
    found["maxAffected"] ??= Number(value);
    return true;
  }
  if (!Object.hasOwn(VALUES, name) || VALUES[name]?.includes(value) !== true) return false;
  found[name] ??= value;
  return true;
}

/**
 * The `Prefer` header (RFC 7240). Of two that contradict each other the first counts; one that is not understood is left out.
 * @throws RowhouseError preferInvalid when `handling=strict` is among them and one is not understood
 */
export function parsePreferences(header: string | undefined): Preferences {
  if (header === undefined || header === "") return NO_PREFERENCES;
  const found: Record<string, string | number | null> = { ...NO_PREFERENCES };
  const invalid: string[] = [];
  for (const part of header.split(",")) {
    const text = part.trim();
    const at = text.indexOf("=");
    if (!readPreference(found, text.slice(0, Math.max(at, 0)), text.slice(at + 1)) && text !== "") invalid.push(text);
  }
  if (invalid.length > 0 && found["handling"] === "strict") {
    throw new RowhouseError("preferInvalid", {
      message: "Invalid preferences given with handling=strict",
      details: `Invalid preferences: ${invalid.join(", ")}`,
    });
  }
  return found as unknown as Preferences;
}

/** The `Preference-Applied` header for those of `names` that were given; undefined when none was. */
export function appliedPreferences(given: Preferences, names: ReadonlySet<keyof Preferences>): string | undefined {
  if (given === NO_PREFERENCES) return undefined;
  const applied: string[] = [];
  for (const name of ECHO_ORDER) {
    if (given[name] === null || !names.has(name)) continue;
    if (name === "maxAffected" && given.handling !== "strict") continue;
    applied.push(`${name === "maxAffected" ? "max-affected" : name}=${given[name]}`);
  }
  return applied.length === 0 ? undefined : applied.join(", ");
}
