import { readSecret, SettingsError } from "../config.ts";
import type { ConnectionPool, Database } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";

/** The database that DATABASE_URL names: it holds the registry, and the tenants that have none of their own. */
export const HOME = "shared";

/** A database of this deployment, as the registry has it. */
export interface DatabaseEntry {
  readonly name: string;
  readonly kind: "shared" | "dedicated";
  /** Where its connection URL is to be found: `env:NAME` or `file:/path`; null for DATABASE_URL. */
  readonly secretRef: string | null;
  /** Host, port and database name, for people. */
  readonly address: string;
  /** host:port at which the other databases reach it; null: as the URL says. */
  readonly peer: string | null;
}

const COLUMNS = `d.name, d.kind, d.secret_ref as "secretRef", d.address, d.peer`;

/** All databases of the deployment, the registry's first. */
export function listDatabases(pool: ConnectionPool): Promise<DatabaseEntry[]> {
  return queryRows<DatabaseEntry>(pool, {
    text: `select ${COLUMNS} from platform.databases d order by d.name <> 'shared', d.name`,
  });
}

/** @throws RowhouseError databaseUnknown */
export async function findDatabase(pool: ConnectionPool, name: string): Promise<DatabaseEntry> {
  const [entry] = await queryRows<DatabaseEntry>(pool, {
    text: `select ${COLUMNS} from platform.databases d where d.name = $1`,
    values: [name],
  });
  if (entry !== undefined) return entry;
  throw new RowhouseError("databaseUnknown", {
    message: `There is no database ${name}`,
    hint: "`rowhouse database list` shows them, `rowhouse database add` adds one.",
  });
}

/**
 * The database of an entry. Connects to nothing.
 * @throws RowhouseError configInvalid when its secret can't be read here, or is no URL
 */
export function openEntry(home: Database, entry: DatabaseEntry): Database {
  if (entry.secretRef === null) return home;
  const hint = `Set it where this process runs, to the URL of the owner of ${entry.name}: postgres://user:password@host/database`;
  try {
    const url = readSecret(entry.secretRef);
    if (!/^postgres(ql)?:\/\//.test(url)) throw new SettingsError([`${entry.secretRef}: it is no postgres:// URL`]);
    return home.sibling(new URL(url).href);
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof TypeError)) throw error;
    const message = `The address of the database ${entry.name} can't be read: ${error.message}`;
    throw new RowhouseError("configInvalid", { message, hint, cause: error });
  }
}

/**
 * @param actor who does it, for the audit trail
 * @throws RowhouseError databaseExists
 */
export async function insertDatabase(pool: ConnectionPool, entry: DatabaseEntry, actor: string): Promise<void> {
  const { name, kind, secretRef, address, peer } = entry;
  await inPlatformTransaction(pool, actor, async (client) => {
    const { rowCount } = await client.query(
      `insert into platform.databases (name, kind, secret_ref, address, peer) values ($1, $2, $3, $4, $5)
       on conflict (name) do nothing`,
      [name, kind, secretRef, address, peer],
    );
    if (rowCount === 0) throw new RowhouseError("databaseExists", { message: `A database ${name} exists` });
  });
}

/**
 * Takes a database out of the deployment. Nothing in it is changed.
 * @throws RowhouseError databaseUnknown; databaseInUse for the registry's, while a tenant lives there or a move names it
 */
export async function removeDatabase(pool: ConnectionPool, name: string, actor: string): Promise<DatabaseEntry> {
  const entry = await findDatabase(pool, name);
  if (name === HOME) throw new RowhouseError("databaseInUse", { message: `${HOME} is the database of the registry` });
  await inPlatformTransaction(pool, actor, async (client) => {
    // Whoever places a tenant holds the row: that waits for us, or we for that.
    await client.query("select from platform.databases where name = $1 for update", [name]);
    const { rows } = await client.query<{ slug: string }>(
      "select slug from platform.tenants where moved_to = $1 order by slug limit 6",
      [name],
    );
    if (rows.length > 0) {
      throw new RowhouseError("databaseInUse", {
        message: `Tenants live in ${name}: ${rows.map(({ slug }) => slug).join(", ")}${rows.length > 5 ? " …" : ""}`,
        hint: "Move them away first: `rowhouse demote <tenant>`.",
      });
    }
    const moves = await client.query<{ slug: string }>(
      "select slug from platform.moves where finished_at is null and $1 in (from_database, to_database)",
      [name],
    );
    if (moves.rows[0] !== undefined) {
      throw new RowhouseError("databaseInUse", {
        message: `The move of ${moves.rows[0].slug} still needs ${name}`,
        hint: "`rowhouse moves list` shows it; it can be finished or aborted.",
      });
    }
    await client.query("delete from platform.databases where name = $1", [name]);
  });
  return entry;
}

/** How many tenants the registry has in each database, by name. */
export async function countPlacements(pool: ConnectionPool): Promise<Map<string, number>> {
  const rows = await queryRows<{ name: string; count: string }>(pool, {
    text: `select coalesce(t.moved_to, '${HOME}') as name, count(*) from platform.tenants t group by 1`,
  });
  return new Map(rows.map(({ name, count }) => [name, Number(count)]));
}
