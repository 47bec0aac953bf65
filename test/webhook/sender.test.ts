import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { setTenantStatus } from "../../src/tenant/change.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { deleteTenant } from "../../src/tenant/delete.ts";
import { openCheckedFetch } from "../../src/net/checked-fetch.ts";
import {
  listDeliveries,
  pingWebhook,
  redeliver,
  redeliverFailed,
  type Delivery,
} from "../../src/webhook/deliveries.ts";
import { pauseAfter } from "../../src/webhook/delivery.ts";
import { claimDeliveries, settle } from "../../src/webhook/queue.ts";
import { purgeDue, WEBHOOK_RETENTION_JOB } from "../../src/webhook/retention.ts";
import { openWebhookSender } from "../../src/webhook/sender.ts";
import { collectEvents } from "../../src/webhook/collect.ts";
import { addWebhook, changeWebhook, findWebhook, removeWebhook, rotateWebhook } from "../../src/webhook/webhooks.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually } from "../http/server.ts";
import { untilBlocked } from "../blocked.ts";
import { isSignedBy, openReceiver, reset, type Receiver } from "./receiver.ts";
import { clearWebhooks, deskOf, passTime, putOffTries, sendDue, sendTimed, sourcesOf, type Pause } from "./sending.ts";

let db: TestDatabase;
let receiver: Receiver;
beforeAll(async () => {
  db = await testDatabase();
  receiver = await openReceiver();
  await putOffTries(db);
});
afterAll(async () => {
  await receiver?.[Symbol.asyncDispose]();
  await db?.close();
});
beforeEach(() => clearWebhooks(db));
afterEach(() => reset(receiver));

const add = (url = receiver.url, events?: string[]) => addWebhook(deskOf(db), { url, events });
const list = (id: string) => listDeliveries(db.platform, id, { limit: 1000 });
const only = async (id: string): Promise<Delivery> => {
  const found = await list(id);
  expect(found).toHaveLength(1);
  return found[0]!;
};
/** Something happens to the tenant: one event each time. */
let turn = 0;
const happen = async (slug = "acme") => {
  const { status } = await db.tenant(slug);
  await setTenantStatus(db.platform, slug, status === "active" ? "suspended" : "active", `test ${++turn}`);
};
const typesReceived = () => receiver.received.map(({ event }) => event.type);

describe("a delivery", () => {
  test("is signed, tells what happened, and comes once", async () => {
    const { id, secret } = await add();
    await happen();
    expect(await sendDue(db)).toBe(1);
    expect(await sendDue(db)).toBe(0);
    expect(receiver.received).toHaveLength(1);
    const [{ headers, body, event }] = receiver.received as [Receiver["received"][0]];
    const acme = await db.tenant("acme");
    expect(event).toMatchObject({
      type: "tenant.suspended",
      data: { tenantId: acme.id, slug: "acme", status: "suspended" },
    });
    expect(Math.abs(Date.parse(event.timestamp) - Date.now())).toBeLessThan(60_000);
    expect(Math.abs(Number(headers["webhook-timestamp"]) - Date.now() / 1000)).toBeLessThan(60);
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["user-agent"]).toMatch(/^Rowhouse\//);
    expect(isSignedBy({ headers, body }, secret)).toBe(true);
    expect(isSignedBy({ headers, body: `${body} ` }, secret)).toBe(false);
    expect(isSignedBy({ headers: { ...headers, "webhook-timestamp": "1" }, body }, secret)).toBe(false);
    expect(isSignedBy({ headers: { ...headers, "webhook-id": "x" }, body }, secret)).toBe(false);
    const delivery = await only(id);
    expect(delivery).toMatchObject({
      state: "delivered",
      attempts: 1,
      status: 204,
      error: null,
      eventId: headers["webhook-id"],
    });
  });

  test("goes to those that want to be told of it, and to each by its own secret", async () => {
    const all = await add();
    const some = await add(`${receiver.url}/some`, ["tenant.suspended", "tenant.deleted"]);
    await happen("globex");
    await happen("globex");
    expect(await sendDue(db)).toBe(3);
    expect((await list(all.id)).map(({ type }) => type)).toEqual(["tenant.activated", "tenant.suspended"]);
    expect((await list(some.id)).map(({ type }) => type)).toEqual(["tenant.suspended"]);
    const bySome = receiver.received.filter((one) => isSignedBy(one, some.secret));
    expect(bySome.map(({ event }) => event.type)).toEqual(["tenant.suspended"]);
    expect(all.secret).not.toBe(some.secret);
  });

  test("of a tenant that is gone comes all the same", async () => {
    await createTenant(db.platform, db.database.keyring, { slug: "brief", name: "Brief" }, "test");
    const { id } = await db.tenant("brief");
    await add(receiver.url, ["tenant.deleted"]);
    await deleteTenant(db.platform, db.database.keyring, "brief", "test");
    await sendDue(db);
    expect(receiver.received.map(({ event }) => [event.type, event.data["tenantId"]])).toEqual([
      ["tenant.deleted", id],
    ]);
  });

  test("is not written when the change is taken back, nor when there is no webhook", async () => {
    await happen("initech");
    const { id } = await add();
    await db.admin.query("begin");
    await db.admin.query("update platform.tenants set name = 'Other' where slug = 'initech'");
    await db.admin.query("rollback");
    expect(await sendDue(db)).toBe(0);
    expect(await list(id)).toEqual([]);
    await happen("initech");
  });
});

