import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { openFairShare } from "../../src/db/fair-share.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { addUser, PASSWORD } from "./auth/client.ts";
import { eventually, testServer, type TestServer } from "./server.ts";

/** One tenant that asks for as much as it can, and another that asks for a little (threats.md, H23). */
const PLACES = 4;
const NOISE = 24;
let db: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  db = await testDatabase();
  // A request that takes a while, as many an aggregate does: until the test says that it is done.
  await db.admin
    .query(`create function app.ponder() returns int language sql volatile security definer as $$ select 1 from pg_advisory_xact_lock_shared(7, 7) $$;
    grant execute on function app.ponder() to rowhouse_api`);
  server = await testServer(db, { settings: { CONNECTION_POOL_SIZE: PLACES } });
  await addUser(db, "acme", "noisy@acme.example");
  await addUser(db, "globex", "quiet@globex.example");
});
afterEach(() => void vi.useRealTimers());
afterAll(async () => {
  await server?.close();
  await db?.close();
});

test("a tenant that takes all it can get keeps no other waiting: the other is served before its queue", async () => {
  const [acme, globex] = [await server.token("acme"), await server.token("globex")];
  let done = 0;
  await db.admin.query("select pg_advisory_lock(7, 7)");
  const noise = Array.from({ length: NOISE }, async () => {
    const { status } = await server.request("acme.localhost", "/rest/v1/rpc/ponder", {
      method: "POST",
      body: {},
      token: acme,
    });
    done += 1;
    return status;
  });
  const pondering = async () => {
    const { rows } = await db.admin.query<{ count: number }>(
      "select count(*)::int from pg_stat_activity where wait_event_type = 'Lock' and usename = 'rowhouse_api' and datname = current_database()",
    );
    return rows[0]!.count;
  };
  await eventually(async () => expect(await pondering()).toBe(PLACES - 1));
  for (let turn = 0; turn < 3; turn++) {
    const { status } = await server.get("globex.localhost", "/rest/v1/customers?select=id&limit=1", { token: globex });
    expect(status).toBe(200);
  }
  expect([done, await pondering()]).toEqual([0, PLACES - 1]);
  await db.admin.query("select pg_advisory_unlock(7, 7)");
  expect(await Promise.all(noise)).toEqual(noise.map(() => 200));
});

test("nor by signing in over and over", async () => {
  // Whoever waits for a turn waits for as long as it takes: their order is the question, and hashing takes what the machine takes.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const signIn = (slug: string, email: string, password: string) =>
    server.request(`${slug}.localhost`, "/auth/v1/token?grant_type=password", {
      method: "POST",
      body: { email, password },
    });
  let done = 0;
  const noise = Array.from({ length: NOISE * 2 }, async (_, guess) => {
    const { status } = await signIn("acme", `guess${guess}@acme.example`, "not the password");
    done += 1;
    return status;
  });
  const { status } = await signIn("globex", "quiet@globex.example", PASSWORD);
  expect(status).toBe(200);
  expect(done).toBeLessThan(NOISE);
  expect(await Promise.all(noise)).toEqual(noise.map(() => 400));
});

test("a line is served in turn with a long one, has no more than its places, and is forgotten when it is empty", async () => {
  const share = openFairShare({ places: 3, most: 2, waitMs: 50, hint: "later" });
  const first = [await share.enter("a"), await share.enter("a")];
  await expect(share.enter("a")).rejects.toMatchObject({ kind: "busy", hint: "later" });
  const last = await share.enter("b");
  await expect(share.enter("c")).rejects.toMatchObject({ kind: "busy" });
  for (const turn of [...first, last]) turn.end();
  const order: string[] = [];
  const held = [await share.enter("x"), await share.enter("x"), await share.enter("y")];
  const wait = async (whose: string) => {
    const turn = await share.enter(whose);
    order.push(whose);
    turn.end();
  };
  const waiting = ["a", "a", "a", "a", "b"].map(wait);
  for (const turn of held) turn.end();
  await Promise.all(waiting);
  expect(order.indexOf("b")).toBeLessThan(3);
});
