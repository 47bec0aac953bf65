import type pg from "pg";
import { RowhouseError } from "../errors.ts";
import { readMigrationPath } from "./app-schemas.ts";
import { checkRepeatable, dropHalfBuilt, isConcurrent } from "./concurrent-index.ts";
import { HISTORY_TABLES, readHistory, readMigrations, type MigrationFile, type MigrationSet } from "./history.ts";
import type { LockWait } from "./lock-wait.ts";
import { isDatabaseError, translateError } from "./transaction.ts";

const RECORD =
  "insert into platform.migration_checksums (set_name, name, sha256) values ($1, $2, $3) on conflict (set_name, name) do update set sha256 = excluded.sha256, applied_at = now()";
const FORGET = "delete from platform.migration_checksums where set_name = $1 and name = $2";

export interface RunOptions {
  readonly direction: "up" | "down";
  /** How many; all pending ones when left out. */
  readonly count?: number;
  /** Marks them as run without running them. */
  readonly fake?: boolean;
  readonly locks: LockWait;
}

interface Batch {
  readonly direction: "up" | "down";
  readonly files: readonly MigrationFile[];
  readonly fake: boolean;
}

/** The line that a SQL error points at, with a caret under the place. */
function pointAt(sql: string, position: number): string {
  const before = sql.slice(0, position - 1);
  const line = before.split("\n").length;
  const column = position - 1 - (before.lastIndexOf("\n") + 1);
  return `line ${line}: ${sql.split("\n")[line - 1] ?? ""}\n${" ".repeat(`line ${line}: `.length + column)}^`;
}

const ALONE_HINT =
  "It runs without a transaction, and is one statement. The migrations before it were kept. Mend the file and run migrate again.";

function explainFailure(file: MigrationFile | undefined, direction: "up" | "down", error: unknown): unknown {
  const refusal = translateError(error);
  const where = file === undefined ? "" : `${file.name}: `;
  if (refusal instanceof RowhouseError) {
    return new RowhouseError(refusal.kind, {
      message: where + refusal.message,
      details: refusal.details ?? undefined,
      hint: refusal.hint ?? undefined,
      cause: error,
    });
  }
  if (!isDatabaseError(error) || file === undefined) return error;
  const sql = direction === "up" ? file.up : (file.down ?? "");
  return new RowhouseError("migrationFailed", {
    message: `${where}${error.message}`,
    details: error.position === undefined ? error.detail : pointAt(sql, Number(error.position)),
    hint:
      error.hint ?? (file.alone ? ALONE_HINT : "Nothing of this run was kept. Mend the file and run migrate again."),
    cause: error,
  });
}

interface Pgm {
  sql(text: string): void;
  noTransaction(): void;
  db: { query(text: string, values: unknown[]): Promise<unknown> };
}

/** Takes the files as read and checked, not as they may be by now, and records their checksums in the same transaction. */
function loaderOf(
  client: pg.ClientBase,
  set: MigrationSet,
  files: readonly MigrationFile[],
  onFile: (file: MigrationFile) => void,
) {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return async (paths: string[]) =>
    paths.flatMap((path) => {
      const file = byPath.get(path);
      if (file === undefined) return [];
      const { up, down, alone } = file;
      const act = (query: string, values: string[], sql: string) => async (pgm: Pgm) => {
        onFile(file);
        // Before each: the one before may have registered a schema, and has to mean the same when both run at once.
        if (set.name === "app")
          await client.query(`set search_path to ${(await readMigrationPath(client)).join(", ")}`);
        if (alone) pgm.noTransaction();
        else await pgm.db.query(query, values);
        pgm.sql(sql);
      };
      const actions = {
        up: async (pgm: Pgm) => {
          await act(RECORD, [set.name, file.name, file.sha256], up)(pgm);
          if (set.name === "app") pgm.sql("select platform.assert_protected()");
        },
        down: down !== null && act(FORGET, [set.name, file.name], down),
      };
      return [{ id: path, filePaths: [path], actions }];
    });
}

