import { runner } from "node-pg-migrate";
import type pg from "pg";
import { RowhouseError } from "../errors.ts";
import { HISTORY_TABLES, readHistory, readMigrations, type MigrationFile, type MigrationSet } from "./history.ts";
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
}

/** The line that a SQL error points at, with a caret under the place. */
function pointAt(sql: string, position: number): string {
  const before = sql.slice(0, position - 1);
  const line = before.split("\n").length;
  const column = position - 1 - (before.lastIndexOf("\n") + 1);
  return `line ${line}: ${sql.split("\n")[line - 1] ?? ""}\n${" ".repeat(`line ${line}: `.length + column)}^`;
}

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
    hint: error.hint ?? "Nothing of this run was kept. Mend the file and run migrate again.",
    cause: error,
  });
}

/** Takes the files as read and checked, not as they may be by now, and records their checksums in the same transaction. */
function loaderOf(set: MigrationSet, files: readonly MigrationFile[], onFile: (file: MigrationFile) => void) {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return async (paths: string[]) =>
    paths.flatMap((path) => {
      const file = byPath.get(path);
      if (file === undefined) return [];
      const { up, down } = file;
      const actions = {
        up: async (pgm: {
          sql(text: string): void;
          db: { query(text: string, values: unknown[]): Promise<unknown> };
        }) => {
          onFile(file);
          await pgm.db.query(RECORD, [set.name, file.name, file.sha256]);
          pgm.sql(up);
          if (set.name === "app") pgm.sql("select platform.assert_protected()");
        },
        down:
          down !== null &&
          (async (pgm: {
            sql(text: string): void;
            db: { query(text: string, values: unknown[]): Promise<unknown> };
          }) => {
            onFile(file);
            await pgm.db.query(FORGET, [set.name, file.name]);
            pgm.sql(down);
          }),
      };
      return [{ id: path, filePaths: [path], actions }];
    });
}

/**
 * Runs one set in one transaction, as whatever role the client has set.
 * @returns names, in the order they ran
 * @throws RowhouseError migrationEdited, schemaUnknown, migrationFailed, tableUnprotected, keyWithoutTenant, tableUnfit
 */
export async function runMigrations(client: pg.ClientBase, set: MigrationSet, options: RunOptions): Promise<string[]> {
  await readHistory(client, set); // refuses edited files before anything runs
  const files = await readMigrations(set);
  let current: MigrationFile | undefined;
  const quiet = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
  const config = {
    dbClient: client,
    dir: set.dir,
    migrationsSchema: "platform",
    migrationsTable: HISTORY_TABLES[set.name],
    ...(set.name === "app" && { schema: ["app", "public"] }),
    direction: options.direction,
    ...(options.count !== undefined && { count: options.count }),
    fake: options.fake ?? false,
    singleTransaction: true,
    noLock: true, // migrate() holds a lock around all of its steps
    checkOrder: true,
    ignorePattern: "(?!.*\\.sql$).*",
    logger: quiet,
    migrationLoaderStrategies: [{ extensions: [".sql"], loader: loaderOf(set, files, (file) => (current = file)) }],
  };
  try {
    const ran = await runner(config);
    if (options.fake === true)
      await recordFaked(
        client,
        set,
        files,
        ran.map(({ name }) => name),
      );
    return ran.map(({ name }) => name);
  } catch (error) {
    throw explainFailure(current, options.direction, error);
  }
}

async function recordFaked(client: pg.ClientBase, set: MigrationSet, files: readonly MigrationFile[], names: string[]) {
  for (const file of files.filter(({ name }) => names.includes(name))) {
    await client.query(RECORD, [set.name, file.name, file.sha256]);
  }
}
