import { afterAll, beforeAll, expect, test } from "vitest";
import { linkFirstOperator } from "../../src/auth/operator-links.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { startServerProcess, type ServerProcess } from "../http/process.ts";
import { eventually, send, type TestAnswer } from "../http/server.ts";
import { allowedAfter, askForDemo, countMade, deathsAt, ONE_OF_EACH, sample } from "./approval.ts";
import { openWire, type Death, type Wire } from "./wire.ts";

/**
 * The call that approves, while the server's process is killed (SIGKILL) at the call's statements; another process gets the same call with the
 * same Idempotency-Key. At every one with `TEST_CRASHES=all` (`npm run test:crashes`); else at the commit, and at a few others.
 */
let db: TestDatabase;
let wire: Wire;
let server: ServerProcess;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  wire = await openWire(db.url);
  server = await startServerProcess(wire.url);
  const link = await linkFirstOperator(db.platform, "test");
  const accepted = await post("/sessions/link", {
    token: link!.token,
    email: "owner@ops.example",
    password: "correct battery horse",
  });
  token = accepted.json<{ token: string }>().token;
});
afterAll(async () => {
  await server?.end();
  await wire?.[Symbol.asyncDispose]();
  await db?.close();
});

function post(path: string, body: object, headers: Record<string, string> = {}): Promise<TestAnswer> {
  return send(server.port, "admin.localhost", `/platform/v1${path}`, { method: "POST", body, headers });
}

const approve = (id: string, label: string) =>
  post(
    `/demo-requests/${id}/approve`,
    { trialDays: 30 },
    { authorization: `Bearer ${token}`, "idempotency-key": `approve-${label}` },
  );

/** The leases of those who died end then; by default they have, as if so much time had passed that whoever held the key is known to be dead. */
async function endLeases(within = "0"): Promise<void> {
  await db.admin.query(
    "update platform.idempotency_keys set locked_until = now() + $1::interval where status is null",
    [within],
  );
}

/** Of the keys that are held: how many, and how many for longer than a lease. */
async function leases(): Promise<{ held: number; longer: number }> {
  const { rows } = await db.admin.query<{ held: number; longer: number }>(
    `select count(*)::integer as held, (count(*) filter (where locked_until > clock_timestamp() + interval '15 s'))::integer as longer
     from platform.idempotency_keys where status is null`,
  );
  return rows[0]!;
}

/** @returns what came of the call whose server died */
async function approveAndDie(id: string, label: string, death: Death): Promise<string> {
  const { child } = server;
  wire.arm(death, () => child.kill("SIGKILL"));
  const outcome = await approve(id, label).then(
    ({ status }) => String(status),
    (error: NodeJS.ErrnoException) => error.code!,
  );
  await server.kill();
  await wire.drained();
  expect(child.signalCode).toBe("SIGKILL");
  return outcome;
}

test(
  "killed at its statements and called again: one tenant, one user, one e-mail",
  { timeout: 1_800_000 },
  async () => {
    wire.arm(null);
    expect((await approve(await askForDemo(db, "whole"), "whole")).status).toBe(200);
    const statements = [...wire.statements()];
    const commit = statements.indexOf("commit") + 1;
    expect(commit).toBeGreaterThan(10);
    const kept = statements.findIndex((text) => text.startsWith("update platform.idempotency_keys")) + 1;
    const all = deathsAt(statements);
    // Committed, and nobody was told; and the answer is kept, and nobody got it.
    const deaths = sample(all, 1, ({ at, when }) => (at === commit || at === kept) && when === "after");
    console.log(`${deaths.length} of ${all.length} boundaries, in ${statements.length} messages`);

    for (const death of deaths) {
      const label = `dead-${death.at}-${death.when}`;
      const id = await askForDemo(db, label);
      // A reset, or the end of the connection; after the last statement perhaps the answer.
      expect(["ECONNRESET", "ECONNREFUSED", "200"]).toContain(await approveAndDie(id, label, death));
      expect({ label, allowed: allowedAfter(wire.statements(), death) }).toEqual({
        label,
        allowed: expect.arrayContaining([await countMade(db, label)]) as unknown,
      });
      wire.arm(null);
      server = await startServerProcess(wire.url);
      const first = await approve(id, label);
      await endLeases();
      const again = await approve(id, label);
      expect({ label, first: first.status }).toEqual({ label, first: first.status === 200 ? 200 : 409 });
      expect({ label, status: again.status }).toEqual({ label, status: 200 });
      expect(again.json()).toMatchObject({ request: { status: "approved" }, tenant: { slug: label } });
      const replayed = await approve(id, label);
      expect([replayed.headers["idempotent-replayed"], replayed.text]).toEqual(["true", again.text]);
      expect({ label, ...(await countMade(db, label)) }).toEqual({ label, ...ONE_OF_EACH });
    }
  },
);

test(
  "whoever calls again is told how long to wait for the dead, and then it is done",
  { timeout: 300_000 },
  async () => {
    const id = await askForDemo(db, "waiting");
    await approveAndDie(id, "waiting", { at: "update platform.demo_requests", when: "before" });
    expect(await leases()).toEqual({ held: 1, longer: 0 });
    wire.arm(null);
    server = await startServerProcess(wire.url);
    // For so long that it is not over before the call, however slow the machine is.
    await endLeases("1 day");
    const told = await approve(id, "waiting");
    const wait = Number(told.headers["retry-after"]);
    expect([told.status, told.json()["code"]]).toEqual([409, "RH440"]);
    expect(wait).toBeGreaterThan(86_000);
    expect(wait).toBeLessThanOrEqual(86_400);
    await endLeases("1500 ms");
    await eventually(async () => expect((await approve(id, "waiting")).status).toBe(200));
    expect(await countMade(db, "waiting")).toEqual(ONE_OF_EACH);
  },
);

test("who takes long is not taken for dead: the lease is renewed", { timeout: 300_000 }, async () => {
  const id = await askForDemo(db, "long");
  await db.admin.query("begin");
  await db.admin.query("select from platform.demo_requests where id = $1 for update", [id]);
  const running = approve(id, "long");
  const lease = async () => {
    const { rows } = await db.platform.query<{ until: number }>(
      "select extract(epoch from locked_until)::float as until from platform.idempotency_keys where key = 'approve-long'",
    );
    return rows[0]?.until ?? 0;
  };
  await eventually(async () => expect(await lease()).toBeGreaterThan(0));
  const first = await lease();
  await eventually(async () => expect(await lease()).toBeGreaterThan(first + 4));
  expect((await approve(id, "long")).status).toBe(409);
  await db.admin.query("commit");
  expect((await running).status).toBe(200);
  expect(await countMade(db, "long")).toEqual(ONE_OF_EACH);
});
