import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { insertTenant } from "../../src/tenant/create.ts";
import { setTenantStatus } from "../../src/tenant/change.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { isSignedBy, openReceiver, reset, type Receiver } from "../webhook/receiver.ts";
import { ALLOWED, clearWebhooks, passTime } from "../webhook/sending.ts";
import { openOperator, type TestOperator } from "./operator.ts";
import { eventually, testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let ops: TestOperator;
let receiver: Receiver;
const settings = { OUTBOUND_ALLOWED: ALLOWED };
beforeAll(async () => {
  db = await testDatabase();
  receiver = await openReceiver();
  server = await testServer(db, { settings });
  ops = await openOperator(db, server);
});
afterAll(async () => {
  await server?.close();
  await receiver?.[Symbol.asyncDispose]();
  await db?.close();
});
beforeEach(async () => {
  await clearWebhooks(db);
  reset(receiver);
});

type Made = { id: string; secret: string } & Record<string, unknown>;
const add = async (body: object = {}) => {
  const answer = await ops.request("POST", "/webhooks", { url: receiver.url, ...body });
  expect(answer.status).toBe(201);
  return answer.json<Made>();
};
/** What comes stays under way until the returned function is called. */
const holdAnswers = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  receiver.answer = (_, response) => void promise.then(() => response.writeHead(204).end());
  return resolve;
};
const deliveriesOf = async (id: string) =>
  (await ops.get(`/webhooks/${id}/deliveries`)).json<Record<string, unknown>[]>();

test("an operator's call reaches a receiver, signed", async () => {
  const made = await add({ events: ["tenant.created", "tenant.deleted"], description: "Billing" });
  expect(made).toMatchObject({ url: receiver.url, events: ["tenant.created", "tenant.deleted"], isActive: true });
  expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const tenant = (await ops.request("POST", "/tenants", { slug: "hooli", name: "Hooli" })).json<{ id: string }>();
  await eventually(async () => expect(receiver.received).toHaveLength(1));
  expect(receiver.received[0]!.event).toMatchObject({
    type: "tenant.created",
    data: { tenantId: tenant.id, slug: "hooli" },
  });
  expect(isSignedBy(receiver.received[0]!, made.secret)).toBe(true);
  await eventually(async () =>
    expect(await deliveriesOf(made.id)).toMatchObject([{ type: "tenant.created", state: "delivered", status: 204 }]),
  );
  expect(server.log.some(({ msg, webhook }) => msg === "an event was delivered" && webhook === made.id)).toBe(true);
  expect(JSON.stringify(server.log)).not.toContain(made.secret);
});

test("create, read, change, rotate, remove; the secret is shown once and by no repetition", async () => {
  const headers = { "idempotency-key": "webhook-1" };
  const post = () =>
    server.request("admin.localhost", "/platform/v1/webhooks", {
      method: "POST",
      token: ops.token,
      body: { url: receiver.url },
      headers,
    });
  const made = (await post()).json<Made>();
  const again = await post();
  expect([again.status, again.headers["idempotent-replayed"], again.json()]).toMatchObject([
    201,
    "true",
    { id: made.id, secret: null },
  ]);
  const { secret: _, ...facts } = made;
  expect((await ops.get("/webhooks")).json()).toEqual([facts]);
  expect((await ops.get(`/webhooks/${made.id}`)).json()).toEqual(facts);
  const changed = await ops.request("PATCH", `/webhooks/${made.id}`, { events: ["tenant.moved"], isActive: false });
  expect(changed.json()).toMatchObject({ events: ["tenant.moved"], isActive: false, disabledReason: "operator" });
  const open = await ops.request("PATCH", `/webhooks/${made.id}`, { events: null, isActive: true });
  expect(open.json()).toMatchObject({ events: null, isActive: true, disabledReason: null });
  const rotated = (await ops.request("POST", `/webhooks/${made.id}/rotate`, { overlapHours: 1 })).json<Made>();
  expect(rotated.secret).not.toBe(made.secret);
  expect(rotated["rotatingUntil"]).toEqual(expect.any(String));
  expect((await ops.request("DELETE", `/webhooks/${made.id}`)).status).toBe(200);
  expect((await ops.get(`/webhooks/${made.id}`)).json()["code"]).toBe("RH443");
  const { rows } = await db.admin.query<{ action: string; actor: string }>(
    "select action, actor from platform.audit_events where details ->> 'id' = $1 order by id",
    [made.id],
  );
  expect(rows.map(({ action }) => action)).toEqual([
    "webhook.added",
    "webhook.disabled",
    "webhook.activated",
    "webhook.rotated",
    "webhook.removed",
  ]);
  expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set([rows[0]!.actor]));
});

test("what is refused", async () => {
  const post = async (body: object) => (await ops.request("POST", "/webhooks", body)).json()["code"];
  expect(await post({ url: "https://169.254.169.254/latest" })).toBe("RH222");
  expect(await post({ url: "http://hooks.example.com/" })).toBe("RH222");
  expect(await post({ url: receiver.url, events: ["tenant.exploded"] })).toBe("RH118");
  expect(await post({ url: receiver.url, secret: "whsec_mine" })).toBe("RH118");
  const { id } = await add();
  expect((await ops.request("PATCH", `/webhooks/${id}`, { url: "https://10.0.0.1/" })).status).toBe(422);
  expect((await ops.request("POST", `/webhooks/${id}/deliveries/${id}/redeliver`)).json()["code"]).toBe("RH444");
  expect((await ops.request("POST", "/webhooks/none/ping")).status).toBe(404);
  const support = await ops.invite("support@ops.example", "support");
  expect((await support.get("/webhooks")).status).toBe(200);
  expect((await support.request("POST", "/webhooks", { url: receiver.url })).json()["code"]).toBe("RH231");
  expect((await support.request("POST", `/webhooks/${id}/rotate`)).status).toBe(403);
  const viewer = await ops.invite("viewer@ops.example", "read-only");
  expect((await viewer.get("/webhooks")).status).toBe(403);
});

