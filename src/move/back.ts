import { translateLoss } from "../archive/session.ts";
import { RowhouseError } from "../errors.ts";
import { abandon, assertStays } from "./abandon.ts";
import { findLoss } from "./channel.ts";
import { giveUpAtSource } from "./leftover.ts";
import { isCommitted, type Move } from "./move.ts";
import { runMove, withRun, withSource } from "./mover.ts";
import { readPresence } from "./presence.ts";
import { emit, type MoveSite, type Run, type RunOptions } from "./run.ts";
import { makeName, turnMove } from "./store.ts";
import { wayBackLost } from "./way-back.ts";

/**
 * Gives up a move before its commit point: the tenant stays, and nothing is left at the target. One that can't be reached keeps what it
 * has, until the move is given up once more; a rollback waits for it, since giving up the way back is not what was asked for.
 * @throws RowhouseError moveState when the tenant has moved; moveRunning; databaseUnavailable when the source can't be reached, which
 * alone knows whether it has
 */
export async function abortMove(site: MoveSite, move: Move, options: RunOptions = {}): Promise<Move> {
  try {
    return await withRun(site, move, options, abandon);
  } catch (thrown) {
    const error = translateLoss(thrown);
    if (!(error instanceof RowhouseError && error.kind === "databaseUnavailable") || move.isRollback) throw error;
    return withSource(site, move, options, async (run) => {
      await assertStays(run);
      return giveUpAtSource(run, error);
    });
  }
}

async function turn(run: Run): Promise<Move> {
  const { source, target, move, site } = run;
  const reason = await findLoss(target, source, move.reverseName);
  if (reason !== null) throw wayBackLost(move, move.from, reason);
  const presence = await readPresence(target, move.tenantId);
  const turned = await turnMove(site.platform, move, {
    epoch: presence!.epoch,
    state: "subscribed",
    forwardName: move.reverseName,
    reverseName: makeName(),
  });
  emit(run, { event: "turned", from: turned.from, to: turned.to, isRollback: turned.isRollback });
  return turned;
}

/**
 * Brings the tenant back to where it came from, with all that it wrote meanwhile: the same machine, its ends swapped. A move that
 * has passed its commit point is completed first.
 * @returns the move, `observing` again
 * @throws RowhouseError moveState before the commit point, or when the move is over; moveBroken when the way back is lost, and
 * what {@link runMove} throws
 */
export async function rollbackMove(site: MoveSite, move: Move, options: RunOptions = {}): Promise<Move> {
  if (move.isRollback && move.finishedAt === null && move.state !== "observing") return runMove(site, move, options);
  if (move.finishedAt !== null || !(isCommitted(move.state) || move.state === "fencing")) {
    throw new RowhouseError("moveState", {
      message: `The move of ${move.slug} is ${move.state}: there is nothing to take back`,
      hint:
        move.finishedAt === null
          ? `\`rowhouse moves abort ${move.slug}\` gives it up.`
          : `Move the tenant anew: \`rowhouse move ${move.slug} --to ${move.from}\`.`,
    });
  }
  const completed = move.state === "observing" ? move : await runMove(site, move, options);
  const turned = await withRun(site, completed, options, turn);
  return runMove(site, turned, options);
}