describe("what the receiver does", () => {
  test.each([
    [500, "The receiver answered 500"],
    [404, "The receiver answered 404"],
    [302, "Redirects are not followed (302)"],
  ])("%i: it is tried again, under the same id with a new timestamp", async (status, error) => {
    const { id, secret } = await add();
    let redirected = 0;
    receiver.answer = ({ headers }, response) => {
      if (headers["webhook-id"] === undefined) redirected += 1;
      response.writeHead(status, { location: receiver.url }).end("no\u0000\u001b[2J, not now");
    };
    await happen();
    const pauseOf = await sendTimed(db);
    const failed = await only(id);
    expect(failed).toMatchObject({ state: "waits", attempts: 1, status, error, response: "no  [2J, not now" });
    expect(pauseOf(failed).most).toBeGreaterThan(2);
    expect(pauseOf(failed).least).toBeLessThan(7);
    expect((await findWebhook(db.platform, id)).failingSince).not.toBeNull();
    expect(await sendDue(db)).toBe(0);
    reset(receiver);
    await passTime(db);
    await sendDue(db);
    expect(await only(id)).toMatchObject({ state: "delivered", attempts: 2, status: 204, error: null });
    expect((await findWebhook(db.platform, id)).failingSince).toBeNull();
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]!.headers["webhook-id"]).toBe(failed.eventId);
    expect(isSignedBy(receiver.received[0]!, secret)).toBe(true);
    expect(redirected).toBe(0);
  });

  test("no answer, half an answer, too long an answer, nobody there", async () => {
    const deaf = createServer(() => {});
    await new Promise<void>((done) => deaf.listen(0, "127.0.0.1", done));
    const port = (deaf.address() as { port: number }).port;
    const broken = await openReceiver();
    broken.answer = (_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setTimeout(() => response.destroy(), 50);
    };
    const long = await openReceiver();
    long.answer = (_, response) => response.end("x".repeat(100_000));
    const silent = await add(`http://127.0.0.1:${port}/`);
    await happen();
    await sendDue(db, { timeoutMs: 300 }); // enough for this one, and no measure for the others
    const unanswered = await only(silent.id);
    await removeWebhook(deskOf(db), silent.id);
    const ids = [(await add(broken.url)).id, (await add(long.url)).id, (await add("http://127.0.0.1:1/")).id];
    await happen();
    await sendDue(db);
    const found = [unanswered, ...(await Promise.all(ids.map(only)))];
    expect(found.map(({ state, status }) => [state, status])).toEqual(Array(4).fill(["waits", null]));
    expect(found.map(({ error }) => error)).toEqual([
      expect.stringContaining("did not answer within 300 ms"),
      expect.stringContaining("gave no answer"),
      expect.stringContaining("larger than 65536 bytes"),
      expect.stringContaining("ECONNREFUSED"),
    ]);
    await broken[Symbol.asyncDispose]();
    await long[Symbol.asyncDispose]();
    deaf.close();
    await happen();
  });

  test("asks for patience: it is given some, and no more than an hour", async () => {
    const { id } = await add();
    await happen();
    receiver.answer = (_, response) => response.writeHead(429, { "retry-after": "600" }).end();
    const first = await sendTimed(db);
    expect(first(await only(id)).most).toBeGreaterThan(590);
    receiver.answer = (_, response) => response.writeHead(429, { "retry-after": "99999999" }).end();
    await passTime(db);
    const second = await sendTimed(db);
    expect(second(await only(id)).least).toBeLessThan(3601);
  });

  test("is gone (410): the webhook is off, and the audit trail says so", async () => {
    const { id } = await add();
    receiver.answer = (_, response) => response.writeHead(410).end();
    await happen();
    await sendDue(db);
    expect(await only(id)).toMatchObject({ state: "failed", status: 410 });
    expect(await findWebhook(db.platform, id)).toMatchObject({ isActive: false, disabledReason: "gone" });
    const { rows } = await db.admin.query<{ details: object }>(
      "select details from platform.audit_events where action = 'webhook.disabled' and actor = 'platform:webhooks' and details ->> 'id' = $1",
      [id],
    );
    expect(rows).toMatchObject([{ details: { disabled_reason: "gone", url: `http://127.0.0.1:${receiver.port}` } }]);
    expect(JSON.stringify(rows)).not.toMatch(/secret|hooks/);
  });

  test("fails for days: it is tried with growing pauses, given up, and the webhook is off; on again, all comes", async () => {
    const { id } = await add();
    receiver.answer = (_, response) => response.writeHead(503).end();
    await happen();
    const pauses: Pause[] = [];
    while (pauses.length < 50) {
      const pauseOf = await sendTimed(db);
      const delivery = await only(id);
      if (delivery.state === "failed") break;
      pauses.push(pauseOf(delivery));
      expect((await findWebhook(db.platform, id)).isActive).toBe(true);
      // As long ago as it would be.
      await db.admin.query("update platform.webhooks set failing_since = failing_since - make_interval(secs => $1)", [
        pauses.at(-1)!.most,
      ]);
      await passTime(db);
    }
    expect(pauses).toHaveLength(12);
    const days = (end: keyof Pause) => pauses.reduce((sum, pause) => sum + pause[end], 0) / 86_400;
    expect(days("most")).toBeGreaterThan(2);
    expect(days("least")).toBeLessThan(3.5);
    // What chance makes of the pauses does not always grow: half a day may become longer than two thirds of one.
    for (const [index, { least, most }] of pauses.entries()) {
      const [shortest, usual, longest] = [0, 0.5, 1].map((chance) => pauseAfter(index + 1, chance)!);
      expect(most).toBeGreaterThan(shortest! - 1);
      expect(least).toBeLessThan(longest! + 1);
      expect(usual).toBeGreaterThan(pauseAfter(index, 0.5) ?? 0);
    }
    expect(await findWebhook(db.platform, id)).toMatchObject({ isActive: false, disabledReason: "failing" });

    reset(receiver);
    await happen();
    expect(await sendDue(db)).toBe(0); // kept, not sent
    expect((await list(id)).map(({ state }) => state)).toEqual(["waits", "failed"]);
    const on = await changeWebhook(deskOf(db), id, { isActive: true });
    expect(on).toMatchObject({ isActive: true, failingSince: null, disabledAt: null, disabledReason: null });
    expect(await redeliverFailed(deskOf(db), id)).toBe(1);
    expect(await sendDue(db)).toBe(2);
    const sequences = receiver.received.map(({ event }) => BigInt(event.sequence));
    expect(sequences).toHaveLength(2);
    expect(sequences[0]! < sequences[1]!).toBe(true);
  });

  test("chokes on one event: the webhook stays on, and goes on with the others", async () => {
    const { id } = await add();
    receiver.answer = ({ event }, response) => response.writeHead(event.type === "tenant.suspended" ? 422 : 204).end();
    await happen("globex");
    await happen("globex");
    await happen("initech");
    await sendDue(db);
    // What follows for the same tenant waits for it, and no other tenant's does.
    expect(typesReceived()).toEqual(["tenant.suspended", "tenant.suspended"]);
    for (let i = 0; i < 6; i++) {
      await passTime(db);
      await sendDue(db);
    }
    expect(typesReceived()).toContain("tenant.activated");
    expect((await list(id)).map(({ state }) => state)).toEqual(["waits", "delivered", "waits"]);
    expect((await findWebhook(db.platform, id)).isActive).toBe(true);
    await happen("initech");
  });
});

