import type { Connections } from "../db/connections.ts";
import { inPoolTransaction, withConnection } from "../db/transaction.ts";

const AT_ONCE = 100;
/** What is told where the tenant lives; of the rest the registry tells. */
const TOLD_THERE = ["subscription.changed"];

/** $1: a JSON array of rows of platform.webhook_events, in the order that they keep. */
const BRING = `
  insert into platform.webhook_events (id, type, tenant_id, subject, payload, created_at)
  select e.id, e.type, e.tenant_id, e.subject, e.payload, e.created_at
  from rows from (jsonb_to_recordset($1::jsonb)
    as (id uuid, type text, tenant_id uuid, subject uuid, payload jsonb, created_at timestamptz))
    with ordinality e (id, type, tenant_id, subject, payload, created_at, position)
  order by e.position on conflict (id) do nothing`;

interface Found {
  readonly id: string;
  readonly type: string;
}

/**
 * Brings events of another database to the registry's, where the webhooks are. One that is brought twice, because we died in between,
 * is there once.
 * @param home connections of rowhouse_platform of the registry's database; asked for none when there is nothing to tell
 * @param there connections of rowhouse_platform of that database
 * @returns how many there were, those included that the registry tells of itself
 */
export function collectEvents(home: Connections, there: Connections): Promise<number> {
  return inPoolTransaction(there, async (client) => {
    const { rows } = await client.query<Found>(
      `select id, type, tenant_id, subject, payload, created_at from platform.webhook_events
       order by sequence limit $1 for update`, // no skipping: a second server's later events would come home first
      [AT_ONCE],
    );
    if (rows.length === 0) return 0;
    const told = rows.filter(({ type }) => TOLD_THERE.includes(type));
    if (told.length > 0) await withConnection(home, (registry) => registry.query(BRING, [JSON.stringify(told)]));
    await client.query("delete from platform.webhook_events where id = any ($1::uuid[])", [rows.map(({ id }) => id)]);
    return rows.length;
  });
}
