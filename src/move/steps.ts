import { ERRORS } from "../errors.ts";
import { copyAddresses, removeAddresses } from "./address.ts";
import { beginArrival, clearArrival } from "./arrival.ts";
import { findLoss, readChannel } from "./channel.ts";
import { dropChannel, removeWatermarks } from "./cleanup.ts";
import { copyRows } from "./copy.ts";
import { activate, fenceAndRelease } from "./fence.ts";
import type { MoveState } from "./move.ts";
import { assertMovable } from "./preflight.ts";
import { keepTenant, readPresence } from "./presence.ts";
import { createPublication } from "./publication.ts";
import { removeRows } from "./remove.ts";
import { noteResource } from "./resource.ts";
import { addFacts, change, emit, point, type Run, type Step } from "./run.ts";
import { createExportedSlot, createSlot, dropSlot } from "./slot.ts";
import { createSubscription, dropSubscription } from "./subscription.ts";
import { verifyRows } from "./verify.ts";
import { wayBackLost } from "./way-back.ts";

async function publish(run: Run): Promise<MoveState> {
  const { source, target, move, site, tables } = run;
  await assertMovable(run);
  const presence = await readPresence(target, move.tenantId);
  if (presence === undefined) await addFacts(run, { madeRow: true });
  await point(run, "arrival_noted");
  await beginArrival(source, target, move, run.formerTokens);
  await copyAddresses(site, target, move.tenantId);
  await point(run, "arrival_begun");
  await noteResource(site.platform, move, { kind: "publication", name: move.forwardName, database: source.name });
  await point(run, "publication_noted");
  await createPublication(source, move.forwardName, tables, move.tenantId);
  return "published";
}

/** From an empty target and a new slot, always: the snapshot of an earlier attempt has ended with it. */
async function copy(run: Run): Promise<MoveState> {
  const { source, target, move, site, tables } = run;
  const start = performance.now();
  await dropSubscription(target, move.forwardName);
  await dropSlot(source, move.forwardName);
  await clearArrival(target, move);
  await point(run, "target_cleared");
  await noteResource(site.platform, move, { kind: "slot", name: move.forwardName, database: source.name });
  const slot = await createExportedSlot(source, move.forwardName);
  try {
    await point(run, "slot_created");
    const onEvent = (event: Parameters<typeof emit>[1]) => emit(run, event);
    const onStarted = () => slot.session.end();
    const options = { tables, snapshot: slot.snapshot, onEvent, onStarted, signal: run.options.signal };
    const copied = await copyRows(source, target, move, options);
    await point(run, "copied");
    await addFacts(run, { copied: { tables: tables.length, ...copied, ms: Math.round(performance.now() - start) } });
  } finally {
    await slot.session.end().catch(() => {});
  }
  await noteResource(site.platform, move, { kind: "subscription", name: move.forwardName, database: target.name });
  await point(run, "subscription_noted");
  await createSubscription(target, source, move.forwardName);
  return "subscribed";
}

/** What is lost can't be mended: the copy begins anew, unless this is the way back, which nothing else can bring. */
async function checkForward(run: Run): Promise<MoveState | null> {
  const { source, target, move } = run;
  const reason = await findLoss(source, target, move.forwardName);
  if (reason === null) return null;
  if (move.isRollback) throw wayBackLost(move, move.to, reason);
  emit(run, { event: "retry", reason: `${reason}: the copy begins anew` });
  return "copying";
}

/** Of the way back, which nothing depends on before the cutover: its slot is made anew. */
async function checkReverse(run: Run): Promise<MoveState | null> {
  const { source, target, move } = run;
  const { slot } = await readChannel(target, source, move.reverseName);
  if (slot !== undefined && slot.walStatus !== "lost") return null;
  await dropSlot(target, move.reverseName);
  return "caught_up";
}

async function verify(run: Run, name: "before" | "after"): Promise<void> {
  const { source, target } = run;
  const facts = await (name === "before" ? verifyRows(run, source, target) : verifyRows(run, target, source));
  const key = run.move.isRollback ? `rollback_${name}` : name;
  await addFacts(run, { verified: { ...run.move.facts.verified, [key]: facts } });
}

async function catchUp(run: Run): Promise<MoveState> {
  const broken = await checkForward(run);
  if (broken !== null) return broken;
  if (run.move.isRollback) await beginArrival(run.source, run.target, run.move, run.formerTokens);
  await point(run, "arrival_checked");
  await verify(run, "before");
  return "caught_up";
}

