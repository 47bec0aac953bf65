import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { enterScope } from "../../src/db/transaction.ts";
import { rollbackMove } from "../../src/move/back.ts";
import type { MoveEvent } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { abort, resume } from "../../src/move/operation.ts";
import { findMove } from "../../src/move/store.ts";
import type { Cluster } from "./cluster.ts";
import { leftovers } from "./leftovers.ts";
import type { Load } from "./load.ts";
import { openPair, SLUG, type Pair } from "./pair.ts";
import { TEST_MS } from "./patience.ts";
import { beginMove, completeMove, conclude, forwardLink, placementIn, runTo } from "./trial.ts";

/**
 * Servers that run out of room, and WAL that is given up. A full disk is a limit on the size of files (`ulimit -f`), by which writes fail
 * in the same places as without room, and which needs no privilege.
 */
let pair: Pair;
let load: Load;

beforeAll(async () => {
  pair = await openPair(0.02, { max_prepared_transactions: "5", max_wal_size: "64MB" });
  load = await pair.write(30);
}, TEST_MS);
afterAll(() => pair[Symbol.asyncDispose]());
afterEach(async () => {
  for (const cluster of [pair.home, pair.far]) {
    await cluster.limitFiles(null);
    await keepWal(cluster, "-1");
  }
  for (const link of Object.values(pair.links)) link.mend();
});

/** More than a segment of WAL, which is the largest file otherwise. */
const ROOM = 18 * 1024 * 1024;
const clusterOf = (place: string) => (place === "shared" ? pair.home : pair.far);

/** Writes rows of a megabyte each, which don't compress. */
async function writeMuch({ admin }: Pick<Cluster, "admin">, tenantId: string, rows: number): Promise<void> {
  await admin.query(
    `insert into app.customers (tenant_id, number, name, notes)
     select $1, 'much ' || gen_random_uuid(), 'much', (select string_agg(encode(sha256((r || ':' || n)::text::bytea), 'base64'), '') from generate_series(1, 24000) n)
     from generate_series(1, $2::int) r`,
    [tenantId, rows],
  );
}
const removeMuch = ({ admin }: Pick<Cluster, "admin">, tenantId: string) =>
  admin.query("delete from app.customers where tenant_id = $1 and name = 'much'", [tenantId]);

async function keepWal({ admin }: Cluster, size: string): Promise<void> {
  await admin.query(`alter system set max_slot_wal_keep_size = '${size}'`);
  await admin.query("select pg_reload_conf()");
}

/** Makes the server give up the WAL that this slot needs. */
async function loseWal(cluster: Cluster, slot: string): Promise<void> {
  await keepWal(cluster, "16MB");
  const status = async () => {
    for (let n = 0; n < 40; n++)
      await cluster.admin.query("select pg_logical_emit_message(false, 'x', repeat('x', 1000000))");
    await cluster.admin.query("select pg_switch_wal()");
    await cluster.admin.query("checkpoint");
    const { rows } = await cluster.admin.query<{ status: string }>(
      "select wal_status as status from pg_replication_slots where slot_name = $1",
      [slot],
    );
    return rows[0]?.status;
  };
  await expect.poll(status, { interval: 10 }).toBe("lost");
}

/** How often what carries the changes has failed to apply them. */
async function failures({ admin }: Cluster, subscription: string): Promise<number> {
  const { rows } = await admin.query<{ errors: number }>(
    "select apply_error_count::int as errors from pg_stat_subscription_stats where subname = $1",
    [subscription],
  );
  return rows[0]?.errors ?? 0;
}

