import type { DbClient } from "../../../src/db/connections.ts";

/** A trigger `t` of a foreign key, on either of its tables `c`. */
const IS_KEY = "c.relnamespace = 'guild'::regnamespace and t.tgisinternal and starts_with(t.tgname, 'RI_')";
/** How its name begins: those of the table that is pointed at say `a`, and `c` those of the other. */
const SIDE = "left(t.tgname, length('RI_ConstraintTrigger_a_'))";

/**
 * Lets the foreign keys of each table of the guild be looked at in the opposite order.
 *
 * Of several keys that refuse a change, the first to be looked at gives the answer. Triggers fire in the order of their names (CREATE TRIGGER,
 * Notes), and those of a key are named by their OID in digits: as the keys were made, until OIDs grow from 99999 to 100000 between two of them.
 */
export async function reverseKeyOrder(superuser: DbClient): Promise<void> {
  await superuser.query(
    `update pg_trigger t set tgname = ${SIDE} || to_char(4294967295 - t.oid::bigint, 'FM0000000000')
     from pg_class c where c.oid = t.tgrelid and ${IS_KEY}`,
  );
  // Of pg_trigger alone no session hears; of a row of pg_class each does, and reads the table's triggers again.
  await superuser.query(
    "update pg_class set relname = relname where relnamespace = 'guild'::regnamespace and relhastriggers",
  );
}

/** @returns of each table and side with more than one: OIDs of the triggers of foreign keys, as they fire and as they were made */
export async function readKeyOrders(client: DbClient): Promise<{ fired: string[]; made: string[] }[]> {
  const { rows } = await client.query<{ fired: string[]; made: string[] }>(
    `select array_agg(t.oid::text order by t.tgname) as fired, array_agg(t.oid::text order by t.oid) as made
     from pg_trigger t join pg_class c on c.oid = t.tgrelid where ${IS_KEY} group by c.oid, ${SIDE} having count(*) > 1`,
  );
  return rows;
}
