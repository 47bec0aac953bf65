import type { ConnectionPool, Database, DbClient } from "../db/connections.ts";
import { sealOf } from "../db/keyring.ts";
import { readIdentity, sameDatabase, type DatabaseIdentity } from "../db/identity.ts";
import { RowhouseError } from "../errors.ts";
import { HOME, listDatabases, openEntry } from "./databases.ts";
import type { Home } from "./spread.ts";

/** A database that is to become one of the deployment. */
export interface Candidate {
  readonly name: string;
  readonly database: Database;
}

const unfit = (name: string, problem: string, hint: string) =>
  new RowhouseError("databaseUnfit", { message: `The database ${name} can't be added: ${problem}`, hint });

async function withOwner<T>(database: Database, work: (client: DbClient) => Promise<T>): Promise<T> {
  const client = await database.connectOwner();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** One that can't be reached can only be compared by what the registry says of it. */
async function isSame(
  home: Home,
  entry: { name: string; database: Database },
  own: DatabaseIdentity,
): Promise<boolean> {
  try {
    return sameDatabase(own, await withOwner(entry.database, readIdentity));
  } catch (error) {
    if (entry.database === home.database) throw error;
    return false;
  }
}

async function assertOther(home: Home, { name, database }: Candidate, client: DbClient): Promise<void> {
  const own = await readIdentity(client);
  for (const entry of await listDatabases(home.platform)) {
    const known = { name: entry.name, database: entry.name === HOME ? home.database : openQuietly(home, entry) };
    if (known.database === null) continue;
    const isKnown = known.database.address === database.address && entry.name !== HOME;
    if (!isKnown && !(await isSame(home, { name: known.name, database: known.database }, own))) continue;
    throw unfit(
      name,
      entry.name === HOME ? "it is the one that holds the registry" : `it is already here, as ${entry.name}`,
      "`rowhouse database list` shows them. The same server may hold several databases: name another one in the URL.",
    );
  }
}

function openQuietly(home: Home, entry: Parameters<typeof openEntry>[1]): Database | null {
  try {
    return openEntry(home.database, entry);
  } catch {
    return null; // its secret is not here: add goes on, `database test` tells
  }
}

interface Inhabitant {
  id: string;
  slug: string;
  seal: Buffer;
  movedTo: string | null;
}

async function readInhabitants(client: DbClient): Promise<Inhabitant[]> {
  const { rows: found } = await client.query<{ here: boolean }>(
    "select exists (select from pg_attribute where attrelid = to_regclass('platform.tenants') and attname = 'moved_to' and not attisdropped) as here",
  );
  if (found[0]?.here !== true) return readOldInhabitants(client);
  const { rows } = await client.query<Inhabitant>(
    `select id, slug, seal, moved_to as "movedTo" from platform.tenants order by slug`,
  );
  return rows;
}

/** Of a schema from before there were placements: all live there. */
async function readOldInhabitants(client: DbClient): Promise<Inhabitant[]> {
  const { rows: found } = await client.query<{ here: boolean }>(
    "select to_regclass('platform.tenants') is not null as here",
  );
  if (found[0]?.here !== true) return [];
  const { rows } = await client.query<Inhabitant>(`select id, slug, seal, null as "movedTo" from platform.tenants`);
  return rows;
}

async function readOwnEntries(client: DbClient): Promise<string[]> {
  const { rows: found } = await client.query<{ here: boolean }>(
    "select to_regclass('platform.databases') is not null as here",
  );
  if (found[0]?.here !== true) return [];
  const { rows } = await client.query<{ name: string }>("select name from platform.databases where name <> $1", [HOME]);
  return rows.map(({ name }) => name);
}

/** Migrating would seal its tenants with our secret, and take them from whoever serves them. */
async function assertOurs(home: Home, { name, database }: Candidate, client: DbClient): Promise<void> {
  const hint = "Name an empty database, or one that was part of this deployment before.";
  const entries = await readOwnEntries(client);
  if (entries.length > 0)
    throw unfit(name, `it holds the registry of another deployment (${entries.join(", ")})`, hint);
  const inhabitants = await readInhabitants(client);
  const strangers = inhabitants.filter(({ id, seal }) => !seal.equals(sealOf(database.keyring.tenantSecret(id))));
  if (strangers.length > 0) {
    throw unfit(name, `its tenants are sealed with another deployment's secret (${strangers[0]!.slug} …)`, hint);
  }
  await assertPlaced(home.platform, name, inhabitants);
}

/** A copy of one of our databases has our tenants living in it a second time. */
async function assertPlaced(platform: ConnectionPool, name: string, inhabitants: readonly Inhabitant[]): Promise<void> {
  const living = inhabitants.filter(({ movedTo }) => movedTo === null);
  if (living.length === 0) return;
  const { rows } = await platform.query<{ id: string }>("select id from platform.tenants where moved_to = $1", [name]);
  const placed = new Set(rows.map(({ id }) => id));
  const doubled = living.filter(({ id }) => !placed.has(id)).map(({ slug }) => slug);
  if (doubled.length === 0) return;
  throw unfit(
    name,
    `tenants live in it that the registry has elsewhere, or not at all: ${doubled.slice(0, 5).join(", ")}`,
    "Is it a copy of another database of this deployment? Name an empty one.",
  );
}

/** Roles are of the whole server, and migrating gives them our passwords. */
async function assertServerFree({ name, database }: Candidate, client: DbClient): Promise<void> {
  const { rowCount } = await client.query("select from pg_roles where rolname = 'rowhouse_platform' and rolcanlogin");
  if (rowCount === 0) return;
  try {
    await (await database.connect("rowhouse_platform")).end();
  } catch (error) {
    const { code } = (error as RowhouseError).cause as { code?: string };
    if (code !== "28P01") return; // anything else is put right by migrating
    throw unfit(
      name,
      "the roles of its server have other passwords than this deployment's",
      "Another Rowhouse, with another ROWHOUSE_SECRET, uses a database of this server. Use a server of its own.",
    );
  }
}

/**
 * Looks whether the database may become one of this deployment: it is none that is here already, and nobody else's. Changes nothing.
 * @throws RowhouseError databaseUnfit, databaseUnavailable
 */
export function assertAdoptable(home: Home, candidate: Candidate): Promise<void> {
  return withOwner(candidate.database, async (client) => {
    await assertOther(home, candidate, client);
    await assertServerFree(candidate, client);
    await assertOurs(home, candidate, client);
  });
}
