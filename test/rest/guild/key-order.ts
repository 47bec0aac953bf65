import type { DbClient } from "../../../src/db/connections.ts";

/**
 * Lets the foreign keys of each table of the guild be looked at in the opposite order.
 *
 * Of several keys that refuse a change, the first to be looked at gives the answer. Triggers fire in the order of their names (CREATE TRIGGER,
 * Notes), and those of a key are named by their OID in digits: as the keys were made, until OIDs grow from 99999 to 100000 between two of them.
 * @returns how many triggers there are
 */
export async function reverseKeyOrder(superuser: DbClient): Promise<number> {
  const { rowCount } = await superuser.query(
    `update pg_trigger t set tgname = left(tgname, length('RI_ConstraintTrigger_a_')) || to_char(4294967295 - t.oid::bigint, 'FM0000000000')
     from pg_class c where c.oid = t.tgrelid and c.relnamespace = 'guild'::regnamespace and t.tgisinternal and starts_with(tgname, 'RI_')`,
  );
  // Of pg_trigger alone no session hears; of a row of pg_class each does, and reads the table's triggers again.
  await superuser.query(
    "update pg_class set relname = relname where relnamespace = 'guild'::regnamespace and relhastriggers",
  );
  return rowCount ?? 0;
}