describe("order", () => {
  test("events of one tenant come one after the other, also when one has to be tried again", async () => {
    await add();
    for (let i = 0; i < 4; i++) await happen("globex");
    let refusals = 1;
    receiver.answer = (_, response) => response.writeHead(refusals-- > 0 ? 500 : 204).end();
    await sendDue(db);
    expect(receiver.received).toHaveLength(1);
    receiver.received.length = 0;
    await passTime(db);
    await sendDue(db);
    expect(typesReceived()).toEqual(["tenant.suspended", "tenant.activated", "tenant.suspended", "tenant.activated"]);
  });

  test("a slow receiver keeps no other waiting", async () => {
    const slow = await openReceiver();
    slow.answer = () => {};
    const { id } = await add(slow.url);
    await add();
    const sender = openWebhookSender(sourcesOf(db, { pauseMs: 20 }));
    try {
      await happen();
      await eventually(async () => expect(slow.received).toHaveLength(1));
      await happen();
      await eventually(async () => expect(receiver.received).toHaveLength(2));
      expect(slow.received).toHaveLength(1);
    } finally {
      await sender.close();
      await slow[Symbol.asyncDispose]();
    }
    // Stopped, it was given back, and is tried anew at once.
    expect((await list(id)).at(-1)).toMatchObject({ state: "waits", attempts: 0, error: null });
  });
});

