import { RowhouseError } from "../../errors.ts";
import { findTenant } from "../../tenant/change.ts";
import { findDatabase, HOME } from "../../tenant/databases.ts";
import { migrateAll, migrateOne, type DatabaseRun, type MigrationEvent } from "../../tenant/migration.ts";
import { EXIT_FINDINGS } from "../action.ts";
import { toFailure } from "../failure.ts";
import { formatTable, plural, type Output } from "../output.ts";
import { formatSeconds } from "../progress.ts";
import type { Session } from "../session.ts";
import { describeBlocked, type Waiting } from "./waiting.ts";

/** Which databases: one of the first three. */
export interface TargetOptions {
  readonly all?: boolean;
  readonly tenant?: string;
  readonly database?: string;
  readonly concurrency?: string;
  readonly force?: boolean;
}

const CONCURRENCY = 4;
const MOST = 64;

/** Whether it is about databases besides the registry's own. Pure. */
export function isTargeted({ all, tenant, database }: TargetOptions): boolean {
  return all === true || tenant !== undefined || database !== undefined;
}

/** @throws RowhouseError usage */
export function checkTargets({ all, tenant, database, concurrency }: TargetOptions): void {
  if ([all, tenant, database].filter((target) => target !== undefined).length > 1)
    throw new RowhouseError("usage", { message: "--all, --tenant and --database exclude each other" });
  if (concurrency !== undefined && all !== true)
    throw new RowhouseError("usage", { message: "--concurrency goes with --all" });
  const count = Number(concurrency ?? CONCURRENCY);
  if (!Number.isInteger(count) || count < 1 || count > MOST)
    throw new RowhouseError("usage", { message: `--concurrency takes a number from 1 to ${MOST}, not ${concurrency}` });
}

/** The one that --tenant or --database names: where the tenant lives. */
export async function nameOfTarget(session: Session, { tenant, database }: TargetOptions): Promise<string> {
  if (database !== undefined) return database;
  return tenant === undefined ? HOME : ((await findTenant(session.platform, tenant)).movedTo ?? HOME);
}

/** Pure: where a database was and is, as `0003_placement → 0004_notes`. */
function versionOf({ before, after }: DatabaseRun, set: "platform" | "app"): string {
  const [was, is] = [before?.[set].at(-1), after?.[set].at(-1)];
  if (before === null) return is ?? "?";
  return was === is ? (is ?? "none") : `${was ?? "none"} → ${is ?? "?"}`;
}

/** What --json says of a database. Pure. */
function summarize(run: DatabaseRun) {
  const { error, ...rest } = run;
  const failure = error === null ? null : toFailure(error);
  return { ...rest, pending: run.pending.map(({ set, name }) => ({ set, name })), error: failure };
}

function tellEvent(out: Output, event: MigrationEvent): void {
  if (event.event === "done") {
    const { database, outcome, applied, pending, seconds, warnings } = event.run;
    out.event({ event: "done", ...summarize(event.run) });
    for (const warning of warnings) out.warn(`${database}: ${warning}`);
    const count =
      outcome === "migrated" ? `, ${applied.length} applied` : outcome === "pending" ? ` ${pending.length}` : "";
    out.talk(`${database}: ${outcome}${count}, ${formatSeconds(seconds)}`);
    return;
  }
  out.event(event);
  if (event.event === "waiting") out.talk(`${event.database}: another migrate is running; waiting for it to end`);
  if (event.event === "blocked") out.talk(`${event.database}: ${describeBlocked(event)}`);
}

/** Pure. */
export function formatRuns(runs: readonly DatabaseRun[]): string {
  const rows = runs.map((run) => [
    run.database,
    run.outcome,
    versionOf(run, "platform"),
    versionOf(run, "app"),
    run.applied.length,
    run.pending.length,
    formatSeconds(run.seconds),
    run.error === null ? "" : toFailure(run.error).code,
  ]);
  return formatTable(["DATABASE", "RESULT", "PLATFORM", "APP", "APPLIED", "PENDING", "TIME", "ERROR"], rows);
}

/** What is pending where, and each migration's SQL once. Pure. */
function formatPreview(runs: readonly DatabaseRun[]): string {
  const names = ({ pending, outcome }: DatabaseRun) =>
    outcome === "failed" || outcome === "skipped"
      ? outcome
      : pending.map(({ set, name }) => `${set} ${name}`).join(", ") || "nothing pending";
  const files = new Map(runs.flatMap(({ pending }) => pending.map((file) => [`${file.set} ${file.name}`, file.sql])));
  const where = runs.map((run) => `-- ${run.database}: ${names(run)}`).join("\n");
  return [where, ...[...files].map(([name, sql]) => `-- ${name}\n${sql}`)].join("\n\n");
}

function tellEnd(out: Output, runs: readonly DatabaseRun[]): void {
  for (const { database, error } of runs.filter((run) => run.error !== null)) {
    const { message, code, details, hint } = toFailure(error);
    const lines = [`${database}: ${message} [${code}]`, details, hint === null ? null : `hint: ${hint}`];
    out.warn(lines.filter((line) => line !== null).join("\n  "));
  }
  const count = (outcome: DatabaseRun["outcome"]) => runs.filter((run) => run.outcome === outcome).length;
  const parts = (["migrated", "current", "pending", "failed", "skipped"] as const)
    .filter((outcome) => count(outcome) > 0)
    .map((outcome) => `${count(outcome)} ${outcome}`);
  out.talk(`${plural(runs.length, "database")}: ${parts.join(", ")}.`);
}

/**
 * Brings the databases up, or says what is pending in them.
 * @returns 1 when one failed, 3 when --check finds something pending, otherwise 0
 * @throws what a single database failed with, when one was named
 */
export async function migrateDatabases(
  out: Output,
  session: Session,
  options: TargetOptions & { readonly mode: "run" | "check" | "dry-run"; readonly waiting: Waiting },
): Promise<number> {
  const { database: home, platform, appDir } = session;
  const settings = {
    home,
    platform,
    appDir,
    ...options.waiting,
    mode: options.mode === "run" ? ("run" as const) : ("look" as const),
    concurrency: Number(options.concurrency ?? CONCURRENCY),
    force: options.force,
    onEvent: (event: MigrationEvent) => tellEvent(out, event),
  };
  const one = async () => [
    await migrateOne(await findDatabase(platform, await nameOfTarget(session, options)), settings),
  ];
  const runs = options.all === true ? await migrateAll(settings) : await one();
  if (options.all !== true && runs[0]!.error !== null) throw runs[0]!.error;

  const isPreview = options.mode === "dry-run";
  const databases = isPreview ? runs.map((run) => ({ ...summarize(run), pending: run.pending })) : runs.map(summarize);
  out.answer({ databases }, isPreview ? formatPreview(runs) : formatRuns(runs));
  tellEnd(out, runs);
  if (runs.some(({ outcome }) => outcome === "failed" || outcome === "skipped")) return 1;
  return options.mode === "check" && runs.some(({ outcome }) => outcome === "pending") ? EXIT_FINDINGS : 0;
}
