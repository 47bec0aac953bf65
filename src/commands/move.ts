import type { Command } from "commander";
import { RowhouseError } from "../errors.ts";
import { runMove } from "../move/mover.ts";
import { notePlan, planMove, type MovePlan } from "../move/plan.ts";
import { assertNoError, describeFinding, type MoveFinding } from "../move/preflight.ts";
import { reportMove } from "../move/report.ts";
import { requestMove, type Intent } from "../move/request.ts";
import type { WantedMove } from "../move/start.ts";
import { findTenant } from "../tenant/change.ts";
import { HOME, listDatabases } from "../tenant/databases.ts";
import { act, addExamples, EXIT_FINDINGS } from "./action.ts";
import { addDatabase, checkOptions } from "./database/add.ts";
import { describePlan, formatPlan } from "./move/plan.ts";
import { describeEnd, formatEnd, runShown, siteOf } from "./move/run.ts";
import { addSettings, readSettings, type SettingsOptions } from "./move/settings.ts";
import { plural, type GlobalOptions, type Output } from "./output.ts";
import { openSession, type Session } from "./session.ts";

interface MoveOptions extends SettingsOptions, GlobalOptions {
  readonly to: string;
  readonly dryRun?: boolean;
  readonly create?: boolean;
  readonly urlFrom?: string;
  readonly app?: string;
}

const those = ({ findings }: MovePlan, severity: MoveFinding["severity"]) =>
  findings.filter((finding) => finding.severity === severity);

function answerPlan(out: Output, plan: MovePlan | null, { slug, to }: WantedMove): number {
  if (plan === null) {
    out.answer({ plan: null, errors: 0, warnings: 0, findings: [] }, "");
    out.talk(`Nothing to plan: ${slug} lives in ${to}, or is on its way (\`rowhouse moves list\`).`);
    return 0;
  }
  const { findings, ...rest } = plan;
  const errors = those(plan, "error").length;
  out.answer({ plan: rest, errors, warnings: those(plan, "warning").length, findings }, formatPlan(out, plan));
  out.talk(errors === 0 ? "Nothing was moved." : "Nothing was moved, and nothing can be before the errors are gone.");
  return errors === 0 ? 0 : EXIT_FINDINGS;
}

/** @throws RowhouseError moveRefused: before anything is written down, so that nothing is left to give up */
function announce(out: Output, plan: MovePlan): void {
  const { findings, ...rest } = plan;
  out.event({ event: "plan", ...rest, findings });
  assertNoError(plan.slug, plan.to, findings);
  for (const finding of those(plan, "warning")) out.warn(describeFinding(finding));
  out.talk(describePlan(plan));
}

async function go(
  out: Output,
  session: Session,
  intent: Intent,
  wanted: WantedMove,
  options: MoveOptions,
): Promise<number> {
  const site = siteOf(session);
  const plan = await planMove(site, intent, wanted);
  if (options.dryRun === true) return answerPlan(out, plan, wanted);
  if (plan !== null) announce(out, plan);
  const begun = await requestMove(site, intent, wanted);
  if (begun === undefined) {
    out.answer({ event: "done", moved: false, move: null }, "");
    out.talk(`${wanted.slug} lives in ${wanted.to} already: nothing to do.`);
    return 0;
  }
  if (plan === null) out.talk(`Goes on with the move that is ${begun.state} since ${begun.createdAt}.`);
  const move = plan === null ? begun : await notePlan(site, begun, plan);
  const finish = options.window === false;
  const moved = await runShown(out, move, { ...options, sizes: plan?.tables }, (run) =>
    runMove(site, move, { ...run, finish }),
  );
  out.answer({ event: "done", moved: true, move: reportMove(moved) }, formatEnd(moved));
  out.talk(describeEnd(moved));
  return 0;
}

/** @throws RowhouseError usage */
function checkCreate({ to, create, urlFrom }: MoveOptions): void {
  if ((create === true) !== (urlFrom !== undefined))
    throw new RowhouseError("usage", {
      message: "--create and --url-from go together",
      hint: "Write --create --url-from env:NAME or file:/path: where the URL of the new database is.",
    });
  if (urlFrom !== undefined) checkOptions(to, { urlFrom, kind: "dedicated" });
}

/** `promote --create`: the database, unless the registry has it. */
async function makeDatabase(out: Output, session: Session, { to, create, urlFrom }: MoveOptions): Promise<void> {
  if (create !== true || urlFrom === undefined) return;
  if ((await listDatabases(session.platform)).some(({ name }) => name === to)) return;
  const { entry, applied } = await addDatabase(out, session, { urlFrom, kind: "dedicated", create }, to);
  out.event({ event: "database", ...entry });
  out.talk(`Added the database ${to}: ${plural(applied.length, "migration")} applied, and the checks hold.`);
}

const run = (intent: Intent) => async (out: Output, options: MoveOptions, slug: string) => {
  const wanted = { slug, to: options.to, settings: readSettings(options) };
  checkCreate(options);
  await using session = await openSession(intent, { app: options.app });
  await findTenant(session.platform, slug);
  if (options.dryRun !== true) await makeDatabase(out, session, options);
  return await go(out, session, intent, wanted, options);
};

function addMove(command: Command, intent: Intent): Command {
  return addSettings(command.option("--dry-run", "print the plan and what stands in the way, and move nothing")).action(
    act<MoveOptions, [string]>(run(intent)),
  );
}

export function registerPromote(program: Command): void {
  const command = program
    .command("promote <tenant>")
    .description("give a tenant a database of its own, while it is being used; run again, it goes on where it stands")
    .requiredOption("--to <name>", "the dedicated database, as `database list` names it")
    .option("--create", "make that database and set it up first, where there is none")
    .option("--url-from <reference>", "with --create: where its owner's URL is: env:NAME or file:/path")
    .option("--app <folder>", "with --create: the app, as for migrate (default: ROWHOUSE_APP)");
  addMove(command, "promote");
  addExamples(command, [
    [
      "rowhouse promote acme --to big1 --dry-run",
      "what it will do, and what stands in the way; exits with 3 on an error",
    ],
    ["rowhouse promote acme --to big1", "then `rowhouse moves rollback acme` takes it back within 24 hours"],
    ["rowhouse promote acme --to big1 --create --url-from env:TENANT_DB_BIG1", "make and set up the database first"],
    [
      "rowhouse promote acme --to big1 --window 7d --workers 4",
      "keep the way back for a week; copy four tables at once",
    ],
  ]);
}

export function registerDemote(program: Command): void {
  const command = program
    .command("demote <tenant>")
    .description("bring a tenant back among the others, while it is being used")
    .option("--to <name>", "the shared database", HOME);
  addMove(command, "demote");
  addExamples(command, [
    ["rowhouse demote acme", "into the database that DATABASE_URL names"],
    ["rowhouse demote acme --no-window", "and empty the dedicated one at once"],
  ]);
}

export function registerMove(program: Command): void {
  const command = program
    .command("move <tenant>")
    .description("move a tenant into any database of the deployment, while it is being used")
    .requiredOption("--to <name>", "the database, as `database list` names it");
  addMove(command, "move");
  addExamples(command, [["rowhouse move acme --to big2", "from wherever it lives"]]);
}
