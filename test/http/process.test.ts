import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PATIENCE_MS, SALES, TEST_SECRET, testDatabase, type TestDatabase } from "../harness.ts";
import { eventually, letLocksWait, send } from "./server.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
  await letLocksWait(db);
});
afterAll(() => db?.close());

function start(env: Record<string, string>): { child: ChildProcess; lines: string[] } {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr! }).on("line", (line) => lines.push(line));
  return { child, lines };
}

async function startServer() {
  const { child, lines } = start({
    DATABASE_URL: db.url,
    ROWHOUSE_SECRET: TEST_SECRET,
    ROWHOUSE_APP: SALES,
    PORT: "0",
    CONNECTION_WAIT_MS: String(PATIENCE_MS),
    STATEMENT_TIMEOUT_MS: String(PATIENCE_MS),
    SHUTDOWN_TIMEOUT_MS: "600000",
  });
  let port = 0;
  await eventually(async () => {
    const listening = lines
      .map((line) => JSON.parse(line) as Record<string, string>)
      .find(({ msg }) => msg === "listening");
    port = Number(new URL(listening?.["url"] ?? "http://nowhere").port);
    expect(port).toBeGreaterThan(0);
  });
  return { child, lines, port };
}

describe("the server process", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("%s ends it with 0, its log is JSON lines", async (signal) => {
    const { child, lines, port } = await startServer();
    expect((await send(port, "acme.localhost", "/readyz")).status).toBe(200);
    child.kill(signal);
    expect(await once(child, "close")).toEqual([0, null]); // when its last line has come, too
    const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(messages).toEqual(["listening", "request", "closing"]);
    expect(lines.join()).not.toContain(TEST_SECRET);
  });

  test("a second signal ends it at once, while a request still runs", async () => {
    const { child, port, lines } = await startServer();
    const { openKeyset } = await import("../../src/auth/keyset.ts");
    const { mintToken } = await import("../../src/auth/token.ts");
    const { id } = await db.tenant("acme");
    const policy = { issuer: "http://localhost", audience: "rowhouse" };
    const token = await mintToken(openKeyset(db.platform), policy, {
      tenantId: id,
      sub: "someone",
      role: "admin",
      ttlSeconds: 600,
    });
    await db.admin.query("begin");
    await db.admin.query("select from app.customers for update");
    const request = send(port, "acme.localhost", "/rest/v1/customers?number=eq.C-00013", {
      method: "PATCH",
      token,
      body: { notes: "x" },
    });
    const cut = request.catch((error: NodeJS.ErrnoException) => error.code);
    await eventually(async () => {
      await db.admin.query("select pg_stat_clear_snapshot()");
      const waiting = await db.admin.query(
        "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      expect(waiting.rowCount).toBe(1);
    });
    child.kill("SIGTERM");
    await eventually(async () => expect(lines.join()).toContain('"closing"'));
    const end = once(child, "close");
    const again = setInterval(() => child.kill("SIGTERM"), 100); // the first half second counts as the same signal
    expect(await end).toEqual([143, null]);
    clearInterval(again);
    expect(await cut).toBe("ECONNRESET");
    await db.admin.query("rollback");
  });

  test.each([
    ["without DATABASE_URL", {}, 2, "DATABASE_URL is not set"],
    ["with a bad setting", { PORT: "none" }, 2, "PORT"],
    [
      "without a database",
      { DATABASE_URL: "postgres://nobody:x@127.0.0.1:1/none" },
      1,
      "connect ECONNREFUSED 127.0.0.1:1",
    ],
  ])("%s it says what is wrong", async (_, env, code, text) => {
    const { child, lines } = start(env);
    expect(await once(child, "close")).toEqual([code, null]);
    expect(lines.join("\n")).toContain(text);
  });
});