async function prepareReverse(run: Run): Promise<MoveState> {
  const { target, move, site, tables } = run;
  await noteResource(site.platform, move, { kind: "publication", name: move.reverseName, database: target.name });
  await createPublication(target, move.reverseName, tables, move.tenantId);
  await point(run, "reverse_published");
  await noteResource(site.platform, move, { kind: "slot", name: move.reverseName, database: target.name });
  await createSlot(target, move.reverseName);
  return "ready";
}

/** Where a killed run may have left a fence, or gone over the commit point: the source knows. */
async function cross(run: Run): Promise<MoveState> {
  if (!(await keepTenant(run.source, run.move.tenantId))) return "committed";
  const broken = (await checkForward(run)) ?? (await checkReverse(run));
  if (broken !== null) return broken;
  const fence = await fenceAndRelease(run);
  await addFacts(run, { fence });
  return "committed";
}

async function finishActivation(run: Run): Promise<MoveState> {
  const presence = await readPresence(run.source, run.move.tenantId);
  await activate(run, presence!.epoch);
  return "activated";
}

/** The registry, where neither end of the move is it. */
async function flip(run: Run): Promise<MoveState> {
  const presence = await readPresence(run.target, run.move.tenantId);
  const client = await run.site.home.connect("rowhouse_mover");
  try {
    await client.query(
      `update platform.tenants set moved_to = $2, epoch = $3, updated_at = now()
       where id = $1 and epoch < $3 and moved_to is not null and arriving is null`,
      [run.move.tenantId, run.move.to, presence!.epoch],
    );
  } finally {
    await client.end();
  }
  return "flipped";
}

/** Without the way back there is nothing to verify by, and nothing to wait for: whether to go on like that is not ours to say. */
async function endWithoutWayBack(run: Run, reason: string): Promise<MoveState> {
  if (run.options.finish !== true) throw wayBackLost(run.move, run.move.from, reason);
  emit(run, { event: "retry", reason: `${reason}: the move ends without a way back` });
  await change(run, { observeSeconds: 0 });
  return "observing";
}

/** It was told in an earlier run, and this one is to end the move all the same: the tenant's own rows are good. */
function isDifferenceKnown({ move, options }: Run): boolean {
  return options.finish === true && move.error?.code === ERRORS.moveDiffers.code;
}

/** Forward first: PostgreSQL 15 would send round what comes back. */
async function reverse(run: Run): Promise<MoveState> {
  const { source, target, move, site } = run;
  await dropChannel(run, source, target, move.forwardName);
  await point(run, "forward_dropped");
  await noteResource(site.platform, move, { kind: "subscription", name: move.reverseName, database: source.name });
  const { settled } = move.facts;
  const beginsAt = settled?.name === move.reverseName ? settled.lsn : null;
  await createSubscription(source, target, move.reverseName, beginsAt);
  await point(run, "reverse_subscribed");
  const reason = await findLoss(target, source, move.reverseName);
  if (reason !== null) return endWithoutWayBack(run, reason);
  if (isDifferenceKnown(run)) return endWithoutWayBack(run, "the rows that the tenant left behind were changed");
  await verify(run, "after");
  await change(run, { observeSeconds: move.settings.windowSeconds });
  return "observing";
}

async function observe(run: Run): Promise<MoveState | null> {
  const { source, target, move } = run;
  const isOver = move.observeUntil !== null && Date.parse(move.observeUntil) <= Date.now();
  if (!isOver && run.options.finish !== true) return null;
  await dropChannel(run, target, source, move.reverseName);
  await point(run, "reverse_dropped");
  const removedRows = await removeRows(run);
  await removeAddresses(source, move.tenantId);
  await removeWatermarks(source, move);
  await removeWatermarks(target, move);
  await addFacts(run, { removedRows });
  return "done";
}

const go = (state: MoveState) => () => Promise.resolve(state);

/** What there is to do in each state. Every step can be done again from its beginning. */
export const STEPS: Readonly<Record<MoveState, Step>> = {
  planned: publish,
  published: go("copying"),
  copying: copy,
  subscribed: catchUp,
  caught_up: prepareReverse,
  ready: go("fencing"),
  fencing: cross,
  committed: finishActivation,
  activated: flip,
  flipped: go("reversing"),
  reversing: reverse,
  observing: observe,
  done: () => Promise.resolve(null),
  aborted: () => Promise.resolve(null),
};