describe("processes", () => {
  test("two at once with a hundred events: each is delivered once, in order", async () => {
    await add();
    for (let i = 0; i < 50; i++) {
      await happen("globex");
      await happen("initech");
    }
    receiver.answer = (_, response) => setTimeout(() => response.writeHead(204).end(), 2);
    const senders = [1, 2, 3].map(() => openWebhookSender(sourcesOf(db, { pauseMs: 5 })));
    await eventually(async () => expect(receiver.received.length).toBeGreaterThanOrEqual(100), 120_000);
    await Promise.all(senders.map((sender) => sender.close()));
    const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
    expect([ids.length, new Set(ids).size]).toEqual([100, 100]);
    const bySlug = Map.groupBy(receiver.received, ({ event }) => event.data["slug"]);
    for (const received of bySlug.values()) {
      const sequences = received.map(({ event }) => Number(event.sequence));
      expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    }
  }, 300_000);

  test("one dies with a delivery in its hands: another sends it when the lease has ended; a late outcome is not lost", async () => {
    const { id } = await add();
    await happen();
    const [dead] = await claimDeliveries(db.platform, id, 4);
    expect(await sendDue(db)).toBe(0);
    const { rows } = await db.admin.query<{ wait: number }>(
      "select extract(epoch from next_at - now())::float8 as wait from platform.webhook_deliveries",
    );
    expect(rows[0]!.wait).toBeGreaterThan(60);
    await passTime(db);
    receiver.answer = (_, response) => response.writeHead(500).end();
    expect(await sendDue(db)).toBe(1);
    await settle(db.platform, dead!, { kind: "failed", status: 400, error: "late", response: null, retryAfter: null });
    expect(await only(id)).toMatchObject({ state: "waits", attempts: 2, status: 500 });
    await settle(db.platform, dead!, { kind: "delivered", status: 200, response: "" });
    expect(await only(id)).toMatchObject({ state: "delivered", status: 200 });
  });
});

