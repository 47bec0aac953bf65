import type { Move } from "../../move/move.ts";
import { reportMove } from "../../move/report.ts";
import type { MoveSite, RunOptions } from "../../move/run.ts";
import { findMove } from "../../move/store.ts";
import type { TableSize } from "../../move/size.ts";
import { untilInterrupted } from "../interrupt.ts";
import type { GlobalOptions, Output } from "../output.ts";
import type { Session } from "../session.ts";
import { openScreen, type MoveScreen } from "./screen.ts";

/** What a move of this session works with. Pure. */
export function siteOf({ database, platform, actor }: Session): MoveSite {
  return { home: database, platform, actor };
}

/** After Ctrl-C: what is begun is ended, and a fence lasts no longer than its limit. */
const TIDY_MS = 5000;

function tellOfStop(out: Output, screen: MoveScreen, { slug }: Move): void {
  const ways = `\`rowhouse moves resume ${slug}\` goes on, \`rowhouse moves abort ${slug}\` gives it up`;
  out.event({ event: "stopping", resume: `rowhouse moves resume ${slug}`, abort: `rowhouse moves abort ${slug}` });
  screen.say(`Stopping at the next step; the move stays as it is then: ${ways}. Once more to end at once.`);
}

export interface ShownOptions extends GlobalOptions {
  /** Of the plan. */
  readonly sizes?: readonly TableSize[];
}

/**
 * Works on a move while showing it, until it is done or interrupted.
 * @param work what to do, with the options of its run
 * @throws Interrupted, and what the work throws; the view is left then as it was
 */
export async function runShown(
  out: Output,
  move: Move,
  options: ShownOptions,
  work: (run: Required<Pick<RunOptions, "signal" | "onEvent">>) => Promise<Move>,
): Promise<Move> {
  const screen = openScreen(out, move, options);
  const run = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => tellOfStop(out, screen, move), { once: true });
    return work({ signal, onEvent: screen.show });
  };
  return untilInterrupted(run, TIDY_MS + move.settings.fenceMs).finally(screen.end);
}

/** Where the tenant is, and what can be done next. Pure. */
export function describeEnd(move: Move): string {
  const { slug, from, to, state, observeUntil } = move;
  if (state === "done") return `${slug} lives in ${to}; its rows in ${from} are removed.`;
  if (state === "aborted" && move.facts.left != null)
    return `The move was given up: ${slug} lives in ${from}. ${to} could not be reached: \`rowhouse moves abort ${slug}\` or \`moves resume --due\` removes what is left there, when it is back.`;
  if (state === "aborted") return `The move was given up: ${slug} lives in ${from}, and nothing is left in ${to}.`;
  if (state !== "observing")
    return `The move of ${slug} is ${state}; \`rowhouse moves resume ${slug}\` goes on with it.`;
  const back = move.isRollback
    ? ""
    : ` \`rowhouse moves rollback ${slug}\` takes it back with all that it writes until then;`;
  return `${slug} lives in ${to}. Until ${observeUntil} ${from} is kept in step with it:${back} \`rowhouse moves resume ${slug} --finish\` ends that.`;
}

/** Pure: what a command on one move answers, for people. */
export function formatEnd(move: Move): string {
  const { id, slug, from, to, state } = move;
  return `${state}  ${slug}  ${from} → ${to}  ${id}`;
}

/** Answers with the move as it has become. */
export function answerMove(out: Output, move: Move): void {
  out.answer({ event: "done", move: reportMove(move) }, formatEnd(move));
  out.talk(describeEnd(move));
}

/** The command of {@link runShown} on a move that is there already. */
export async function runNamed(
  out: Output,
  session: Session,
  options: GlobalOptions,
  name: string,
  work: (site: MoveSite, run: RunOptions) => Promise<Move>,
): Promise<void> {
  const site = siteOf(session);
  const move = await findMove(site.platform, name);
  answerMove(out, await runShown(out, move, options, (run) => work(site, run)));
}
