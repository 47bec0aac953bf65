import { RowhouseError } from "../../errors.ts";

/**
 * `users=10` and its like, as `--limit` takes them. Pure.
 * @throws RowhouseError usage
 */
export function readLimits(given: readonly string[] | undefined): Record<string, number> | undefined {
  if (given === undefined) return undefined;
  const pairs = given.map((text) => {
    const [, name, value] = /^([a-z][a-z0-9_]{0,62})=(\d{1,9})$/.exec(text) ?? [];
    if (name !== undefined) return [name, Number(value)] as const;
    throw new RowhouseError("usage", { message: `Not a limit: ${text}`, hint: "As in: --limit users=10 locations=3" });
  });
  return Object.fromEntries(pairs);
}

/** Pure. */
export const formatLimits = (limits: Readonly<Record<string, number>>): string =>
  Object.entries(limits)
    .map(([name, most]) => `${name} ${most}`)
    .join(", ");
