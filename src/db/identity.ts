import type { Database, DbClient } from "./connections.ts";
import { isDatabaseError } from "./transaction.ts";

/** Which database it is, whatever it is called in a URL. */
export interface DatabaseIdentity {
  /** Of the cluster, as initdb made it. */
  readonly system: string;
  /** Of the database in it. */
  readonly oid: string;
}

/** @throws DatabaseError */
export async function readIdentity(client: Pick<DbClient, "query">): Promise<DatabaseIdentity> {
  const { rows } = await client.query<DatabaseIdentity>(
    `select (select system_identifier::text from pg_control_system()) as system, d.oid::text as oid
     from pg_database d where d.datname = current_database()`,
  );
  return rows[0]!;
}

/** Pure. */
export function sameDatabase(one: DatabaseIdentity, other: DatabaseIdentity): boolean {
  return one.system === other.system && one.oid === other.oid;
}

/** Databases that any server has, to connect to while ours is being made. */
const ALWAYS_THERE = ["postgres", "template1"];

/**
 * Makes the database on the server that its URL names, as the URL's user.
 * @param name of the database, as in the URL
 * @returns false when it is there already
 * @throws RowhouseError databaseUnavailable; DatabaseError when the user may not
 */
export async function createDatabase(database: Database, name: string): Promise<boolean> {
  let failure: unknown;
  for (const other of ALWAYS_THERE) {
    const client = await database
      .neighbour(other)
      .connectOwner()
      .catch((error: unknown) => void (failure = error));
    if (client === undefined) continue;
    try {
      const { rows } = await client.query<{ text: string }>("select format('create database %I', $1::text) as text", [
        name,
      ]);
      await client.query(rows[0]!.text);
      return true;
    } catch (error) {
      // 42P04 duplicate_database; 23505 when two make it at the same moment.
      if (isDatabaseError(error) && ["42P04", "23505"].includes(error.code ?? "")) return false;
      throw error;
    } finally {
      await client.end();
    }
  }
  throw failure;
}