describe("a webhook", () => {
  test("is known by its id in any case; what is no uuid is as unknown as another's, and as a delivery's", async () => {
    const { id, url, updatedAt } = await add();
    await db.admin.query("update platform.webhooks set updated_at = now() - interval '1 hour'");
    expect((await findWebhook(db.platform, id.toUpperCase())).id).toBe(id);
    const changed = await changeWebhook(deskOf(db), id.toUpperCase(), { description: "Billing" });
    expect(changed).toMatchObject({ id, url, description: "Billing" });
    expect(Date.parse(changed.updatedAt)).toBeGreaterThanOrEqual(Date.parse(updatedAt));
    for (const wrong of ["", "billing", `${id}0`, `{${id}}`, "00000000-0000-0000-0000-000000000000"]) {
      const unknown = { kind: "webhookUnknown" };
      await expect(findWebhook(db.platform, wrong)).rejects.toMatchObject(unknown);
      await expect(changeWebhook(deskOf(db), wrong, {})).rejects.toMatchObject(unknown);
      await expect(rotateWebhook(deskOf(db), wrong)).rejects.toMatchObject(unknown);
      await expect(removeWebhook(deskOf(db), wrong)).rejects.toMatchObject(unknown);
      await expect(redeliver(deskOf(db), id, wrong)).rejects.toMatchObject({ kind: "deliveryUnknown" });
    }
    expect(await removeWebhook(deskOf(db), id.toUpperCase())).toMatchObject({ id });
  });

  test("is given another secret: both sign, then the new one alone", async () => {
    const { id, secret: old } = await add();
    const { secret, rotatingUntil } = await rotateWebhook(deskOf(db), id);
    expect((Date.parse(rotatingUntil!) - Date.now()) / 3_600_000).toBeCloseTo(24, 1);
    await happen();
    await sendDue(db);
    const [during] = receiver.received;
    expect((during!.headers["webhook-signature"] as string).split(" ")).toHaveLength(2);
    expect([isSignedBy(during!, old), isSignedBy(during!, secret)]).toEqual([true, true]);
    await db.admin.query("update platform.webhooks set former_until = now()");
    await happen();
    await sendDue(db);
    const after = receiver.received.at(-1)!;
    expect([isSignedBy(after, old), isSignedBy(after, secret)]).toEqual([false, true]);
    const { secret: third } = await rotateWebhook(deskOf(db), id, 0);
    await happen();
    await sendDue(db);
    const last = receiver.received.at(-1)!;
    expect([isSignedBy(last, secret), isSignedBy(last, third)]).toEqual([false, true]);
    await happen();
  });

  test("is switched off: what happens waits, but for a ping", async () => {
    const { id, secret } = await add();
    await changeWebhook(deskOf(db), id, { isActive: false });
    await happen();
    await pingWebhook(deskOf(db), id);
    expect(await sendDue(db)).toBe(1);
    expect(receiver.received.map(({ event }) => [event.type, event.data])).toEqual([
      ["webhook.ping", { webhookId: id }],
    ]);
    expect(isSignedBy(receiver.received[0]!, secret)).toBe(true);
    await changeWebhook(deskOf(db), id, { isActive: true, description: "Billing" });
    expect(await sendDue(db)).toBe(1);
    expect(await findWebhook(db.platform, id)).toMatchObject({ description: "Billing", isActive: true });
    await happen();
  });

  test("a ping that fails is not tried again and counts for nothing", async () => {
    const { id } = await add();
    receiver.answer = (_, response) => response.writeHead(500).end();
    await pingWebhook(deskOf(db), id);
    await sendDue(db);
    expect(await only(id)).toMatchObject({ type: "webhook.ping", state: "failed", status: 500 });
    expect(await findWebhook(db.platform, id)).toMatchObject({ isActive: true, failingSince: null });
  });

  test("has one sent again that had arrived, under the same id; of another webhook it has none", async () => {
    const { id } = await add();
    const other = await add(`${receiver.url}/other`, ["tenant.deleted"]);
    await happen();
    await sendDue(db);
    const delivery = await only(id);
    await expect(redeliver(deskOf(db), other.id, delivery.id)).rejects.toMatchObject({ kind: "deliveryUnknown" });
    expect(await redeliver(deskOf(db), id, delivery.id)).toMatchObject({ state: "waits", attempts: 0 });
    await sendDue(db);
    expect(receiver.received.map(({ headers }) => headers["webhook-id"])).toEqual([delivery.eventId, delivery.eventId]);
    await happen();
  });

  test("goes with all that waits, and a change that tells of it meanwhile does not fail", async () => {
    const { id } = await add();
    await db.admin.query("begin");
    await db.admin.query("update platform.tenants set name = 'Acme Corporation' where slug = 'acme'");
    const removing = removeWebhook(deskOf(db), id);
    await db.admin.query("commit");
    await removing;
    await expect(findWebhook(db.platform, id)).rejects.toMatchObject({ kind: "webhookUnknown" });
    expect(await sendDue(db)).toBe(0);
    const again = await add();
    const client = await db.platform.connect();
    try {
      await client.query("begin");
      await client.query("delete from platform.webhooks where id = $1", [again.id]);
      const change = happen();
      await untilBlocked(db.admin, client);
      await client.query("commit");
      await expect(change).resolves.toBeUndefined();
    } finally {
      client.release(true);
    }
  });
});

