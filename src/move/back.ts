import { RowhouseError } from "../errors.ts";
import { removeAddresses } from "./address.ts";
import { clearArrival, endArrival, forgetArrival } from "./arrival.ts";
import { dropChannel, removeWatermarks } from "./cleanup.ts";
import { isCommitted, type Move } from "./move.ts";
import { runMove, withRun } from "./mover.ts";
import { hasCommitted, liftFence, readPresence } from "./presence.ts";
import { change, point, type MoveSite, type Run, type RunOptions } from "./run.ts";
import { assertSlot } from "./slot.ts";
import { makeName, turnMove } from "./store.ts";

async function assertNotCommitted(run: Run): Promise<void> {
  if (!isCommitted(run.move.state) && !(await hasCommitted(run))) return;
  throw new RowhouseError("moveState", {
    message: `${run.move.slug} lives in ${run.move.to} already`,
    hint: `\`rowhouse moves resume ${run.move.slug}\` completes the move, then \`rowhouse moves rollback ${run.move.slug}\` takes it back.`,
  });
}

/** A rollback that is given up leaves the tenant where it is, and the way back open as before. */
async function giveUpRollback(run: Run): Promise<Move> {
  const { source, target, move, site } = run;
  await dropChannel(run, target, source, move.reverseName);
  await endArrival(target, move);
  const { epoch, forwardName } = move;
  return turnMove(site.platform, move, {
    epoch,
    state: "observing",
    forwardName: makeName(),
    reverseName: forwardName, // which never stopped
  });
}

async function giveUp(run: Run): Promise<Move> {
  const { source, target, move } = run;
  await assertNotCommitted(run);
  await liftFence(source, move.tenantId);
  await point(run, "abort_unfenced");
  if (move.isRollback) return giveUpRollback(run);
  await dropChannel(run, source, target, move.forwardName);
  await point(run, "abort_forward_dropped");
  await dropChannel(run, target, source, move.reverseName);
  const presence = await readPresence(target, move.tenantId);
  if (presence?.arriving === move.token || run.formerTokens.includes(presence?.arriving ?? "")) await clearTarget(run);
  await removeWatermarks(source, move);
  await change(run, { state: "aborted" });
  return run.move;
}

async function clearTarget({ target, move, formerTokens }: Run): Promise<void> {
  await target.mover.query("select platform.begin_arrival($1, $2, $3)", [move.tenantId, formerTokens, move.token]);
  await clearArrival(target, move);
  await removeAddresses(target, move.tenantId);
  if (move.facts.madeRow === true) await forgetArrival(target, move);
  else await endArrival(target, move);
}

/**
 * Gives up a move before its commit point: the tenant stays, and nothing is left at the target.
 * @throws RowhouseError moveState when the tenant has moved; moveRunning, databaseUnavailable
 */
export function abortMove(site: MoveSite, move: Move, options: RunOptions = {}): Promise<Move> {
  return withRun(site, move, options, giveUp);
}

async function turn(run: Run): Promise<Move> {
  const { target, move, site } = run;
  await assertSlot(target, move.reverseName);
  const presence = await readPresence(target, move.tenantId);
  return turnMove(site.platform, move, {
    epoch: presence!.epoch,
    state: "subscribed",
    forwardName: move.reverseName,
    reverseName: makeName(),
  });
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
