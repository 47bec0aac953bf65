import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually, testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.close());

/** A write that waits for the lock that `release` gives up. */
async function blockedWrite(server: TestServer) {
  const { rows } = await db.admin.query<{ id: string }>("select id from app.customers where tenant_id = $1 limit 1", [
    (await db.tenant("acme")).id,
  ]);
  const id = rows[0]!.id;
  await db.admin.query("begin");
  await db.admin.query("select from app.customers where id = $1 for update", [id]);
  const token = await server.token("acme");
  const answer = server.request("acme.localhost", `/rest/v1/customers?id=eq.${id}`, {
    method: "PATCH",
    token,
    body: { notes: "written while closing" },
    headers: { prefer: "return=representation", connection: "keep-alive" },
  });
  await eventually(async () => {
    await db.admin.query("select pg_stat_clear_snapshot()"); // in a transaction, what it showed first stays
    const waiting = await db.admin.query(
      "select from pg_stat_activity where wait_event_type = 'Lock' and usename = 'rowhouse_api' and datname = current_database()",
    );
    expect(waiting.rowCount).toBe(1);
  });
  return { answer, release: () => db.admin.query("commit") };
}

describe("closing", () => {
  test("answers the request that runs, turns new ones away, and is done soon after", async () => {
    const server = await testServer(db, { settings: { SHUTDOWN_TIMEOUT_MS: 600_000 } });
    // Two that a browser or proxy would keep open: one that was used, one that never was.
    const agent = new Agent({ keepAlive: true });
    const used = request({ port: server.port, host: "127.0.0.1", path: "/healthz", agent }).end();
    const [first] = (await once(used, "response")) as [{ resume(): void }];
    first.resume();
    const unused = connect(server.port, "127.0.0.1");
    await once(unused, "connect");
    const { answer, release } = await blockedWrite(server);

    let isClosed = false;
    const closing = server.close().then(() => (isClosed = true));
    await eventually(async () => {
      await expect(server.get("acme.localhost", "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    });
    expect(isClosed).toBe(false);
    await release();
    const { status, headers, text } = await answer;
    expect([status, headers.connection]).toEqual([200, "close"]);
    expect(text).toContain("written while closing");
    const start = performance.now();
    await closing; // a connection that is waited for would take longer than a test may
    console.info(`closed ${Math.round(performance.now() - start)} ms after the last answer; the goal is 1 s`);
    agent.destroy();
    unused.destroy();
  });

  test("says so at /readyz on a connection that is still open, and ends that connection", async () => {
    const server = await testServer(db);
    const { answer, release } = await blockedWrite(server);
    const socket = connect(server.port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => (text += chunk));
    // The answer to the first shows that the beginning of the second has arrived as well, so that the connection is busy.
    socket.write(
      "GET /healthz HTTP/1.1\r\nHost: acme.localhost\r\n\r\nGET /readyz HTTP/1.1\r\nHost: acme.localhost\r\n",
    );
    await eventually(async () => expect(text).toContain('{"status":"ok"}'));
    text = "";
    const closing = server.close();
    socket.write("\r\n");
    await once(socket, "close");
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    expect(text).toMatch(/^connection: close/im);
    expect(text).toContain('"fact":"draining"');
    await release();
    expect((await answer).status).toBe(200);
    await closing;
  });

  test("does not wait longer than SHUTDOWN_TIMEOUT_MS", async () => {
    const server = await testServer(db, { settings: { SHUTDOWN_TIMEOUT_MS: 200 } });
    const { answer, release } = await blockedWrite(server);
    const failed = answer.catch((error: NodeJS.ErrnoException) => error.code);
    await server.close();
    expect(await failed).toBe("ECONNRESET");
    await release();
  });

  test("twice is once", async () => {
    const server = await testServer(db);
    await Promise.all([server.close(), server.close()]);
    await server.close();
    await expect(server.get("acme.localhost", "/healthz")).rejects.toThrow("ECONNREFUSED");
  });
});

test("a taken port is named, with what to do; nothing is left open", async () => {
  const connections = async () => {
    const { rows } = await db.admin.query<{ count: string }>(
      "select count(*) from pg_stat_activity where datname = current_database() and usename like 'rowhouse%'",
    );
    return Number(rows[0]!.count);
  };
  const before = await connections();
  const first = await testServer(db);
  await expect(testServer(db, { settings: { PORT: first.port } })).rejects.toMatchObject({
    code: "RH603",
    message: `Port ${first.port} of 127.0.0.1 is taken`,
    hint: expect.stringContaining(`PORT=${first.port + 1}`),
  });
  // Those of the first come and go with its jobs, until it is closed.
  await first.close();
  await eventually(async () => expect(await connections()).toBeLessThanOrEqual(before));
});
