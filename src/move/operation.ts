import { RowhouseError } from "../errors.ts";
import { abortMove, rollbackMove } from "./back.ts";
import { clearLeft } from "./leftover.ts";
import type { Move, MoveSettings } from "./move.ts";
import { runMove } from "./mover.ts";
import type { MoveSite, RunOptions } from "./run.ts";
import { adjustMove, findMove, listDue, listLeft } from "./store.ts";

/** Changes nothing where there is nothing to change. */
export async function adjust({ platform }: MoveSite, move: Move, settings: Partial<MoveSettings>): Promise<Move> {
  return Object.keys(settings).length === 0 ? move : adjustMove(platform, move, settings);
}

/**
 * Goes on with a move. One that is done is left as it is.
 * @param name its id, or the slug of a tenant for its latest
 * @param settings to change from now on
 * @returns the move: `observing` or `done`
 * @throws RowhouseError moveUnknown, moveState when it was given up, and what {@link runMove} throws
 */
export async function resume(
  site: MoveSite,
  name: string,
  options: RunOptions = {},
  settings: Partial<MoveSettings> = {},
): Promise<Move> {
  const move = await findMove(site.platform, name);
  if (move.state === "done") return move;
  if (move.state !== "aborted") return runMove(site, await adjust(site, move, settings), options);
  throw new RowhouseError("moveState", {
    message: `The move of ${move.slug} to ${move.to} was given up`,
    hint: `Begin a new one: \`rowhouse move ${move.slug} --to ${move.to}\`.`,
  });
}

/**
 * Gives up a move before its commit point. Of those of the tenant that were given up before, what is left at targets that could not be
 * reached is removed.
 * @throws RowhouseError moveUnknown, moveState, and what {@link abortMove} throws
 */
export async function abort(site: MoveSite, name: string, options: RunOptions = {}): Promise<Move> {
  const move = await findMove(site.platform, name);
  const ended = move.state === "aborted" ? move : await abortMove(site, move, options);
  if (ended !== move && ended.facts.left != null) return ended; // it can't be reached at this moment
  for (const left of await listLeft(site.platform, move.tenantId)) await clearLeft(site, left, options);
  return findMove(site.platform, move.id);
}

/**
 * Takes a tenant back to where it came from. One that is back is left there: said twice, it must not take it forth again.
 * @throws RowhouseError moveUnknown, moveState, and what {@link rollbackMove} throws
 */
export async function rollBack(site: MoveSite, name: string, options: RunOptions = {}): Promise<Move> {
  const move = await findMove(site.platform, name);
  const isBack = move.isRollback && (move.state === "observing" || move.state === "done");
  return isBack ? move : rollbackMove(site, move, options);
}

/** One move whose time for the way back was over. */
export interface Finished {
  readonly move: Move;
  /** What it failed with; null: it is done. */
  readonly error: unknown;
}

/**
 * Ends every move whose time for the way back is over, and what moves that were given up have left, one after the other; one that fails
 * does not keep the others.
 */
export async function finishDue(site: MoveSite, options: RunOptions = {}): Promise<Finished[]> {
  const finished: Finished[] = [];
  for (const move of await listDue(site.platform)) {
    options.signal?.throwIfAborted();
    try {
      const ended =
        move.state === "aborted"
          ? await clearLeft(site, move, options)
          : await runMove(site, move, { ...options, finish: true });
      finished.push({ move: ended, error: null });
    } catch (error) {
      options.signal?.throwIfAborted();
      finished.push({ move, error });
    }
  }
  return finished;
}
