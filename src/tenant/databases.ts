import { readSecret, SettingsError } from "../config.ts";
import type { ConnectionPool, Database } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
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
