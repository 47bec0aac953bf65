import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { openDatabase } from "../../src/db/connections.ts";
import { listen, type Listener } from "../../src/db/listen.ts";
import { TEST_SECRET, testDatabase } from "../harness.ts";

const db = await testDatabase("template");
const open: Listener[] = [];
afterAll(async () => {
  for (const listener of open) await listener.close();
  await db.close();
});

afterEach(() => {
  vi.useRealTimers();
});

/** What it said last is its list of channels, or its heartbeat. */
const LISTENING = "datname = current_database() and (query like 'listen %' or query = 'select')";

async function start(heartbeatMs?: number, database = db.database) {
  const heard: string[] = [];
  const listener = await listen(database, {
    channels: { rowhouse_one: (payload) => heard.push(`one ${payload}`), rowhouse_two: () => heard.push("two") },
    onReconnect: () => heard.push("reconnected"),
    onLost: () => heard.push("lost"),
    heartbeatMs,
  });
  open.push(listener);
  return { heard, listener };
}

test("hears its channels, and no other", async () => {
  const { heard, listener } = await start();
  await db.admin.query(
    "select pg_notify('rowhouse_other', 'x'), pg_notify('rowhouse_one', 'a'), pg_notify('rowhouse_two', 'b')",
  );
  await expect.poll(() => heard).toEqual(["one a", "two"]);
  await listener.close();
  await db.admin.query("select pg_notify('rowhouse_one', 'late')");
  expect(heard).toEqual(["one a", "two"]);
});

test("comes back after a lost connection, says so, and hears on", async () => {
  const { heard, listener } = await start();
  for (const round of ["first", "second"]) {
    heard.length = 0;
    await db.admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${LISTENING}`);
    await expect.poll(() => heard).toEqual(["lost", "reconnected"]);
    await db.admin.query("select pg_notify('rowhouse_one', $1)", [round]);
    await expect.poll(() => heard).toEqual(["lost", "reconnected", `one ${round}`]);
  }
  await listener.close();
});

/** Passes bytes on until it is told to keep them, with the sockets left open: like a machine that vanished. */
async function startWire(port: number) {
  const sockets = new Set<Socket>();
  let mend = Promise.resolve();
  const server = createServer((near) => {
    const far = connect(port, new URL(db.url).hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {}).on("close", () => to.destroy());
      from.on("data", (bytes) => void mend.then(() => to.write(bytes)));
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    /** Returns what mends it. */
    cut: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      mend = promise;
      return resolve;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Sends a word once the backend has answered the heartbeat: on one connection it comes after the answer. */
async function sayAfterBeat(word: string): Promise<void> {
  await expect
    .poll(async () => (await db.admin.query(`select state, query from pg_stat_activity where ${LISTENING}`)).rows)
    .toEqual([{ state: "idle", query: "select" }]);
  await db.admin.query("select pg_notify('rowhouse_one', $1)", [word]);
}

test("notices by its heartbeat that the server does not answer", async () => {
  // Its beats come when they are told to: how long an answer takes is the machine's affair.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const beat = () => vi.advanceTimersByTime(200);
  const url = new URL(db.url);
  const wire = await startWire(Number(url.port || 5432));
  url.hostname = "127.0.0.1";
  url.port = String(wire.port);
  const { heard, listener } = await start(200, openDatabase(url.href, TEST_SECRET));
  beat();
  await sayAfterBeat("a");
  await expect.poll(() => heard).toEqual(["one a"]);
  beat();
  await sayAfterBeat("b");
  await expect.poll(() => heard).toEqual(["one a", "one b"]);
  const mend = wire.cut();
  beat();
  beat();
  await expect.poll(() => heard).toEqual(["one a", "one b", "lost"]);
  mend();
  await expect.poll(() => heard.at(-1)).toBe("reconnected");
  await listener.close();
  wire.close();
});

test("leaves no connection behind when it is closed, also while it has none", async () => {
  const { heard, listener } = await start();
  await db.admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${LISTENING}`);
  await expect.poll(() => heard).toContain("lost");
  await listener.close();
  await expect
    .poll(async () => (await db.admin.query(`select pid from pg_stat_activity where ${LISTENING}`)).rows)
    .toEqual([]);
});

test("refuses a channel that is not a name", async () => {
  await expect(listen(db.database, { channels: { "a; drop": () => {} }, onReconnect: () => {} })).rejects.toThrow(
    TypeError,
  );
});
