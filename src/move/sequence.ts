import type { Endpoint } from "./endpoint.ts";

/**
 * Takes the target's sequences to where the source's are, and none back: other tenants may live at the target. Replication does not
 * carry sequences (manual, 31.6 Restrictions). Call it after the fence: the source then hands out no value to this tenant any more.
 */
export async function raiseSequences(source: Endpoint, target: Endpoint): Promise<void> {
  const { rows } = await source.owner.query<{ identifier: string; reached: string }>(
    "select identifier, reached::text as reached from platform.read_sequences()",
  );
  if (rows.length === 0) return;
  const identifiers = rows.map(({ identifier }) => identifier);
  await target.owner.query("select platform.raise_sequences($1, $2)", [
    identifiers,
    rows.map(({ reached }) => reached),
  ]);
}