describe("old events", () => {
  const DAYS_AGO =
    "update platform.webhook_events set created_at = now() - interval '31 days' where sequence = (select min(sequence) from platform.webhook_events)";
  let id: string;
  beforeEach(async () => {
    await db.admin.query("delete from platform.jobs");
    ({ id } = await add());
    await happen();
    await happen();
    await db.admin.query(DAYS_AGO);
  });

  test("go with their deliveries, once an hour, whichever of the servers looks first", async () => {
    const came = await Promise.all(Array.from({ length: 4 }, () => purgeDue(db.platform, 30)));
    expect(came.filter((count) => count !== null)).toEqual([1]);
    expect(await list(id)).toHaveLength(1);
    await db.admin.query(DAYS_AGO);
    expect(await purgeDue(db.platform, 30)).toBeNull();
    await db.admin.query("update platform.jobs set started_at = now() - interval '61 minutes' where name = $1", [
      WEBHOOK_RETENTION_JOB,
    ]);
    expect(await purgeDue(db.platform, 30)).toBe(1);
    expect(await list(id)).toEqual([]);
  });

  test("go at the start of a server already: it may never be up for an hour", async () => {
    const sender = openWebhookSender(sourcesOf(db, { pauseMs: 10 }));
    await eventually(async () => expect(await list(id)).toHaveLength(1));
    await sender.close();
  });
});

describe("other databases", () => {
  test("one that does not answer keeps no other waiting", async () => {
    const asked = Promise.withResolvers<void>();
    const errors: unknown[] = [];
    const silent = {
      connect: async () => {
        await asked.promise;
        throw new Error("silent");
      },
    };
    const next = {
      connect: async () => {
        asked.resolve();
        throw new Error("next");
      },
    };
    await sendDue(db, { others: async () => [silent, next], onError: (error) => errors.push(error) });
    expect(errors).toMatchObject([{ kind: "databaseUnavailable" }, { kind: "databaseUnavailable" }]);
  });

  test("what the registry tells of itself is dropped there, without asking the registry", async () => {
    await happen();
    const home = { connect: () => Promise.reject(new Error("asked")) };
    expect(await collectEvents(home, db.platform)).toBe(1);
    expect(await collectEvents(home, db.platform)).toBe(0);
    await happen();
  });
});

describe("private addresses", () => {
  const strict = (url: string) => addWebhook({ ...deskOf(db), allowed: [] }, { url });

  test.each([
    "http://127.0.0.1:8080/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/",
    "https://localhost/",
    "http://hooks.example.com/",
    "https://user:password@hooks.example.com/",
    "ftp://hooks.example.com/",
    "hooks.example.com",
    `https://hooks.example.com/${"x".repeat(1000)}`,
  ])("%s is refused at creation and at change", async (url) => {
    await expect(strict(url)).rejects.toMatchObject({ kind: "outboundRefused" });
    const { id } = await add();
    const change = changeWebhook({ ...deskOf(db), allowed: [] }, id, { url });
    await expect(change).rejects.toMatchObject({ kind: "outboundRefused" });
  });

  test("an address that has become private is refused at sending", async () => {
    const { id } = await add();
    await happen();
    await sendDue(db, { fetch: openCheckedFetch({ allowed: [] }) });
    expect(receiver.received).toEqual([]);
    expect(await only(id)).toMatchObject({
      state: "waits",
      status: null,
      error: expect.stringContaining("https") as string,
    });
    await db.admin.query("update platform.webhooks set url = 'https://hooks.example.com/'");
    const resolve = async () => [{ address: "10.0.0.1", family: 4 }];
    await passTime(db);
    await sendDue(db, { fetch: openCheckedFetch({ allowed: [], resolve }) });
    expect((await only(id)).error).toContain("not public");
    await happen();
  });
});
