import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type pg from "pg";
import { RowhouseError } from "../errors.ts";

/** A folder of migrations with a history of its own. `platform` always precedes `app`. */
export interface MigrationSet {
  readonly name: "platform" | "app";
  readonly dir: string;
}

export interface MigrationFile {
  readonly name: string;
  readonly path: string;
  readonly up: string;
  /** Null when the file has no Down part. */
  readonly down: string | null;
  /** Of the whole file, hex. */
  readonly sha256: string;
  /** Whether each part is one statement that wants no transaction around it, as `create index concurrently` does. */
  readonly alone: boolean;
}

export interface SetHistory {
  readonly set: MigrationSet;
  readonly applied: readonly string[];
  readonly pending: readonly MigrationFile[];
}

export const HISTORY_TABLES = { platform: "platform_migrations", app: "app_migrations" } as const;

const ENSURE_HISTORY = `
  create table if not exists platform.migration_checksums (
    set_name   text        not null check (set_name in ('platform', 'app')),
    name       text        not null,
    sha256     text        not null check (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz not null default now(),
    primary key (set_name, name)
  )`;

/** Among the comments that a file begins with. node-pg-migrate has no such mark for SQL files, only pgm.noTransaction() of JavaScript. */
const NO_TRANSACTION = /^(?:\s*--[^\n]*\n)*?\s*--[ \t]*no[ -]transaction[ \t]*\r?(?:\n|$)/i;

/** Splits a file as node-pg-migrate does: `-- Up Migration` and `-- Down Migration` start the two parts. */
export function parseMigration(path: string, content: string): MigrationFile {
  const downStart = content.search(/^\s*--[\s-]*down\s+migration/im);
  return {
    name: basename(path, ".sql"),
    path,
    up: downStart < 0 ? content : content.slice(0, downStart),
    down: downStart < 0 ? null : content.slice(downStart),
    sha256: createHash("sha256").update(content).digest("hex"),
    alone: NO_TRANSACTION.test(content),
  };
}

/** By their numbers. */
const compareNames = (one: string, other: string) => one.localeCompare(other, "en", { numeric: true });

/** The set's files in order of their numbers. A folder that does not exist is an error: a typo in --app must not pass as "up to date". */
export async function readMigrations(set: MigrationSet): Promise<MigrationFile[]> {
  const names = await readdir(set.dir).catch((cause: unknown) => {
    throw new RowhouseError("fileMissing", {
      message: `There is no folder ${set.dir}`,
      hint: "An app is a folder with migrations/ in it.",
      cause,
    });
  });
  const files = names.filter((name) => name.endsWith(".sql")).toSorted(compareNames);
  return Promise.all(
    files.map(async (name) => parseMigration(join(set.dir, name), await readFile(join(set.dir, name), "utf8"))),
  );
}

/** Names and checksums that the database says are applied, oldest first. Works before the first migrate, too. */
async function readApplied(client: pg.ClientBase, set: Pick<MigrationSet, "name">): Promise<Map<string, string>> {
  const table = `platform.${HISTORY_TABLES[set.name]}`;
  const { rows: found } = await client.query<{ exists: boolean }>("select to_regclass($1) is not null as exists", [
    table,
  ]);
  if (found[0]?.exists !== true) return new Map();
  const { rows } = await client.query<{ name: string; sha256: string }>(
    `select m.name, coalesce(c.sha256, '') as sha256
     from ${table} m left join platform.migration_checksums c on c.set_name = $1 and c.name = m.name
     order by m.run_on, m.id`,
    [set.name],
  );
  return new Map(rows.map((row) => [row.name, row.sha256]));
}

/** What has been applied to a database, by name and oldest first; empty where nothing ever was. */
export interface Applied {
  readonly platform: readonly string[];
  readonly app: readonly string[];
}

export async function readAppliedNames(client: pg.ClientBase): Promise<Applied> {
  const namesOf = async (name: "platform" | "app") => [...(await readApplied(client, { name })).keys()];
  return { platform: await namesOf("platform"), app: await namesOf("app") };
}

export async function ensureHistory(client: pg.ClientBase): Promise<void> {
  await client.query(ENSURE_HISTORY);
}

function refuseEdited(set: MigrationSet, name: string, verb: "edited in" | "removed from"): RowhouseError {
  return new RowhouseError("migrationEdited", {
    message: `The applied migration ${name} was ${verb} ${set.dir}`,
    hint: "Put the file back as it was and write the change as a new migration.",
  });
}

/** A migration after our last one is of a newer version; one before it was taken out of the folder. */
function refuseUnknown(set: MigrationSet, name: string, last: string | undefined): RowhouseError {
  const isNewer = set.name === "platform" || (last !== undefined && compareNames(name, last) > 0);
  if (!isNewer) return refuseEdited(set, name, "removed from");
  const own = set.name === "platform" ? "this Rowhouse" : `the app in ${set.dir}`;
  return new RowhouseError("schemaUnknown", {
    message: `The database has the ${set.name} migration ${name}, which ${own} does not know`,
    hint: `Run the newer ${set.name === "platform" ? "Rowhouse" : "version of the app"} that applied it.`,
  });
}

/**
 * Compares the files with what was applied.
 * @throws RowhouseError migrationEdited, which names the file; schemaUnknown when the history goes on beyond ours
 */
export async function readHistory(client: pg.ClientBase, set: MigrationSet): Promise<SetHistory> {
  const files = await readMigrations(set);
  const byName = new Map(files.map((file) => [file.name, file]));
  const applied = await readApplied(client, set);
  for (const [name, sha256] of applied) {
    const file = byName.get(name);
    if (file === undefined) throw refuseUnknown(set, name, files.at(-1)?.name);
    if (sha256 !== "" && file.sha256 !== sha256) throw refuseEdited(set, name, "edited in");
  }
  return { set, applied: [...applied.keys()], pending: files.filter((file) => !applied.has(file.name)) };
}
