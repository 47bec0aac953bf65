import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { finishDue, resume, type Finished } from "../../move/operation.ts";
import { reportMove } from "../../move/report.ts";
import { act, addExamples } from "../action.ts";
import { toFailure } from "../failure.ts";
import { untilInterrupted } from "../interrupt.ts";
import { formatEnd, runNamed, siteOf } from "../move/run.ts";
import { addLimits, readSettings, type SettingsOptions } from "../move/settings.ts";
import { plural, type GlobalOptions, type Output } from "../output.ts";
import { openSession, type Session } from "../session.ts";

interface ResumeOptions extends GlobalOptions, SettingsOptions {
  readonly finish?: boolean;
  readonly due?: boolean;
}

function tell(out: Output, { move, error }: Finished): void {
  if (error === null) return;
  const { message, code, hint } = toFailure(error);
  out.warn(`${move.slug}: ${message} [${code}]${hint === null ? "" : `\n  hint: ${hint}`}`);
}

async function finish(out: Output, session: Session): Promise<number> {
  const all = await untilInterrupted((signal) => finishDue(siteOf(session), { signal }));
  const [done, failed] = [all.filter(({ error }) => error === null), all.filter(({ error }) => error !== null)];
  for (const one of failed) tell(out, one);
  out.answer(
    {
      event: "done",
      finished: done.map(({ move }) => reportMove(move)),
      failed: failed.map(({ move, error }) => ({ move: reportMove(move), error: toFailure(error) })),
    },
    done.map(({ move }) => formatEnd(move)).join("\n"),
  );
  out.talk(`${plural(done.length, "move")} finished, ${failed.length} failed.`);
  return failed.length === 0 ? 0 : 1;
}

async function run(out: Output, options: ResumeOptions, name: string | undefined): Promise<number | void> {
  if ((name === undefined) !== (options.due === true))
    throw new RowhouseError("usage", {
      message: "Name a move by its id or its tenant, or say --due for all whose window is over",
    });
  const settings = readSettings(options);
  await using session = await openSession("moves resume");
  if (name === undefined) return await finish(out, session);
  return await runNamed(out, session, options, name, (site, shown) =>
    resume(site, name, { ...shown, finish: options.finish }, settings),
  );
}

export function registerResume(group: Command): void {
  const command = group
    .command("resume [move]")
    .description("go on with a move that was stopped or has failed, from where it stands")
    .option("--finish", "end the time for the way back now: remove the rows at the source")
    .option("--due", "finish every move whose time for the way back is over; for cron");
  addLimits(command).action(act<ResumeOptions, [string | undefined]>(run));
  addExamples(command, [
    ["rowhouse moves resume acme", "after Ctrl-C, a crash, or an error that is mended"],
    ["rowhouse moves resume acme --lag-limit 2s --patience 10m", "after RH713: be content with less"],
    ["rowhouse moves resume acme --finish", "acme stays where it is now: no way back after this"],
    ["rowhouse moves resume --due --quiet", "once an hour, by cron"],
  ]);
}
