import { inTransaction } from "../db/transaction.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * What the versions want: from 16 on, changes are applied as the owner, since under forced row-level security the table's owner
 * may write nothing, and what came by replication itself is not sent on.
 */
function optionsOf(major: number): string {
  const common = "create_slot = false, copy_data = false, streaming = off, binary = false";
  return major >= 16 ? `${common}, run_as_owner = true, origin = none` : common;
}

const IS_OURS = "subname = $1 and subdbid = (select oid from pg_database where datname = current_database())";

/**
 * Subscribes `subscriber` to the other end's publication and slot of the same name, unless it has.
 * @param beginsAt WAL position of the publisher before which nothing is wanted, whatever the slot says
 */
export async function createSubscription(
  subscriber: Endpoint,
  publisher: Endpoint,
  name: string,
  beginsAt: string | null = null,
): Promise<void> {
  await inTransaction(subscriber.owner, async (client) => {
    // The text holds a password: in no log, whatever the server logs.
    await client.query("set local log_statement = 'none'; set local log_min_duration_statement = -1");
    await client.query("set local log_min_error_statement = 'panic'");
    const { rows } = await client.query<{ text: string }>(
      `select format('create subscription %I connection %L publication %I with (slot_name = %L, ${optionsOf(subscriber.major)})',
         $1::text, $2::text, $1::text, $1::text) as text
       where not exists (select from pg_subscription where ${IS_OURS})`,
      [name, publisher.database.replicationConninfo(publisher.peer)],
    );
    if (rows[0] === undefined) return;
    await client.query(rows[0].text);
    if (beginsAt === null) return;
    // The process that applies asks for what comes after its origin's position, and begins when this transaction has committed.
    await client.query(
      `select pg_replication_origin_advance('pg_' || oid, $2::pg_lsn) from pg_subscription where ${IS_OURS}`,
      [name, beginsAt],
    );
  });
}

/** Drops it without asking the other end, which may be gone; the slot there is dropped on its own (DROP SUBSCRIPTION, Notes). */
export async function dropSubscription({ owner }: Pick<Endpoint, "owner">, name: string): Promise<void> {
  const { rows } = await owner.query<{ disable: string; detach: string; drop: string }>(
    `select format('alter subscription %I disable', subname) as disable,
       format('alter subscription %I set (slot_name = none)', subname) as detach, format('drop subscription %I', subname) as drop
     from pg_subscription where subname = $1 and subdbid = (select oid from pg_database where datname = current_database())`,
    [name],
  );
  if (rows[0] === undefined) return;
  await owner.query(rows[0].disable);
  await owner.query(rows[0].detach);
  await owner.query(rows[0].drop);
}
