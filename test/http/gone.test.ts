import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runScoped } from "../../src/db/transaction.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { makeLibrary } from "./library.ts";
import { eventually, testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  await makeLibrary(db);
  server = await testServer(db, { settings: { CONNECTION_POOL_SIZE: 2, STATEMENT_TIMEOUT_MS: 600_000 } });
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const SLOW =
  "select pid from pg_stat_activity where datname = current_database() and state = 'active' and query like '%\"slow\"(%' and pid <> pg_backend_pid()";

async function slowOnes(): Promise<number[]> {
  return (await db.admin.query<{ pid: number }>(SLOW)).rows.map(({ pid }) => pid);
}

/** Asks for what takes minutes. @returns ends the connection */
function ask(): () => void {
  const body = JSON.stringify({ seconds: 60 });
  const headers = {
    host: "acme.localhost",
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "content-length": body.length,
  };
  const outgoing = httpRequest({
    host: "127.0.0.1",
    port: server.port,
    path: "/rest/v1/rpc/slow",
    method: "POST",
    headers,
    agent: false,
  });
  outgoing.on("error", () => {});
  outgoing.end(body);
  return () => outgoing.destroy();
}

describe("a client that goes away", () => {
  test("ends its statement, and the connections serve the next", async () => {
    const ends = [ask(), ask()];
    await eventually(async () => expect(await slowOnes()).toHaveLength(2));
    const before = await slowOnes();
    for (const end of ends) end();
    await eventually(async () => expect(await slowOnes()).toEqual([]));
    // Every one of the two connections, in turn and at once.
    const reads = await Promise.all(
      Array.from({ length: 40 }, () => server.get("acme.localhost", "/rest/v1/books?limit=1", { token })),
    );
    expect(new Set(reads.map(({ status }) => status))).toEqual(new Set([200]));
    const { rows } = await db.admin.query<{ pid: number }>("select pid from pg_stat_activity where pid = any($1)", [
      before,
    ]);
    expect(rows).toHaveLength(2);
    expect((await db.admin.query("select from app.loans where note = 'slow'")).rowCount).toBe(0);
    await eventually(() => Promise.resolve(expect(server.log.filter(({ status }) => status === 499)).toHaveLength(2)));
    expect(server.log.filter(({ level }) => level === 50)).toEqual([]);
  });

  test("never ends what runs next on its connection", async () => {
    const scope = await db.scope("acme");
    const pool = db.database.openPool("rowhouse_api", { max: 1 });
    const count = { text: "select count(*) from generate_series(1, 20000)", values: [] };
    let ended = 0;
    let refused = 0;
    for (let round = 0; round < 150; round += 1) {
      let leave = () => {};
      let isGone = false;
      const waiter = {
        isGone: () => isGone,
        onGone: (listener: () => void) => ((leave = listener), () => (leave = () => {})),
      };
      const work = runScoped(pool, scope, "read", [count], waiter).then(
        () => (ended += 1),
        (error: { kind?: string }) => {
          refused += 1;
          expect(error.kind).toBe("clientGone");
        },
      );
      // Waits on the pool's only connection, and gets it as soon as it is free.
      const next = runScoped(pool, scope, "read", [count]);
      await sleep(round % 8);
      isGone = true;
      leave();
      await work;
      expect((await next)[0]?.rows).toEqual([["20000"]]);
    }
    console.log(`of 150 statements ${refused} were cancelled, and ${ended} came to their end`);
    expect(ended + refused).toBe(150);
    await pool.end();
  });

  test("before its turn came costs the database nothing", async () => {
    const pool = db.database.openPool("rowhouse_api", { max: 1 });
    const waiter = { isGone: () => true, onGone: () => () => {} };
    await expect(runScoped(pool, await db.scope("acme"), "read", [], waiter)).rejects.toMatchObject({
      kind: "clientGone",
    });
    expect(pool.idleCount).toBe(1);
    await pool.end();
  });

  test("an unreachable server costs the connection", async () => {
    const pool = db.database.openPool("rowhouse_api", { max: 1 });
    const scope = await db.scope("acme");
    let leave = () => {};
    const waiter = { isGone: () => false, onGone: (listener: () => void) => ((leave = listener), () => {}) };
    pool.on("acquire", (client) => Object.assign(client, { port: 1 }));
    // Runs for as long as it is to.
    await db.admin.query("begin; lock table app.topics in access exclusive mode");
    const count = { text: "select count(*) from app.topics", values: [] };
    const work = runScoped(pool, scope, "read", [count], waiter);
    await eventually(() => Promise.resolve(expect(leave.name).not.toBe("leave")));
    leave();
    await db.admin.query("commit");
    await work;
    expect(pool.totalCount).toBe(0);
    await pool.end();
  });
});
