import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enterScope } from "../../src/db/transaction.ts";
import type { Move, MoveEvent, MoveSettings } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { resume } from "../../src/move/operation.ts";
import { startMove } from "../../src/move/start.ts";
import { findMove } from "../../src/move/store.ts";
import { openArena, SLUG, type Arena, type MoverEnd } from "./arena.ts";
import { leftovers } from "./leftovers.ts";
import { clock, type Load } from "./load.ts";
import { PATIENCE_SECONDS, TEST_MS } from "./patience.ts";
import { longestStall, opposite } from "./trial.ts";
import { judge, readWritten } from "./verdict.ts";

/** Who meets a fence, and how long he waits: clients write through two servers all the time. */
let arena: Arena;
let load: Load;

beforeAll(async () => {
  arena = await openArena();
  load = await arena.write(60, 4);
}, TEST_MS);
afterAll(() => arena[Symbol.asyncDispose]());

const placement = async () => ((await arena.db.tenant(SLUG)).movedTo ?? "shared") as "shared" | "big1";
const sideOf = (name: string) => (name === "shared" ? arena.db : arena.big);

async function begin(settings: Partial<MoveSettings> = {}): Promise<Move> {
  const move = await startMove(arena.site, {
    slug: SLUG,
    to: opposite(await placement()),
    settings: { patienceSeconds: PATIENCE_SECONDS, ...settings },
  });
  return move!;
}

async function finish(): Promise<void> {
  expect((await resume(arena.site, SLUG, { finish: true })).state).toBe("done");
  expect(await leftovers([arena.db, arena.big])).toEqual([]);
}

/** A session of the server's own kind, in a transaction. */
async function openWriter({ from, tenantId }: Move, level = "read committed") {
  const side = sideOf(from);
  const client = await side.database.connect("rowhouse_api");
  const scope = await arena.db.scope(SLUG);
  await client.query(`begin isolation level ${level}`);
  return {
    client,
    enter: () => enterScope(client, scope, "write"),
    insert: (number: string) =>
      client.query("insert into app.customers (number, name) values ($1, $1) returning tenant_id", [number]),
    isThere: async () => {
      const { admin } = sideOf(await placement());
      const { rowCount } = await admin.query("select from app.customers where tenant_id = $1 and number like 'late%'", [
        tenantId,
      ]);
      return rowCount;
    },
  };
}

describe("a transaction", { timeout: TEST_MS }, () => {
  test.each(["repeatable read", "serializable"])(
    "that is %s and older than the fence is refused by 40001, and its next try by RH700",
    async (level) => {
      const move = await begin({ fenceMs: TEST_MS }); // it stands however long the writer takes
      const writer = await openWriter(move, level);
      const outcomes: unknown[] = [];
      const atPoint = async (name: string) => {
        if (name === "begin_fencing") await writer.client.query("select count(*) from pg_class"); // takes the snapshot
        if (name !== "fenced" || outcomes.length > 0) return;
        outcomes.push(await writer.enter().catch((error: unknown) => error));
        await writer.client.query(`rollback; begin isolation level ${level}`);
        outcomes.push(await writer.enter().catch((error: unknown) => error));
      };
      expect((await runMove(arena.site, move, { atPoint })).state).toBe("observing");
      expect(outcomes).toMatchObject([{ code: "40001" }, { code: "RH700" }]);
      await writer.client.end();
      await finish();
    },
  );

  test("of the tenant that runs for long holds up the cutover, and the others for no longer than one attempt", async () => {
    const move = await begin();
    const writer = await openWriter(move);
    const events: MoveEvent[] = [];
    const commits: Promise<unknown>[] = [];
    let start = 0;
    const atPoint = async (name: string) => {
      if (name !== "begin_fencing") return;
      await writer.enter();
      await writer.insert(`late-${move.id}`);
      start = clock();
    };
    const onEvent = (event: MoveEvent) => {
      events.push(event);
      if (event.event === "fence_missed" && commits.length === 0) commits.push(writer.client.query("commit"));
    };
    const observing = await runMove(arena.site, move, { atPoint, onEvent });
    await Promise.all(commits);
    expect(events).toContainEqual(
      expect.objectContaining({ event: "fence_missed", reason: "a transaction of the tenant is still running" }),
    );
    const { activatedMs, attempts } = observing.facts.fence!;
    console.log(
      `long transaction: fence ${activatedMs} ms at attempt ${attempts}, longest stall ${longestStall(load, start)} ms`,
    );
    expect(await writer.isThere()).toBe(1);
    await writer.client.end();
    await finish();
  });

  test("of another tenant that changes much: the fence comes behind a quick watermark only", async () => {
    const { id: other } = await arena.db.tenant("globex");
    await arena.db.admin.query(
      "insert into app.customers (tenant_id, number, name) select $1, 'bulk ' || n, 'x' from generate_series(1, 20000) n",
      [other],
    );
    if ((await placement()) !== "shared") {
      await runMove(arena.site, await begin());
      await finish();
    }
    const move = await begin();
    const lags: (number | null)[] = [];
    const start = clock();
    let bulk: Promise<unknown> | null = null;
    const observing = await runMove(arena.site, move, {
      atPoint: (name) => {
        if (name !== "begin_ready") return;
        bulk = arena.db.admin.query("update app.customers set notes = repeat('x', 200) where tenant_id = $1", [other]);
      },
      onEvent: (event) => void (event.event === "lag" && lags.push(event.ms)),
    });
    await bulk!;
    const { activatedMs, attempts } = observing.facts.fence!;
    console.log(
      `bulk job elsewhere: watermarks took ${lags.map((ms) => Math.round(ms ?? -1)).join(", ")} ms; fence ${activatedMs} ms at attempt ${attempts}, longest stall ${longestStall(load, start)} ms`,
    );
    expect(lags.at(-1)).toBeLessThanOrEqual(move.settings.lagMs);
    const { rows } = await arena.big.admin.query("select from app.customers where tenant_id = $1", [other]);
    expect(rows).toEqual([]);
    await finish();
  });
});