describe("a target without room", { timeout: TEST_MS }, () => {
  test("for the copy: the move ends with what the server said, and goes on when there is room", async () => {
    const move = await beginMove(pair);
    const source = clusterOf(move.from);
    await writeMuch(source, move.tenantId, 40);
    await clusterOf(move.to).limitFiles(ROOM);
    await expect(runMove(pair.site, move)).rejects.toThrow(/could not extend file/);
    expect(await findMove(pair.db.platform, SLUG)).toMatchObject({ state: "copying" });
    expect(await placementIn(pair)).toBe(move.from);
    await clusterOf(move.to).limitFiles(null);
    await completeMove(pair);
    await removeMuch(clusterOf(move.to), move.tenantId);
  });

  test("for what is written meanwhile: the gate holds the fence, and it goes on by itself when there is room", async () => {
    const move = await beginMove(pair);
    const source = clusterOf(move.from);
    const atPoint = async (name: string) => {
      if (name !== "copied") return;
      await clusterOf(move.to).limitFiles(ROOM);
      await writeMuch(source, move.tenantId, 40);
    };
    await runTo(pair, move, "begin_subscribed", { atPoint });
    await expect.poll(() => failures(clusterOf(move.to), move.forwardName)).toBeGreaterThan(0);
    await expect(resume(pair.site, SLUG, {}, { patienceSeconds: 5 })).rejects.toMatchObject({
      kind: "moveBroken",
      details: expect.stringMatching(/[1-9]\d* errors so far/) as string,
    });
    expect(await placementIn(pair)).toBe(move.from);
    await clusterOf(move.to).limitFiles(null);
    await completeMove(pair);
    await removeMuch(clusterOf(move.to), move.tenantId);
  });
});

describe("WAL that is given up (max_slot_wal_keep_size)", { timeout: TEST_MS }, () => {
  test("while the target can't follow: the source is not filled up, and the copy begins anew", async () => {
    const move = await beginMove(pair);
    await runTo(pair, move, "begin_fencing");
    forwardLink(pair, move).cut();
    await loseWal(clusterOf(move.from), move.forwardName);
    forwardLink(pair, move).mend();
    const events: MoveEvent[] = [];
    await runMove(pair.site, move, { onEvent: (event) => void events.push(event) });
    expect(events).toContainEqual({
      event: "retry",
      reason: "the replication slot has lost its WAL (max_slot_wal_keep_size): the copy begins anew",
    });
    await completeMove(pair);
  });

  test("while the way back is open: a rollback is refused by name, and the move can be ended", async () => {
    const move = await beginMove(pair);
    const observing = await runMove(pair.site, move);
    const back = move.to === "shared" ? pair.links.toHome : pair.links.toBig;
    back.cut();
    await loseWal(clusterOf(move.to), move.reverseName);
    back.mend();
    await expect(rollbackMove(pair.site, observing)).rejects.toMatchObject({
      kind: "moveBroken",
      message: expect.stringContaining("has lost its WAL") as string,
    });
    expect(await placementIn(pair)).toBe(move.to);
    await completeMove(pair);
  });
});

describe("a prepared transaction of the tenant", { timeout: TEST_MS }, () => {
  test("keeps its writes from being fenced, as is said, and is moved when it has ended", async () => {
    // The gate has the same patience as the fence: it opens at whatever lag, so that what is waited for in vain is the transaction.
    const move = await beginMove(pair, { lagMs: TEST_MS });
    await runTo(pair, move, "begin_fencing");
    const client = await (move.from === "shared" ? pair.db : pair.big).database.connect("rowhouse_api");
    await client.query("begin");
    await enterScope(client, await pair.db.scope(SLUG), "write");
    await client.query("insert into app.customers (number, name) values ($1, 'prepared')", [`prepared ${move.id}`]);
    await client.query("prepare transaction 'rowhouse test'");
    await expect(resume(pair.site, SLUG, {}, { patienceSeconds: 1 })).rejects.toMatchObject({
      kind: "moveLagging",
      message: expect.stringContaining("a transaction of the tenant is still running") as string,
    });
    await client.query("commit prepared 'rowhouse test'");
    await client.end();
    await completeMove(pair);
    const { rowCount } = await clusterOf(move.to).admin.query("select from app.customers where number = $1", [
      `prepared ${move.id}`,
    ]);
    expect(rowCount).toBe(1);
  });
});

test(
  "clients noticed nothing of all this, and lost nothing",
  async () => {
    const { acked, ...conclusion } = await conclude(pair, load, 201);
    expect(acked).toBeGreaterThan(200);
    expect(conclusion).toEqual({ answers: {}, lost: [], doubled: [], wrong: [] });
    const { finishedAt } = await findMove(pair.db.platform, SLUG);
    if (finishedAt === null) await abort(pair.site, SLUG);
    expect(await leftovers([pair.db, pair.big])).toEqual([]);
  },
  TEST_MS,
);
