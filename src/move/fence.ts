import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { brokenBy, channelRefusal, readChannel } from "./channel.ts";
import type { FenceFacts } from "./move.ts";
import { addFacts, emit, point, type Run } from "./run.ts";
import { raiseSequences } from "./sequence.ts";
import { advanceSlot } from "./slot.ts";
import { warmUp } from "./warm.ts";
import { awaitWatermark, measureLag } from "./watermark.ts";

/**
 * How long a fence waits for running writes. Others queue behind that wait, so a transaction that takes longer is tried again
 * later rather than waited for: 1.2 s of stall for everybody against 53 ms (mobility.md, 2c).
 */
const DRAIN_TIMEOUT = "50ms";
const DRAIN_PAUSE_MS = 150;

/** lock_not_available */
const isLockTimeout = (error: unknown) => isDatabaseError(error) && error.code === "55P03";

/** @returns whether the running writes ended in time */
async function fence({ source, move }: Run, token: string): Promise<boolean> {
  try {
    await source.mover.query("select platform.fence_tenant($1, $2, $3, $4)", [
      move.tenantId,
      token,
      move.settings.fenceMs,
      DRAIN_TIMEOUT,
    ]);
    return true;
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
}

interface Identity {
  readonly slug: string;
  readonly name: string;
  readonly status: string;
}

/** What may have been changed since the target got its row. */
async function readIdentity({ source, move }: Run): Promise<Identity> {
  const { rows } = await source.mover.query<Identity>("select slug, name, status from platform.tenants where id = $1", [
    move.tenantId,
  ]);
  return rows[0]!;
}

/**
 * The target's own word that this run still fills it and that the watermark is there, by a transaction whose commit is flushed:
 * replication applies without waiting for the disk, and this takes all that was applied before with it (found by the model: a target
 * that crashes after the commit point must have everything).
 * @returns the WAL position behind all of it
 */
async function settle({ target, move }: Run, { slug, name, status }: Identity, token: string): Promise<string> {
  const { rows } = await target.mover.query<{ lsn: string }>(
    `update platform.tenants set slug = $3, name = $4, status = $5, updated_at = now() where id = $1 and arriving = $2
       and exists (select from platform.move_watermarks w where w.tenant_id = $1 and w.id = $6)
     returning pg_current_wal_insert_lsn()::text as lsn`,
    [move.tenantId, move.token, slug, name, status, token],
  );
  if (rows[0] !== undefined) return rows[0].lsn;
  throw new RowhouseError("moveState", { message: `Another run fills ${move.to} with ${move.slug}` });
}

/**
 * Where the way back begins, so that what came from the source is not sent back to it. From 16 on the subscription's `origin = none`
 * sees to that; before, the position is written down and the subscription begins there. Moving the slot on would not do: it is not
 * flushed (pg_replication_slot_advance), and goes back in a crash.
 */
async function noteReverse(run: Run, lsn: string): Promise<void> {
  const { source, target, move } = run;
  if (Math.min(source.major, target.major) < 16) await addFacts(run, { settled: { name: move.reverseName, lsn } });
}

/** @returns the new epoch; null when the fence has lapsed */
async function release({ source, move }: Run, token: string): Promise<string | null> {
  try {
    const { rows } = await source.mover.query<{ epoch: string | null }>(
      "select platform.release_tenant($1, $2, $3)::text as epoch",
      [move.tenantId, token, move.to],
    );
    return rows[0]?.epoch ?? null;
  } catch (error) {
    if (isLockTimeout(error)) return null;
    throw error;
  }
}

/** Lets the target take the tenant's writes. Any server that a stopped mover keeps waiting does the same. */
export async function activate({ target, move }: Run, epoch: string): Promise<void> {
  const { rows } = await target.mover.query<{ lives: boolean }>("select platform.activate_tenant($1, $2) as lives", [
    move.tenantId,
    epoch,
  ]);
  if (rows[0]?.lives === true) return;
  throw new RowhouseError("moveState", {
    message: `${move.to} does not take over ${move.slug}`,
    hint: "This is a bug of Rowhouse. Please report it with `rowhouse moves show --json`.",
  });
}

/** From the drained source to the commit point; writes wait. @returns null when the deadline came first */
async function cutOver(run: Run, token: string, start: number, attempts: number): Promise<FenceFacts | null> {
  const { source, target, move } = run;
  const since = () => Math.round((performance.now() - start) * 1000) / 1000;
  const drainedMs = since();
  await point(run, "fenced");
  const [arrived, identity] = await Promise.all([
    awaitWatermark(target, move.tenantId, token, move.settings.fenceMs),
    readIdentity(run),
    raiseSequences(source, target),
  ]);
  if (!arrived) return null;
  await point(run, "drained");
  const lsn = await settle(run, identity, token);
  const appliedMs = since();
  await noteReverse(run, lsn);
  await point(run, "reverse_noted");
  const epoch = await release(run, token);
  if (epoch === null) return null;
  const committedMs = since();
  await point(run, "released");
  await activate(run, epoch);
  return { drainedMs, appliedMs, committedMs, activatedMs: since(), attempts };
}

/** One fence, lifted again unless it came to the commit point. @returns null, or why it did not */
async function tryFence(run: Run, attempts: number): Promise<FenceFacts | string> {
  const token = randomUUID();
  const start = performance.now();
  if (!(await fence(run, token))) return "a transaction of the tenant is still running";
  try {
    return (
      (await cutOver(run, token, start, attempts)) ?? `the target did not follow within ${run.move.settings.fenceMs} ms`
    );
  } finally {
    // After the commit point there is no such fence any more.
    await run.source.mover.query("select platform.unfence_tenant($1, $2)", [run.move.tenantId, token]);
  }
}

/** Waits until a watermark travels within the limit. @throws RowhouseError moveLagging */
async function awaitGate(run: Run, deadline: number): Promise<void> {
  const { source, target, move } = run;
  await advanceSlot(target, move.reverseName);
  while (true) {
    const ms = await measureLag(source, target, move.tenantId, Math.max(move.settings.lagMs, 5000));
    emit(run, { event: "lag", ms });
    if (ms !== null && ms <= move.settings.lagMs) return;
    if (ms === null && brokenBy(await readChannel(source, target, move.forwardName)) !== null)
      throw await channelRefusal(
        source,
        target,
        move.forwardName,
        `What ${move.from} writes does not come to ${move.to}`,
      );
    if (performance.now() > deadline) {
      throw new RowhouseError("moveLagging", {
        message: `${move.to} is ${ms === null ? "more than 5 s" : `${Math.round(ms)} ms`} behind ${move.from}`,
        hint: "Nothing has moved. Resume when less is written, or allow more with --lag-limit.",
      });
    }
    run.options.signal?.throwIfAborted();
    await sleep(100);
  }
}

/**
 * Takes the tenant over the commit point: gate, fence, watermark, release, activation; again after a fence that lapsed, for as
 * long as the move's patience lasts.
 * @throws RowhouseError moveLagging when it runs out; nothing has moved then
 */
export async function fenceAndRelease(run: Run): Promise<FenceFacts> {
  const deadline = performance.now() + run.move.settings.patienceSeconds * 1000;
  await warmUp(run);
  for (let attempt = 1; ; attempt++) {
    await awaitGate(run, deadline);
    const outcome = await tryFence(run, attempt);
    if (typeof outcome !== "string") return outcome;
    emit(run, { event: "fence_missed", attempt, reason: outcome });
    if (performance.now() > deadline) {
      throw new RowhouseError("moveLagging", {
        message: `The writes of ${run.move.slug} could not be fenced: ${outcome}`,
        hint: "Nothing has moved. Look for long transactions of this tenant, or allow more with --patience.",
      });
    }
    run.options.signal?.throwIfAborted();
    await sleep(DRAIN_PAUSE_MS);
  }
}