test("ping, redeliver, and pages of deliveries", async () => {
  const { id } = await add();
  let accept = holdAnswers();
  const ping = await ops.request("POST", `/webhooks/${id}/ping`);
  expect([ping.status, ping.json()]).toMatchObject([202, { type: "webhook.ping", state: "waits" }]);
  accept();
  await eventually(async () => expect(receiver.received).toHaveLength(1));
  expect(receiver.received[0]!.event).toMatchObject({ type: "webhook.ping", data: { webhookId: id } });
  // One is enough: another that comes late would switch it off again.
  let isGone = false;
  receiver.answer = (_, response) => {
    response.writeHead(isGone ? 500 : 410).end();
    isGone = true;
  };
  await setTenantStatus(db.platform, "acme", "suspended", "test");
  await setTenantStatus(db.platform, "globex", "suspended", "test");
  await eventually(async () => {
    expect((await ops.get(`/webhooks/${id}`)).json()).toMatchObject({ isActive: false });
    const underWay = (await deliveriesOf(id)).filter(({ attempts, status }) => attempts !== 0 && status === null);
    expect(underWay).toEqual([]);
  });
  reset(receiver);
  await ops.request("PATCH", `/webhooks/${id}`, { isActive: true });
  expect((await ops.request("POST", `/webhooks/${id}/redeliver`)).status).toBe(202);
  await eventually(async () => expect(new Set(receiver.received.map(({ event }) => event.data["slug"])).size).toBe(2));
  await eventually(async () =>
    expect((await ops.get(`/webhooks/${id}/deliveries?state=delivered`)).json()).toHaveLength(3),
  );

  const first = await ops.get(`/webhooks/${id}/deliveries?limit=2`);
  expect(first.json()).toHaveLength(2);
  const next = /<\/platform\/v1([^>]+)>; rel="next"/.exec(first.headers["link"] as string)![1]!;
  const rest = (await ops.get(next)).json<{ id: string; type: string }[]>();
  expect(rest.map(({ type }) => type)).toEqual(["webhook.ping"]);
  reset(receiver);
  accept = holdAnswers();
  const again = await ops.request("POST", `/webhooks/${id}/deliveries/${rest[0]!.id}/redeliver`);
  expect([again.status, again.json()]).toMatchObject([202, { state: "waits" }]);
  accept();
  await eventually(async () => {
    expect(receiver.received.map(({ event }) => event.type)).toEqual(["webhook.ping"]);
    // Counted anew.
    expect((await ops.get(next)).json()).toMatchObject([{ state: "delivered", attempts: 1 }]);
  });
  await ops.request("DELETE", `/webhooks/${id}`); // so that nothing of the following is under way when the next test begins
  for (const slug of ["acme", "globex"]) await setTenantStatus(db.platform, slug, "active", "test");
});

test("the description has them, and what they send", async () => {
  const description = (await server.get("admin.localhost", "/platform/v1/openapi.json")).json<{
    paths: Record<string, object>;
    webhooks: Record<string, { post: { summary: string } }>;
  }>();
  expect(Object.keys(description.paths).filter((path) => path.startsWith("/webhooks"))).toEqual([
    "/webhooks",
    "/webhooks/{webhook}",
    "/webhooks/{webhook}/deliveries",
    "/webhooks/{webhook}/rotate",
    "/webhooks/{webhook}/ping",
    "/webhooks/{webhook}/redeliver",
    "/webhooks/{webhook}/deliveries/{delivery}/redeliver",
  ]);
  expect(Object.keys(description.webhooks)).toContain("tenant.created");
  expect(description.webhooks["tenant.created"]!.post.summary).toMatch(/tenant/i);
});

test("the sender ends between two tries: the next server goes on", async () => {
  const first = await testServer(db, { settings });
  const { id } = await add();
  receiver.answer = (_, response) => response.writeHead(500).end();
  await setTenantStatus(db.platform, "initech", "suspended", "test");
  await eventually(async () => expect(await deliveriesOf(id)).toMatchObject([{ state: "waits", status: 500 }]));
  await first.close();
  reset(receiver);
  await passTime(db);
  await using _second = await testServer(db, { settings });
  await eventually(async () => expect(await deliveriesOf(id)).toMatchObject([{ state: "delivered" }]));
  expect(receiver.received).toHaveLength(1);
  await ops.request("DELETE", `/webhooks/${id}`);
  await setTenantStatus(db.platform, "initech", "active", "test");
});

test("what changes in another database is told as well, once", async () => {
  const big = await db.dedicated("big1");
  const { id: tenantId } = await db.tenant("initech");
  await insertTenant(big.admin, db.database.keyring, { id: tenantId, slug: "initech", name: "Initech" });
  const { id } = await add();
  await big.admin.query("begin");
  await big.admin.query("set local session_replication_role = origin");
  await big.admin.query("insert into tenant.subscription (tenant_id, plan) values ($1, 'enterprise')", [tenantId]);
  await big.admin.query("commit");
  await using _server = await testServer(db, { settings });
  await eventually(async () => expect(receiver.received).toHaveLength(1));
  expect(receiver.received[0]!.event).toMatchObject({
    type: "subscription.changed",
    data: { tenantId, plan: "enterprise", status: "active" },
  });
  await eventually(async () => expect(await deliveriesOf(id)).toMatchObject([{ state: "delivered" }]));
  // The rest of what is told there, the registry tells.
  expect((await big.admin.query("select from platform.webhook_events")).rowCount).toBe(0);
}, 180_000);
