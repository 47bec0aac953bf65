import type { Command } from "commander";
import { readReport, type WholeReport } from "../../move/report.ts";
import { findMove } from "../../move/store.ts";
import { watchMove } from "../../move/watch.ts";
import { act, addExamples } from "../action.ts";
import { untilInterrupted } from "../interrupt.ts";
import { describeFence } from "../move/lines.ts";
import { siteOf } from "../move/run.ts";
import { openScreen } from "../move/screen.ts";
import { formatFacts, formatTable, plural, type GlobalOptions, type Output } from "../output.ts";
import { formatBytes, formatSeconds } from "../progress.ts";
import { openSession, type Session } from "../session.ts";

interface ShowOptions extends GlobalOptions {
  readonly watch?: boolean;
}

type Fact = readonly [name: string, value: string | number];

/** Pure: what was measured. */
function measured({ facts }: WholeReport): Fact[] {
  const { planned, copied, fence, verified = {}, removedRows } = facts;
  const found: Fact[] = [];
  if (planned !== undefined)
    found.push([
      "planned",
      `${plural(planned.rows, "row")}, ${formatBytes(planned.bytes)}, ${formatSeconds(planned.totalMs / 1000)}`,
    ]);
  if (copied !== undefined)
    found.push([
      "copied",
      `${plural(copied.rows, "row")} of ${plural(copied.tables, "table")}, ${formatBytes(copied.bytes)}, ${formatSeconds(copied.ms / 1000)}`,
    ]);
  for (const [name, { rows, ms, writersWaitedMs }] of Object.entries(verified)) {
    const time = `${formatSeconds(ms / 1000)}, writes waited ${writersWaitedMs.toFixed(1)} ms`;
    found.push([`equal ${name.replace("_", " ")}`, `${plural(rows, "row")}, ${time}`]);
  }
  if (fence !== undefined) found.push(["cutover", describeFence(fence)]);
  if (removedRows !== undefined) found.push(["removed", plural(removedRows, "row")]);
  return found;
}

/** Pure. */
function formatReport(report: WholeReport): string {
  const { slug, id, from, to, state, lives, isRollback, isRunning, error, observeUntil, resources, events } = report;
  const facts: Fact[] = [
    ["tenant", slug],
    ["id", id],
    ["from", from],
    ["to", `${to}${isRollback ? " (rollback)" : ""}`],
    ["state", state],
    ["lives in", lives],
    ["a process works on it", isRunning ? "yes" : "no"],
    ["begun", `${report.createdAt} by ${report.actor}`],
  ];
  if (state === "observing" && observeUntil !== null) facts.push(["way back until", observeUntil]);
  if (report.finishedAt !== null) facts.push(["finished", report.finishedAt]);
  if (error !== null) facts.push(["failed with", `${error.message} [${error.code}]`]);
  const parts = [formatFacts([...facts, ...measured(report)])];
  if (resources.length > 0)
    parts.push(
      formatTable(
        ["RESOURCE", "NAME", "DATABASE"],
        resources.map(({ kind, name, database }) => [kind, name, database]),
      ),
    );
  parts.push(
    formatTable(
      ["AT", "EVENT", ""],
      events.map(({ at, event, details }) => [at, event, describeDetails(details)]),
    ),
  );
  return parts.join("\n\n");
}

function describeDetails(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

async function watch(out: Output, session: Session, options: ShowOptions, name: string): Promise<void> {
  const site = siteOf(session);
  const move = await findMove(site.platform, name);
  const screen = openScreen(out, move, options);
  await untilInterrupted((signal) => watchMove(site, move, { signal, onEvent: screen.show })).finally(screen.end);
}

async function show(out: Output, options: ShowOptions, name: string): Promise<void> {
  await using session = await openSession("moves show");
  if (options.watch === true) await watch(out, session, options, name);
  const report = await readReport(siteOf(session), name);
  out.answer(report, formatReport(report));
  if (report.finishedAt === null && !report.isRunning && report.state !== "observing")
    out.talk(`Nobody works on it: \`rowhouse moves resume ${report.slug}\` goes on.`);
}

export function registerShow(group: Command): void {
  const command = group
    .command("show <move>")
    .description(
      "one move, by its id or the latest of a tenant by its slug: how far it is, what was measured, what happened",
    )
    .option("--watch", "follow it while another process works on it")
    .action(act<ShowOptions, [string]>(show));
  addExamples(command, [
    ["rowhouse moves show acme", "the latest move of acme"],
    ["rowhouse moves show acme --watch", "rows, lag and cutover as they come"],
    ["rowhouse moves show acme --json | jq .facts.fence", "how long writes waited, in milliseconds"],
  ]);
}
