import { RowhouseError } from "../errors.ts";
import type { Connections, DbClient } from "./connections.ts";
import { HISTORY_TABLES, readMigrations, type MigrationSet } from "./history.ts";
import { isDatabaseError, withConnection } from "./transaction.ts";

/** Names of the migrations that a database has, oldest first. */
export type SchemaVersion = Readonly<Record<MigrationSet["name"], readonly string[]>>;

const NOTHING: SchemaVersion = { platform: [], app: [] };

const ofSet = (set: keyof typeof HISTORY_TABLES) =>
  `array(select m.name::text from platform.${HISTORY_TABLES[set]} m order by m.run_on, m.id) as ${set}`;
const APPLIED = `select ${ofSet("platform")}, ${ofSet("app")}`;

/**
 * Works before the first migrate, too.
 * @throws DatabaseError
 */
export async function readSchemaVersion(client: Pick<DbClient, "query">): Promise<SchemaVersion> {
  try {
    const { rows } = await client.query<{ platform: string[]; app: string[] }>(APPLIED);
    return rows[0] ?? NOTHING;
  } catch (error) {
    // 3F000 schema, 42P01 table: does not exist.
    if (isDatabaseError(error) && ["3F000", "42P01"].includes(error.code ?? "")) return NOTHING;
    throw error;
  }
}

/**
 * @param connections of rowhouse_platform
 * @throws RowhouseError databaseUnavailable, busy; DatabaseError
 */
export function askSchemaVersion(connections: Connections): Promise<SchemaVersion> {
  return withConnection(connections, readSchemaVersion);
}

export interface VersionDifference {
  /** What the wanted schema has and this one has not: it is older. As `app 0012_notes`. */
  readonly missing: readonly string[];
  /** What only this one has: it is newer. */
  readonly extra: readonly string[];
}

const namesOf = ({ platform, app }: SchemaVersion) =>
  new Set([...platform.map((name) => `platform ${name}`), ...app.map((name) => `app ${name}`)]);

/** Pure; null when they are equal. */
export function compareVersions(own: SchemaVersion, wanted: SchemaVersion): VersionDifference | null {
  const [has, wants] = [namesOf(own), namesOf(wanted)];
  const missing = [...wants.difference(has)];
  const extra = [...has.difference(wants)];
  return missing.length + extra.length === 0 ? null : { missing, extra };
}

/**
 * Pure: whether a server can use another database than the registry's. It writes its statements by the catalog that it has read from
 * the registry's, so the database needs all that this catalog is of. More than that is a rolling deploy on its way, as long as the
 * registry's has it as well: a running server goes on with both.
 * @param database that is looked at
 * @param home the registry's, as it is now
 * @param served the registry's, as it was when the server read its catalog
 * @returns null when it can
 */
export function misfitOf(
  database: SchemaVersion,
  home: SchemaVersion,
  served: SchemaVersion,
): VersionDifference | null {
  const missing = compareVersions(database, served)?.missing ?? [];
  const atHome = namesOf(home);
  const extra = (compareVersions(database, served)?.extra ?? []).filter((name) => !atHome.has(name));
  return missing.length + extra.length === 0 ? null : { missing, extra };
}

/**
 * A server that starts on a newer database than it knows has been left behind by a deploy, or was rolled back: it could only guess.
 * One that runs already when its database is migrated goes on.
 * @param sets of `migrationSets`; what is not among them is not compared
 * @throws RowhouseError schemaUnknown
 */
export async function refuseNewer(database: SchemaVersion, sets: readonly MigrationSet[]): Promise<void> {
  for (const set of sets) {
    const known = new Set((await readMigrations(set)).map(({ name }) => name));
    const unknown = database[set.name].filter((name) => !known.has(name));
    if (unknown.length === 0) continue;
    const own = set.name === "platform" ? "Rowhouse" : "app";
    throw new RowhouseError("schemaUnknown", {
      message: `The database has ${set.name} migrations that this ${own} does not know: ${unknown.join(", ")}`,
      hint: `Start the ${own} that they belong to, or a newer one.`,
    });
  }
}

/** Pure. What a difference from the registry's database means for the database of this name. */
export function versionRefusal(name: string, { missing, extra }: VersionDifference): RowhouseError {
  const isOlder = missing.length > 0;
  const parts = [
    isOlder ? [`it lacks ${missing.join(", ")}`] : [],
    extra.length > 0 ? [`only it has ${extra.join(", ")}`] : [],
  ];
  return new RowhouseError("databaseVersion", {
    message: `The schema of the database ${name} is ${isOlder ? "older" : "newer"} than the registry's`,
    details: parts.flat().join("; "),
    hint: isOlder
      ? `\`rowhouse migrate --database ${name}\` brings it up.`
      : "`rowhouse migrate` brings the registry's up.",
  });
}
