import { InvalidArgumentError, type Command } from "commander";
import type { TableChange } from "../archive/merge.ts";
import { previewRestore, replaceRows, type ReplacedTenant } from "../archive/replace.ts";
import { restoreArchive } from "../archive/restore.ts";
import { RowhouseError } from "../errors.ts";
import { originUnder } from "../tenant/origin.ts";
import { act, addExamples } from "./action.ts";
import { addKeyOptions, describeSignature, formatSignature, readKeys, type KeyOptions } from "./archive-keys.ts";
import { untilInterrupted } from "./interrupt.ts";
import { formatTable, plural, type Output } from "./output.ts";
import { formatSeconds, openProgress } from "./progress.ts";
import { openSession, type Session } from "./session.ts";
import { formatManifest, totalsOf } from "./summary.ts";

interface RestoreOptions extends KeyOptions {
  readonly as?: string;
  readonly name?: string;
  readonly app?: string;
  readonly database?: string;
  readonly dryRun?: boolean;
  readonly replace?: boolean;
  readonly only?: readonly string[];
}

/** What of the archive goes where, as both ways of restoring take it. */
type Wanted = Parameters<typeof restoreArchive>[2];

function describeRun(out: Output, ran: readonly string[]): void {
  if (ran.length > 0)
    out.talk(`The archive is older than this database: its rows went through ${plural(ran.length, "migration")}.`);
}

/** One line per table that changes. Pure. */
export function formatChanges(changes: readonly TableChange[]): string {
  const rows = changes
    .filter(({ inserts, updates, deletes }) => inserts + updates + deletes > 0)
    .map(({ table, inserts, updates, deletes }) => [table, inserts, updates, deletes]);
  return rows.length === 0 ? "no changes" : formatTable(["TABLE", "INSERTS", "UPDATES", "DELETES"], rows);
}

/** Pure. */
export function sumChanges(changes: readonly TableChange[]): Omit<TableChange, "table"> {
  const sum = (pick: (change: TableChange) => number) => changes.reduce((all, change) => all + pick(change), 0);
  return {
    inserts: sum(({ inserts }) => inserts),
    updates: sum(({ updates }) => updates),
    deletes: sum(({ deletes }) => deletes),
  };
}

function tellChanges(out: Output, path: string, { tenant, changes, ran, ...rest }: ReplacedTenant, dry: boolean): void {
  const totals = sumChanges(changes);
  const signature = describeSignature(rest.signature);
  out.answer({ event: "done", path, dryRun: dry, tenant, ...totals, changes, ran, signature }, formatChanges(changes));
  describeRun(out, ran);
  const parts = `${plural(totals.inserts, "insert")}, ${plural(totals.updates, "update")}, ${plural(totals.deletes, "delete")}`;
  if (!dry) out.talk(`${parts}, in one transaction. The archive is ${formatSignature(signature)}.`);
  else if (tenant === null)
    out.talk(`Nothing was written. There is no such tenant yet: a restore makes it (${parts}).`);
  else out.talk(`Nothing was written. With --replace, ${tenant.slug} would get ${parts}.`);
}

async function restoreWhole(out: Output, session: Session, path: string, wanted: Wanted): Promise<void> {
  const start = performance.now();
  const line = openProgress(out);
  const restored = await untilInterrupted((signal) =>
    restoreArchive(session.database, path, { ...wanted, signal, onProgress: line.show }),
  ).finally(line.end);
  const seconds = (performance.now() - start) / 1000;
  const { tenant, created, manifest, rows, domainsLeft, ran } = restored;
  const signature = describeSignature(restored.signature);
  const url = originUnder(session.config, tenant.slug);
  out.answer(
    {
      event: "done",
      path,
      tenant: { ...tenant, url },
      created,
      seconds,
      ...totalsOf(manifest),
      domainsLeft,
      ran,
      signature,
    },
    `${formatManifest(manifest)}\n\n${tenant.slug}  ${url}`,
  );
  describeRun(out, ran);
  out.talk(
    `${plural(rows, "row")} restored and compared with the manifest, ${formatSeconds(seconds)}; ${formatSignature(signature)}.`,
  );
  const custom = domainsLeft.filter((domain) => domain.includes("."));
  if (custom.length > 0) out.talk(`Domains to claim anew with \`rowhouse domain add\`: ${custom.join(", ")}.`);
}

async function run(out: Output, options: RestoreOptions, path: string): Promise<void> {
  const { as, name, app, database: place, dryRun = false, replace, only } = options;
  const isMerge = dryRun || replace === true || only !== undefined;
  if (isMerge && (name ?? place) !== undefined)
    throw new RowhouseError("usage", {
      message:
        "--name and --database are for a tenant that is made; with --dry-run, --replace and --only it keeps both",
    });
  const keys = await readKeys(options);
  await using session = await openSession("restore", { app });
  const wanted = { as, name, place, only, replace, keys, appDir: session.appDir, actor: session.actor };
  if (!isMerge) return restoreWhole(out, session, path, wanted);
  const line = openProgress(out);
  const work = dryRun ? previewRestore : replaceRows;
  const done = await untilInterrupted((signal) =>
    work(session.database, path, { ...wanted, signal, onProgress: line.show }),
  ).finally(line.end);
  tellChanges(out, path, done, dryRun);
}

function collect(value: string, before: readonly string[] = []): string[] {
  if (value.trim() === "") throw new InvalidArgumentError("name a table, or table:id");
  return [...before, value];
}

export function registerRestore(program: Command): void {
  const command = program
    .command("restore <file>")
    .description("load an archive into this database, all or nothing, after checking every byte of it")
    .option("--as <slug>", "as another tenant, beside the one that it was taken from")
    .option("--name <name>", "name for people (default: the archive's)")
    .option("--database <name>", "into this database of the deployment (`rowhouse database list`)")
    .option("--dry-run", "print what would be inserted, updated and deleted, table by table; writes nothing")
    .option("--replace", "make a tenant that has rows what the archive says: rows that it does not have go")
    .option("--only <table[:id]>", "bring back this table or row alone, into the tenant as it is; repeatable", collect)
    .option("--app <folder>", "the app whose migrations an older archive goes through");
  addKeyOptions(command).action(act<RestoreOptions, [string]>(run));
  addExamples(command, [
    ["rowhouse restore acme.rowhouse", "the tenant itself, where it does not exist (any more)"],
    ["rowhouse restore acme.rowhouse --as acme-copy --name 'Acme, a copy'", "beside it, with an id of its own"],
    ["rowhouse restore acme.rowhouse --database big1", "into a database of its own"],
    ["rowhouse restore acme.rowhouse --dry-run", "what has changed since, as inserts, updates and deletes"],
    ["rowhouse restore acme.rowhouse --replace", "back to that moment, in one transaction"],
    ["rowhouse restore acme.rowhouse --only customers:0192aa10-7d5c-7c1e-8f5a-2b6f0c3d4e5f", "one row that was lost"],
  ]);
}