/** Runs the next files in one transaction, or one file without any. */
async function runBatch(client: pg.ClientBase, set: MigrationSet, all: readonly MigrationFile[], batch: Batch) {
  let current: MigrationFile | undefined;
  const quiet = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
  const config = {
    dbClient: client,
    dir: set.dir,
    migrationsSchema: "platform",
    migrationsTable: HISTORY_TABLES[set.name],
    direction: batch.direction,
    count: batch.files.length,
    fake: batch.fake,
    singleTransaction: batch.files.every(({ alone }) => !alone),
    noLock: true, // migrate() holds a lock around all of its steps
    checkOrder: true,
    ignorePattern: "(?!.*\\.sql$).*",
    logger: quiet,
    migrationLoaderStrategies: [
      { extensions: [".sql"], loader: loaderOf(client, set, all, (file) => (current = file)) },
    ],
  };
  try {
    // Only now: it brings readers of many kinds of files along, and most commands apply none.
    const { runner } = await import("node-pg-migrate");
    const ran = await runner(config);
    return ran.map(({ name }) => name);
  } catch (error) {
    throw explainFailure(current, batch.direction, error);
  }
}

/** The longest runs of files that share a transaction. Pure. */
function batchesOf(files: readonly MigrationFile[], direction: "up" | "down", fake: boolean): Batch[] {
  const groups: MigrationFile[][] = [];
  for (const file of files) {
    const last = groups.at(-1);
    const joins = last !== undefined && (fake || (!file.alone && !last.some(({ alone }) => alone)));
    if (joins) last.push(file);
    else groups.push([file]);
  }
  return groups.map((group) => ({ direction, files: group, fake }));
}

async function runAlone(
  client: pg.ClientBase,
  set: MigrationSet,
  all: readonly MigrationFile[],
  batch: Batch,
  locks: LockWait,
): Promise<string[]> {
  const [file] = batch.files;
  const sql = (batch.direction === "up" ? file!.up : file!.down) ?? "";
  checkRepeatable(file!, sql);
  const dropLeft = () => dropHalfBuilt(client, set, sql, locks.limits.lockTimeoutMs);
  const step = async () => {
    await dropLeft();
    const names = await runBatch(client, set, all, batch);
    if (batch.direction === "up") await client.query(RECORD, [set.name, file!.name, file!.sha256]);
    else await client.query(FORGET, [set.name, file!.name]);
    return names;
  };
  try {
    return await locks.run(step, isConcurrent(sql) ? "long" : "brief");
  } catch (error) {
    await dropLeft().catch(() => {}); // else the next run does
    throw error;
  }
}

/**
 * Runs one set, as whatever role the client has set: in one transaction, but for files that say `-- no transaction`, which stand
 * between two of them.
 * @returns names, in the order they ran
 * @throws RowhouseError migrationEdited, schemaUnknown, migrationFailed, migrationBlocked, tableUnprotected, keyWithoutTenant,
 * tableUnfit
 */
export async function runMigrations(client: pg.ClientBase, set: MigrationSet, options: RunOptions): Promise<string[]> {
  const { direction, count, locks, fake = false } = options;
  const { applied, pending } = await readHistory(client, set); // refuses edited files before anything runs
  const files = await readMigrations(set);
  const named = new Map(files.map((file) => [file.name, file]));
  const undone = () =>
    applied
      .slice(-(count ?? 1))
      .toReversed()
      .map((name) => named.get(name)!);
  const todo = direction === "up" ? pending.slice(0, count) : undone();
  const names: string[] = [];
  for (const batch of batchesOf(todo, direction, fake)) {
    const isAlone = !fake && batch.files.some(({ alone }) => alone);
    const ran = isAlone
      ? await runAlone(client, set, files, batch, locks)
      : await locks.run(() => runBatch(client, set, files, batch));
    if (fake) await recordFaked(client, set, batch.files);
    names.push(...ran);
  }
  return names;
}

async function recordFaked(client: pg.ClientBase, set: MigrationSet, files: readonly MigrationFile[]): Promise<void> {
  for (const file of files) await client.query(RECORD, [set.name, file.name, file.sha256]);
}
