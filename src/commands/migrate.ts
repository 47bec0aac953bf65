import type { Command } from "commander";
import type { SetHistory } from "../db/history.ts";
import { migrate, migrateDown, migrationStatus, type MigrateResult, type RunLimits } from "../db/migrate.ts";
import type { ConnectionPool, Database } from "../db/connections.ts";
import type { ServerVersion } from "../db/server-version.ts";
import { RowhouseError } from "../errors.ts";
import { findDatabase, HOME, listDatabases, openEntry } from "../tenant/databases.ts";
import { pendingOf } from "../tenant/migration.ts";
import { assertNoMove } from "../tenant/move-freeze.ts";
import { act, addExamples, EXIT_FINDINGS } from "./action.ts";
import { checkTargets, isTargeted, migrateDatabases, nameOfTarget, type TargetOptions } from "./migrate/databases.ts";
import { describeBlocked, readWaiting, type WaitOptions, type Waiting } from "./migrate/waiting.ts";
import { plural, type Output } from "./output.ts";
import { openSession, type Session } from "./session.ts";

interface MigrateOptions extends TargetOptions, WaitOptions {
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
  const pending = pendingOf(histories);
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

/** The database that --tenant or --database names, and how to run on it. */
async function aim(session: Session, options: MigrateOptions): Promise<UpOptions & { readonly database: Database }> {
  const waits = { force: options.force, ...readWaiting(options) };
  if (!isTargeted(options)) return { ...waits, database: session.database };
  const entry = await findDatabase(session.platform, await nameOfTarget(session, options));
  const other = entry.name === HOME ? undefined : { name: entry.name, registry: session.platform };
  return { ...waits, other, database: openEntry(session.database, entry) };
}

interface UpOptions extends Partial<Waiting> {
  readonly fake?: boolean;
  /** Also while a tenant is being moved. */
  readonly force?: boolean;
  /** Another database than the registry's, and the registry, which knows of the moves. */
  readonly other?: { readonly name: string; readonly registry: ConnectionPool };
  readonly onVersion?: (version: ServerVersion) => void;
}

/** What a run on one database tells and asks. */
function limitsOf(out: Output, { lockTimeoutMs, lockWaitMs, force, other }: UpOptions): RunLimits {
  const name = other?.name ?? HOME;
  return {
    lockTimeoutMs,
    lockWaitMs,
    onBlocked: (blocked) => {
      out.event({ event: "blocked", database: name, ...blocked });
      out.talk(describeBlocked(blocked));
    },
    admit: async (client, migrations) => {
      if (force === true) return;
      for (const warning of await assertNoMove(other?.registry ?? client, name, migrations)) out.warn(warning);
    },
  };
}

async function down(out: Output, session: Session, options: MigrateOptions): Promise<void> {
  const count = Number(options.down);
  const set = options.set ?? "app";
  if (!Number.isInteger(count) || count < 1)
    throw new RowhouseError("usage", { message: `--down takes a number from 1 up, not ${options.down}` });
  if (set !== "app" && set !== "platform")
    throw new RowhouseError("usage", { message: `--set is app or platform, not ${set}` });
  const { database, ...limits } = await aim(session, options);
  const undone = await migrateDown(database, session.appDir, set, count, limitsOf(out, limits));
  out.answer({ set, undone }, undone.map((name) => `undone  ${set} ${name}`).join("\n"));
  out.talk(`${plural(undone.length, "migration")} taken back.`);
}

/** Runs what is pending in one database, telling of a wait. Used by `serve`, too. */
export function migrateUp(
  out: Output,
  { database, appDir }: Pick<Session, "database" | "appDir">,
  options: UpOptions,
): Promise<MigrateResult> {
  return migrate(database, {
    appDir,
    fake: options.fake,
    onVersion: options.onVersion,
    ...limitsOf(out, options),
    onWait: () => out.talk("Another migrate is running; waiting for it to end."),
  });
}

async function tellOthers(out: Output, session: Session): Promise<void> {
  const others = (await listDatabases(session.platform)).length - 1;
  if (others > 0)
    out.talk(
      `${plural(others, "other database")} of this deployment: \`rowhouse migrate --all\` brings all of them up.`,
    );
}

async function up(out: Output, session: Session, options: MigrateOptions): Promise<void> {
  const onVersion = (version: ServerVersion) => {
    const warning = describeVersion(version);
    if (warning !== null) out.warn(warning);
  };
  const { fake } = options;
  const { database, ...limits } = await aim(session, options);
  const ran = await migrateUp(out, { database, appDir: session.appDir }, { fake, ...limits, onVersion });
  const lines = [...ran.platform.map((name) => `platform ${name}`), ...ran.app.map((name) => `app ${name}`)];
  const verb = fake === true ? "marked" : "applied";
  out.answer(
    { platform: ran.platform, app: ran.app, fake: fake ?? false },
    lines.map((line) => `${verb}  ${line}`).join("\n"),
  );
  out.talk(`${plural(lines.length, "migration")} ${verb}; policies applied.`);
  if (limits.other === undefined) await tellOthers(out, session);
}

function checkOptions(options: MigrateOptions): void {
  const modes = [options.dryRun, options.check, options.down, options.fake].filter((mode) => mode !== undefined);
  if (modes.length > 1)
    throw new RowhouseError("usage", { message: "--dry-run, --check, --down and --fake exclude each other" });
  if (options.all === true && (options.down !== undefined || options.fake !== undefined))
    throw new RowhouseError("usage", {
      message: "--down and --fake take one database at a time",
      hint: "Name it: --database <name>.",
    });
  checkTargets(options);
}

async function run(out: Output, options: MigrateOptions): Promise<number | void> {
  checkOptions(options);
  const waiting = readWaiting(options);
  // Awaited before they are returned: the session closes at the end of the block.
  await using session = await openSession("migrate", { app: options.app, make: true, asOwner: true });
  if (options.down !== undefined) return await down(out, session, options);
  if (isTargeted(options) && options.fake === undefined) {
    const mode = options.dryRun === true ? "dry-run" : options.check === true ? "check" : "run";
    return await migrateDatabases(out, session, { ...options, mode, waiting });
  }
  if (options.dryRun === true) return await preview(out, session);
  if (options.check === true) return await check(out, session);
  return await up(out, session, options);
}

export function registerMigrate(program: Command): void {
  const command = program
    .command("migrate")
    .description("bring the database to this Rowhouse and this app, then apply the policies")
    .option("--app <folder>", "the app, a folder with migrations/ in it (default: ROWHOUSE_APP)")
    .option("--all", "every database of the deployment: the registry's first, then the others side by side")
    .option("--tenant <slug>", "the database where this tenant lives")
    .option("--database <name>", "this database, as `database list` names it")
    .option("--concurrency <count>", "with --all: how many at the same time (default: 4)")
    .option("--dry-run", "print what is pending, with its SQL, and run nothing")
    .option("--check", "exit with 3 when migrations are pending, with 5 when an applied one was edited")
    .option("--down <count>", "take back the last migrations")
    .option("--set <name>", "with --down: app or platform (default: app)")
    .option("--lock-timeout <duration>", "longest wait for one lock, and for traffic behind it (default: 250ms)")
    .option("--lock-wait <duration>", "how long to try again for a lock before giving up (default: 2m)")
    .option("--force", "also while a tenant is being moved, or before the registry's database")
    .option("--fake", "mark the app's pending migrations as applied without running them")
    .action(act<MigrateOptions>(run));
  addExamples(command, [
    [
      "rowhouse migrate --app examples/sales",
      "the platform's migrations, then the app's; a second run waits for the first",
    ],
    ["rowhouse migrate --check", "for a deployment's pipeline: is this database ready for this version?"],
    ["rowhouse migrate --all", "all databases; one that fails is reported, and running it again does the rest"],
    ["rowhouse migrate --all --check", "is any of them behind? Changes nothing"],
    ["rowhouse migrate --down 1", "take back the app's last migration"],
  ]);
}
