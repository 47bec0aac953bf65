import { translateLoss } from "../archive/session.ts";
import { RowhouseError } from "../errors.ts";
import { removeAddresses } from "./address.ts";
import { clearArrival, endArrival, forgetArrival } from "./arrival.ts";
import { dropPublisher, dropSubscriber, removeWatermarks } from "./cleanup.ts";
import { closeEndpoint, openEndpoint, type Endpoint } from "./endpoint.ts";
import { lockMover } from "./lock.ts";
import type { Move } from "./move.ts";
import { readPresence } from "./presence.ts";
import { forgetResources } from "./resource.ts";
import type { MoveSite, Run, RunOptions } from "./run.ts";
import { changeMove, findMove, listTokens } from "./store.ts";

/** Empties the target, where a run of this move has filled it, and takes back the tenant's row there. */
export async function clearTarget(target: Endpoint, move: Move, tokens: readonly string[]): Promise<void> {
  const presence = await readPresence(target, move.tenantId);
  if (presence?.arriving == null || ![...tokens, move.token].includes(presence.arriving)) return;
  await target.mover.query("select platform.begin_arrival($1, $2, $3)", [move.tenantId, tokens, move.token]);
  await clearArrival(target, move);
  await removeAddresses(target, move.tenantId);
  if (move.facts.madeRow === true) await forgetArrival(target, move);
  else await endArrival(target, move, tokens);
}

/**
 * Gives up a move whose target can't be reached: the source's slot goes, which would keep its WAL for ever, and the move ends. What is
 * left at the target stays written down, and is removed by {@link clearLeft}.
 * @param why the target can't be reached
 */
export async function giveUpAtSource(run: Omit<Run, "target" | "tables">, why: Error): Promise<Move> {
  const { source, move, site } = run;
  await dropPublisher(run, source, move.forwardName);
  await removeWatermarks(source, move);
  const message = `${move.to} could not be reached when the move was given up. \`rowhouse moves abort ${move.slug}\` removes what is left there: ${why.message}`;
  const error = { code: "RH302", message };
  return changeMove(site.platform, move, { state: "aborted", facts: { left: move.to }, error }, { left: move.to });
}

async function clearAt(site: MoveSite, target: Endpoint, move: Move, options: RunOptions): Promise<void> {
  await dropSubscriber({ site, options }, target, move.forwardName);
  await dropPublisher({ site, options }, target, move.reverseName);
  await clearTarget(target, move, await listTokens(site.platform, move.id));
}

/**
 * Removes what a move that was given up has left at a target that could not be reached then. Nothing, where nothing is left.
 * @throws RowhouseError databaseUnavailable while it can't be reached; moveRunning
 */
export async function clearLeft(site: MoveSite, found: Move, options: RunOptions = {}): Promise<Move> {
  await using _lock = await lockMover(site, found);
  const move = await findMove(site.platform, found.id);
  const { left } = move.facts;
  if (left == null) return move;
  try {
    const target = await openEndpoint(site, left, move.id);
    try {
      await clearAt(site, target, move, options);
    } finally {
      await closeEndpoint(target);
    }
  } catch (thrown) {
    const error = translateLoss(thrown);
    if (!(error instanceof RowhouseError && error.kind === "databaseUnknown")) throw error;
    await forgetResources(site.platform, move.id); // it is no database of the deployment any more
  }
  return changeMove(site.platform, move, { facts: { left: null } });
}