/** `T` in /proc is a process that was stopped. */
async function untilStopped({ pid, end }: ReturnType<Arena["start"]>): Promise<void> {
  let ended: MoverEnd | null = null;
  void end.then((how) => (ended = how));
  while (true) {
    if (ended !== null) throw new Error(`The mover ended before it was stopped: ${JSON.stringify(ended)}`);
    const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    if (text.slice(text.lastIndexOf(")") + 2).startsWith("T")) return;
    await sleep(5);
  }
}

/** Stops a mover at a point until clients have written, which they do when its fence has lapsed or nobody waits for it. */
async function stopAt(point: string, to: string, whileStopped: () => Promise<void>) {
  const mover = arena.start("move", to, `stop:${point}#1`);
  await untilStopped(mover);
  try {
    const start = clock();
    await load.goOn(20);
    await whileStopped();
    const took = Math.round(clock() - start);
    console.log(`stopped at ${point}: 20 writes in ${took} ms, longest stall ${longestStall(load, start - 100)} ms`);
  } finally {
    process.kill(mover.pid, "SIGCONT");
  }
  return mover.end;
}

describe("a mover that is stopped", { timeout: TEST_MS }, () => {
  test.each(["fenced", "reverse_noted"])(
    "at %s: the fence lapses, and its commit point comes too late",
    async (point) => {
      const from = await placement();
      const end = await stopAt(point, opposite(from), async () => {
        expect(await placement()).toBe(from);
      });
      expect({ code: end.code, stderr: end.stderr }).toEqual({ code: 0, stderr: "" });
      expect(end.points).toContain(`${point}#2`);
      expect((await findMove(arena.db.platform, SLUG)).facts.fence!.attempts).toBeGreaterThan(1);
      await finish();
    },
  );

  test("after its commit point: the tenant's writers complete the arrival, and don't wait for it", async () => {
    const from = await placement();
    const { id } = await arena.db.tenant(SLUG);
    const end = await stopAt("released", opposite(from), async () => {
      const { rows } = await sideOf(opposite(from)).admin.query(
        "select moved_to, arriving from platform.tenants where id = $1",
        [id],
      );
      expect(rows).toEqual([{ moved_to: null, arriving: null }]);
    });
    expect({ code: end.code, stderr: end.stderr }).toEqual({ code: 0, stderr: "" });
    await finish();
  });
});

test(
  "no client was refused, and nothing acknowledged was lost",
  async () => {
    await load.goOn(301, 0);
    await load.stop();
    const { id } = await arena.db.tenant(SLUG);
    const at = await placement();
    const verdict = judge(load.operations, await readWritten(sideOf(at).admin, id), [
      await readWritten(sideOf(opposite(at)).admin, id),
    ]);
    expect(verdict).toMatchObject({ failed: 0, unknown: 0, lost: [], doubled: [], wrong: [] });
    expect(verdict.acked).toBeGreaterThan(300);
  },
  TEST_MS,
);
