import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ConnectionPool, Connections } from "../../src/db/connections.ts";
import { shareFairly } from "../../src/db/shared-pool.ts";
import { PATIENCE_MS, testDatabase, type TestDatabase } from "../harness.ts";

const PLACES = 4;
/** Of one tenant. */
const MOST = 3;

let db: TestDatabase;
let pool: ConnectionPool & Connections;
let acquired: number;

beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());
beforeEach(() => {
  acquired = 0;
  pool = shareFairly(db.database.openPool("rowhouse_api", { max: PLACES }), PLACES, PATIENCE_MS, "a hint");
  pool.on("acquire", () => (acquired += 1));
});
afterEach(() => pool.end());

const borrow = (tenant = "a") => pool.connectFor!(tenant);
const pidOf = async (client: pg.PoolClient) =>
  (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;

describe("a connection", () => {
  test("goes from hand to hand while somebody waits, and then back to the pool", async () => {
    const use = async () => {
      const client = await borrow();
      const pid = await pidOf(client);
      client.release();
      return pid;
    };
    const pids = await Promise.all(Array.from({ length: 20 }, use));
    expect(new Set(pids).size).toBe(MOST);
    expect(acquired).toBe(MOST);
    expect([pool.idleCount, pool.waitingCount]).toEqual([MOST, 0]);
    await use();
    expect(acquired).toBe(MOST + 1);
  });

  test("goes to the tenants in turn", async () => {
    const held = await Promise.all(Array.from({ length: MOST }, () => borrow("a")));
    held.push(await borrow("b"));
    const order: string[] = [];
    const wait = async (tenant: string) => {
      const client = await borrow(tenant);
      order.push(tenant);
      await pidOf(client);
      client.release();
    };
    const waiting = ["a", "a", "a", "a", "b", "c"].map(wait);
    for (const client of held) client.release();
    await Promise.all(waiting);
    expect(Math.max(order.indexOf("b"), order.indexOf("c"))).toBeLessThan(PLACES);
    expect(acquired).toBe(PLACES);
  });

  test.each([
    ["that broke in its borrower's hand", false],
    ["whose borrower says that it is broken", true],
  ])("%s is nobody's any more", async (_, isSaid) => {
    const held = await Promise.all(Array.from({ length: MOST }, () => borrow()));
    const next = borrow();
    const pid = await pidOf(held[0]!);
    const ended = new Promise<void>((resolve) => held[0]!.once("end", resolve));
    if (!isSaid) {
      await db.admin.query("select pg_terminate_backend($1)", [pid]);
      await ended;
    }
    held[0]!.release(isSaid);
    const client = await next;
    expect(await pidOf(client)).not.toBe(pid);
    for (const each of [client, ...held.slice(1)]) each.release();
  });

  test("goes first to who asks the pool itself, and nobody is passed over for long", async () => {
    const held = await Promise.all(["a", "a", "a", "b"].map(borrow));
    const order: string[] = [];
    const take = async (name: string, asked: Promise<pg.PoolClient>) => {
      const client = await asked;
      order.push(name);
      await pidOf(client);
      client.release();
    };
    const waiting = [take("line", borrow("c")), take("pool", pool.connect())];
    held[0]!.release();
    await Promise.all(waiting);
    expect(order).toEqual(["pool", "line"]);
    for (const client of held.slice(1)) client.release();
  });

  test("that is given back twice is in one hand all the same", async () => {
    const held = await Promise.all(["a", "a", "a", "b"].map(borrow));
    const [first, second] = [borrow("c"), borrow("d")];
    const twice = held[0]!;
    twice.release();
    expect(() => twice.release()).toThrow("given back already");
    held[1]!.release();
    expect(await first).not.toBe(await second);
    for (const client of [await first, await second, ...held.slice(2)]) client.release();
    expect([pool.idleCount, pool.waitingCount]).toEqual([PLACES, 0]);
  });
});
