import type { Command } from "commander";
import type { SetHistory } from "../db/history.ts";
import { migrate, migrateDown, migrationStatus, type MigrateResult } from "../db/migrate.ts";
import type { ServerVersion } from "../db/server-version.ts";
import { RowhouseError } from "../errors.ts";
import { act, addExamples, EXIT_FINDINGS } from "./action.ts";
import { plural, type Output } from "./output.ts";
import { openSession, type Session } from "./session.ts";

interface MigrateOptions {
  readonly app?: string;
  readonly dryRun?: boolean;
  readonly check?: boolean;
  readonly down?: string;
  readonly set?: string;
  readonly fake?: boolean;
}

/** Pure: the warning of a server with known holes, by which plain SQL can read another tenant's row; null for a sound one. */
export function describeVersion({ text, floor }: ServerVersion): string | null {
  if (floor === null) return null;
  return `PostgreSQL ${text} has known holes in row-level security: SQL that gets past the API can reach other tenants' rows. Upgrade to ${floor} or newer.`;
}

/** The SQL whole, as it would run. Pure. */
function pendingSql(histories: readonly SetHistory[]): string {
  const files = histories.flatMap(({ set, pending }) => pending.map((file) => ({ set: set.name, ...file })));
  return files.map(({ set, name, up }) => `-- ${set} ${name}\n${up.trim()}\n`).join("\n");
}

async function preview(out: Output, session: Session): Promise<void> {
  const histories = await migrationStatus(session.database, session.appDir);
  const pending = histories.flatMap(({ set, pending: files }) =>
    files.map(({ name, up }) => ({ set: set.name, name, sql: up.trim() })),
  );
  out.answer({ pending }, pendingSql(histories));
  out.talk(`${plural(pending.length, "migration")} pending; nothing was run.`);
}

async function check(out: Output, session: Session): Promise<number> {
  const histories = await migrationStatus(session.database, session.appDir);
  const pending = histories.flatMap(({ set, pending: files }) => files.map(({ name }) => ({ set: set.name, name })));
  const applied = histories.reduce((sum, history) => sum + history.applied.length, 0);
  out.answer({ applied, pending }, pending.map(({ set, name }) => `pending  ${set} ${name}`).join("\n"));
  out.talk(`${plural(applied, "migration")} applied, ${pending.length} pending.`);
  return pending.length === 0 ? 0 : EXIT_FINDINGS;
}

async function down(out: Output, session: Session, options: MigrateOptions): Promise<void> {
  const count = Number(options.down);
  const set = options.set ?? "app";
  if (!Number.isInteger(count) || count < 1)
    throw new RowhouseError("usage", { message: `--down takes a number from 1 up, not ${options.down}` });
  if (set !== "app" && set !== "platform")
    throw new RowhouseError("usage", { message: `--set is app or platform, not ${set}` });
  const undone = await migrateDown(session.database, session.appDir, set, count);
  out.answer({ set, undone }, undone.map((name) => `undone  ${set} ${name}`).join("\n"));
  out.talk(`${plural(undone.length, "migration")} taken back.`);
}

interface UpOptions {
  readonly fake?: boolean;
  readonly onVersion: (version: ServerVersion) => void;
}

/** Runs what is pending, telling of a wait. Used by `serve`, too. */
export function migrateUp(
  out: Output,
  { database, appDir }: Pick<Session, "database" | "appDir">,
  options: UpOptions,
): Promise<MigrateResult> {
  return migrate(database, {
    appDir,
    ...options,
    onWait: () => out.talk("Another migrate is running; waiting for it to end."),
  });
}

async function up(out: Output, session: Session, options: MigrateOptions): Promise<void> {
  const onVersion = (version: ServerVersion) => {
    const warning = describeVersion(version);
    if (warning !== null) out.warn(warning);
  };
  const ran = await migrateUp(out, session, { fake: options.fake, onVersion });
  const lines = [...ran.platform.map((name) => `platform ${name}`), ...ran.app.map((name) => `app ${name}`)];
  const verb = options.fake === true ? "marked" : "applied";
  out.answer(
    { platform: ran.platform, app: ran.app, fake: options.fake ?? false },
    lines.map((line) => `${verb}  ${line}`).join("\n"),
  );
  out.talk(`${plural(lines.length, "migration")} ${verb}; policies applied.`);
}

async function run(out: Output, options: MigrateOptions): Promise<number | void> {
  const modes = [options.dryRun, options.check, options.down, options.fake].filter((mode) => mode !== undefined);
  if (modes.length > 1)
    throw new RowhouseError("usage", { message: "--dry-run, --check, --down and --fake exclude each other" });
  await using session = await openSession("migrate", { app: options.app, make: true, asOwner: true });
  if (options.dryRun === true) return preview(out, session);
  if (options.check === true) return check(out, session);
  if (options.down !== undefined) return down(out, session, options);
  return up(out, session, options);
}

export function registerMigrate(program: Command): void {
  const command = program
    .command("migrate")
    .description("bring the database to this Rowhouse and this app, then apply the policies")
    .option("--app <folder>", "the app, a folder with migrations/ in it (default: ROWHOUSE_APP)")
    .option("--dry-run", "print what is pending, with its SQL, and run nothing")
    .option("--check", "exit with 3 when migrations are pending, with 5 when an applied one was edited")
    .option("--down <count>", "take back the last migrations")
    .option("--set <name>", "with --down: app or platform (default: app)")
    .option("--fake", "mark the app's pending migrations as applied without running them")
    .action(act<MigrateOptions>(run));
  addExamples(command, [
    [
      "rowhouse migrate --app examples/sales",
      "the platform's migrations, then the app's; a second run waits for the first",
    ],
    ["rowhouse migrate --check", "for a deployment's pipeline: is this database ready for this version?"],
    ["rowhouse migrate --down 1", "take back the app's last migration"],
  ]);
}
