import type { ConnectionPool } from "../db/connections.ts";
import { readMigrations } from "../db/history.ts";
import { migrationSets } from "../db/migrate.ts";
import { queryRows } from "../db/query.ts";
import { RowhouseError } from "../errors.ts";
import type { Manifest } from "./manifest.ts";

/** Applied migrations by set, oldest first. */
export type Versions = Pick<Manifest["schema"], "platform" | "app">;

/** What an older archive needs to be of this database's schema. */
export interface Upgrade {
  readonly appDir: string | null;
  readonly from: Versions;
  /** Migrations that the archive's rows have not been through, in their order. */
  readonly missed: readonly string[];
}

const SETS = ["platform", "app"] as const;

async function readVersions(pool: ConnectionPool): Promise<Versions> {
  const text = `select array(select name from platform.platform_migrations order by run_on, id)::text[] as platform,
    array(select name from platform.app_migrations order by run_on, id)::text[] as app`;
  const [row] = await queryRows<Versions>(pool, { text });
  return row!;
}

/** @throws RowhouseError archiveNewer */
function assertNotNewer(archived: Versions, live: Versions): void {
  const unknown = SETS.flatMap((set) => archived[set].filter((name) => !live[set].includes(name)));
  if (unknown.length === 0) return;
  throw new RowhouseError("archiveNewer", {
    message: `The archive is of a newer schema, or of another app: this database has not got ${unknown.join(", ")}`,
    details: unknown.join("\n"),
    hint: "Run `rowhouse migrate` with that app first, then restore. Nothing was written.",
  });
}

function older(why: string): RowhouseError {
  return new RowhouseError("archiveOlder", {
    message: `The archive is of an older schema, and its rows can't be migrated: ${why}`,
    hint: "Name the app that this database was migrated with: --app <folder>. Nothing was written.",
  });
}

/** The archive's migrations have to be the first ones of each set, so that a database can be brought to just there. */
async function assertReachable(archived: Versions, live: Versions, appDir: string | null): Promise<void> {
  const sets = migrationSets(appDir);
  for (const name of SETS) {
    const set = sets.find((candidate) => candidate.name === name);
    const files = set === undefined ? [] : (await readMigrations(set)).map((file) => file.name);
    const lost = live[name].find((migration) => !files.includes(migration));
    if (lost !== undefined) throw older(`the migration ${lost} is not in ${set?.dir ?? "any app"}`);
    const odd = archived[name].find((migration, index) => files[index] !== migration);
    if (odd !== undefined) throw older(`${odd} is not where it stands in ${set?.dir ?? "any app"}`);
  }
}

/**
 * Compares the archive's migrations with this database's.
 * @returns null when they are the same
 * @throws RowhouseError archiveNewer; archiveOlder when the files to migrate it with are not at hand
 */
export async function planUpgrade(
  pool: ConnectionPool,
  archived: Versions,
  appDir: string | null,
): Promise<Upgrade | null> {
  const live = await readVersions(pool);
  assertNotNewer(archived, live);
  const missed = SETS.flatMap((set) => live[set].filter((name) => !archived[set].includes(name)));
  if (missed.length === 0) return null;
  await assertReachable(archived, live, appDir);
  return { appDir, from: { platform: archived.platform, app: archived.app }, missed };
}
