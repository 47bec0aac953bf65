import { RowhouseError } from "../errors.ts";
import { endArrival } from "./arrival.ts";
import { dropChannel, removeWatermarks } from "./cleanup.ts";
import { clearTarget } from "./leftover.ts";
import { isCommitted, type Move } from "./move.ts";
import { keepTenant } from "./presence.ts";
import { addFacts, change, point, type Run } from "./run.ts";
import { changeMove, makeName, turnMove } from "./store.ts";

/**
 * From here on the tenant stays at the source.
 * @throws RowhouseError moveState when it has left
 */
export async function assertStays({ source, move }: Pick<Run, "source" | "move">): Promise<void> {
  if (!isCommitted(move.state) && (await keepTenant(source, move.tenantId))) return;
  throw new RowhouseError("moveState", {
    message: `${move.slug} lives in ${move.to} already`,
    hint: `\`rowhouse moves resume ${move.slug}\` completes the move, then \`rowhouse moves rollback ${move.slug}\` takes it back.`,
  });
}

/** A rollback that is given up leaves the tenant where it is, and the way back open as before. */
async function abandonRollback(run: Run): Promise<Move> {
  const { source, target, move, site } = run;
  await dropChannel(run, target, source, move.reverseName);
  await endArrival(target, move, run.formerTokens);
  const { epoch, forwardName } = move;
  const turned = await turnMove(site.platform, move, {
    epoch,
    state: "observing",
    forwardName: makeName(),
    reverseName: forwardName, // which never stopped
  });
  return changeMove(site.platform, turned, { facts: { isAborting: false } });
}

/**
 * Gives a move up, from wherever it stands before the commit point. Written down before anything goes, so that a run that takes it up
 * after a crash does not go forward on half of its resources.
 * @throws RowhouseError moveState when the tenant has left
 */
export async function abandon(run: Run): Promise<Move> {
  const { source, target } = run;
  await assertStays(run);
  await addFacts(run, { isAborting: true });
  await point(run, "abort_unfenced");
  if (run.move.isRollback) return abandonRollback(run);
  const { move } = run;
  await dropChannel(run, source, target, move.forwardName);
  await point(run, "abort_forward_dropped");
  await dropChannel(run, target, source, move.reverseName);
  await clearTarget(target, move, run.formerTokens);
  await removeWatermarks(source, move);
  await change(run, { state: "aborted" });
  return run.move;
}
