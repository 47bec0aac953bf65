import { RowhouseError } from "../errors.ts";

/** What a user says about themselves. */
export interface Profile {
  /** Left out: as it is. */
  readonly name?: string | null;
  /** The tenant's own fields; null takes one away. */
  readonly custom: Readonly<Record<string, unknown>>;
}

/**
 * `data` of supabase's clients: `name` is a column of its own, the rest the tenant's own fields. Pure.
 * @throws RowhouseError bodyInvalid
 */
export function readProfile(data: unknown): Profile {
  if (data === undefined || data === null) return { custom: {} };
  if (typeof data !== "object" || Array.isArray(data))
    throw new RowhouseError("bodyInvalid", { message: "data is not an object" });
  const { name, ...custom } = data as Record<string, unknown>;
  if (name === undefined) return { custom };
  if (name !== null && (typeof name !== "string" || name.trim() === "" || name.length > 200 || /\p{Cc}/u.test(name)))
    throw new RowhouseError("bodyInvalid", { message: "data.name is not 1 to 200 printable characters" });
  return { name: name as string | null, custom };
}
