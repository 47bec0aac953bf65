import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { applySettings } from "../archive/session.ts";
import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { brokenBy, channelRefusal, readChannel } from "./channel.ts";
import { openMover, type Endpoint, type MoveSession } from "./endpoint.ts";
import { point, type Run } from "./run.ts";

/** Two sessions that see the same commit, one in each database. */
export interface Twin {
  readonly publisher: MoveSession;
  readonly subscriber: MoveSession;
}

export interface Twins extends AsyncDisposable {
  readonly twins: readonly Twin[];
  /** The longest that a writer of the tenant can have waited for this, in milliseconds. */
  readonly writersWaitedMs: number;
}

/** As the fence does: others queue behind a wait for a long transaction, so it is tried again later. */
const DRAIN_TIMEOUT = "50ms";
const DRAIN_PAUSE_MS = 150;
/** A mover that neither goes on nor lets go, a stopped process or a cut link, holds the subscriber no longer than this. */
const HOLD_TIMEOUT = "15s";
/** How often the channel's health is asked for while the barrier does not arrive. */
const LOOK_MS = 1000;

async function beginSnapshot(session: MoveSession): Promise<void> {
  await session.query("begin isolation level repeatable read read only");
  await applySettings(session);
  await session.query("set local row_security = off"); // an error rather than rows missing, see openMover
}

/** The first query of such a transaction takes its snapshot (manual, 13.2.2). */
const takeSnapshots = (sessions: readonly MoveSession[]) =>
  Promise.all(sessions.map((session) => session.query("select")));

/** @returns how long writers may have waited; null when running ones did not end in time */
async function setBarrier(
  { mover }: Endpoint,
  snapshots: readonly MoveSession[],
  tenantId: string,
  id: string,
): Promise<{ set: boolean; ms: number }> {
  await mover.query(`begin; set local lock_timeout = '${DRAIN_TIMEOUT}'`);
  const start = performance.now();
  try {
    // One round trip for lock and row; FROM comes first.
    await mover.query({
      name: "rowhouse_barrier",
      text: "insert into platform.move_watermarks (tenant_id, id, is_barrier) select $1, $2, true from platform.lock_tenant($1)",
      values: [tenantId, id],
    });
    await takeSnapshots(snapshots);
    await mover.query("commit");
    return { set: true, ms: performance.now() - start };
  } catch (error) {
    const ms = performance.now() - start;
    await mover.query("rollback").catch(() => {});
    if (isDatabaseError(error) && error.code === "55P03") return { set: false, ms }; // lock_not_available
    throw error;
  }
}

interface Barrier {
  readonly id: string;
  readonly name: string;
  /** By performance.now(). */
  readonly deadline: number;
}

/** Both the row and the snapshots of the publisher, between two transactions of the tenant. */
async function passWriters(run: Run, { mover, name }: Endpoint, sessions: readonly MoveSession[], barrier: Barrier) {
  let longest = 0;
  while (true) {
    const { set, ms } = await setBarrier({ mover } as Endpoint, sessions, run.move.tenantId, barrier.id);
    longest = Math.max(longest, ms);
    if (set) return longest;
    if (performance.now() > barrier.deadline) {
      throw new RowhouseError("moveLagging", {
        message: `The rows of ${run.move.slug} could not be verified: a transaction of it in ${name} did not end`,
        hint: "Nothing has changed. Look for long transactions of this tenant, or allow more with --patience.",
      });
    }
    run.options.signal?.throwIfAborted();
    await sleep(DRAIN_PAUSE_MS);
  }
}

/** Whether the process that applies changes waits for the lock. `objid` is unsigned. */
const WAITING = `
  select from pg_locks
  where locktype = 'advisory' and classid = 7242 and objid = (uuid_hash($1::uuid)::bigint & 4294967295)::oid and objsubid = 2
    and database = (select oid from pg_database where datname = current_database()) and not granted`;

/** @throws RowhouseError moveBroken when it does not come, and what is known about why */
async function awaitBarrier(run: Run, publisher: Endpoint, subscriber: Endpoint, barrier: Barrier): Promise<void> {
  const start = performance.now();
  let lookAt = start + LOOK_MS;
  while (
    (await subscriber.owner.query({ name: "rowhouse_stopped", text: WAITING, values: [barrier.id] })).rowCount === 0
  ) {
    const now = performance.now();
    const isOver = now > barrier.deadline;
    if (isOver || (now > lookAt && brokenBy(await readChannel(publisher, subscriber, barrier.name)) !== null)) {
      const what = `What ${publisher.name} writes does not come to ${subscriber.name}${isOver ? ` within ${Math.round((now - start) / 1000)} s` : ""}`;
      throw await channelRefusal(publisher, subscriber, barrier.name, what);
    }
    if (now > lookAt) lookAt = now + LOOK_MS;
    run.options.signal?.throwIfAborted();
    await sleep(now - start < LOOK_MS ? 1 : 20);
  }
}

/** Holds the lock that the applying process will stop at, for as long as `work` lasts. */
async function holdingBarrier<T>({ owner }: Endpoint, id: string, work: () => Promise<T>): Promise<T> {
  await owner.query("begin");
  try {
    await owner.query(`set local idle_in_transaction_session_timeout = '${HOLD_TIMEOUT}'`);
    await owner.query("select pg_advisory_xact_lock(7242, uuid_hash($1::uuid))", [id]);
    return await work();
  } finally {
    await owner.query("rollback");
  }
}

async function openSessions({ database }: Endpoint, moveId: string, opened: MoveSession[], count: number) {
  const own: MoveSession[] = [];
  for (let index = 0; index < count; index++) {
    const session = await openMover(database, moveId);
    opened.push(session);
    own.push(session);
    await beginSnapshot(session);
  }
  return own;
}

async function meet(run: Run, publisher: Endpoint, subscriber: Endpoint, opened: MoveSession[], count: number) {
  const here = await openSessions(publisher, run.move.id, opened, count);
  const there = await openSessions(subscriber, run.move.id, opened, count);
  const name = subscriber === run.target ? run.move.forwardName : run.move.reverseName;
  const deadline = performance.now() + run.move.settings.patienceSeconds * 1000;
  const barrier: Barrier = { id: randomUUID(), name, deadline };
  const writersWaitedMs = await holdingBarrier(subscriber, barrier.id, async () => {
    const waited = await passWriters(run, publisher, here, barrier);
    await point(run, "barrier_set");
    await awaitBarrier(run, publisher, subscriber, barrier);
    await point(run, "barrier_met");
    await takeSnapshots(there);
    return waited;
  });
  return { twins: here.map((session, index) => ({ publisher: session, subscriber: there[index]! })), writersWaitedMs };
}

/**
 * Opens pairs of snapshots that show the tenant's rows at the same commit in both databases, while the tenant goes on writing.
 * Its writers wait for two round trips, in which a row is written behind everything committed and the publisher's snapshots are
 * taken. The process that applies changes at the subscriber stops at that row until the subscriber's snapshots are taken
 * (policies/move.sql). All locks end with the transactions of this process, however it ends.
 * @param count of pairs
 * @throws RowhouseError moveBroken when the row does not arrive, moveLagging when the tenant's running transactions don't end
 */
export async function openTwins(run: Run, publisher: Endpoint, subscriber: Endpoint, count: number): Promise<Twins> {
  const opened: MoveSession[] = [];
  const end = async () => void (await Promise.allSettled(opened.map((session) => session.end())));
  try {
    return { ...(await meet(run, publisher, subscriber, opened, count)), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
