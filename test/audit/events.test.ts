import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { openDenials } from "../../src/audit/denials.ts";
import { listEvents, recordEvent } from "../../src/audit/events.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { deleteTenant } from "../../src/tenant/delete.ts";
import { testDatabase } from "../harness.ts";

const db = await testDatabase();
afterAll(() => db.close());

test("an event comes back as it was written", async () => {
  const { id } = await db.tenant("acme");
  const event = {
    action: "request.refused",
    outcome: "denied",
    actor: "u1",
    tenantId: id,
    requestId: "r1",
    details: { host: "acme" },
  } as const;
  await recordEvent(db.platform, event);
  const [found] = await listEvents(db.platform, { tenant: "acme", limit: 1 });
  expect(found).toEqual({ ...event, id: expect.stringMatching(/^\d+$/), at: expect.stringMatching(/^\d{4}-.*Z$/) });
});

test("newest first, as many as wanted, of one tenant or all", async () => {
  const { id } = await db.tenant("globex");
  for (const n of [1, 2, 3])
    await recordEvent(db.platform, { action: "test.made", outcome: "success", actor: `n${n}`, tenantId: id });
  expect((await listEvents(db.platform, { tenant: "globex", limit: 2 })).map(({ actor }) => actor)).toEqual([
    "n3",
    "n2",
  ]);
  expect((await listEvents(db.platform, { tenant: id.toUpperCase(), limit: 1 })).map(({ actor }) => actor)).toEqual([
    "n3",
  ]);
  expect(new Set((await listEvents(db.platform)).map(({ tenantId }) => tenantId)).size).toBeGreaterThan(2);
  expect(await listEvents(db.platform, { tenant: "nobody" })).toEqual([]);
});

test("a deleted tenant's events are still found by its slug", async () => {
  await createTenant(db.platform, db.database.keyring, { slug: "short-lived", name: "Short" }, "operator:test");
  await deleteTenant(db.platform, db.database.keyring, "short-lived", "operator:test");
  const actions = (await listEvents(db.platform, { tenant: "short-lived" })).map(({ action }) => action);
  expect(actions).toEqual(expect.arrayContaining(["tenant.created", "tenant.closed", "tenant.deleted"]));
});

test("details stay small", async () => {
  await recordEvent(db.platform, {
    action: "test.large",
    outcome: "denied",
    actor: "x".repeat(9999),
    details: { sent: "y".repeat(1e6) },
  });
  const [found] = await listEvents(db.platform, { limit: 1 });
  expect(found!.action).toBe("test.large");
  expect(JSON.stringify(found).length).toBeLessThan(5000);
});

test("append-only: the control plane's role can't change or remove an event", async () => {
  await expect(db.platform.query("update platform.audit_events set actor = 'x'")).rejects.toMatchObject({
    code: "42501",
  });
  await expect(db.platform.query("delete from platform.audit_events")).rejects.toMatchObject({ code: "42501" });
  await expect(db.api.query("select from platform.audit_events")).rejects.toMatchObject({ code: "42501" });
});

describe("denials", () => {
  const written = async () =>
    (await listEvents(db.platform, { limit: 1000 })).filter(({ action }) => action === "request.flooded");
  afterEach(() => vi.useRealTimers());

  test("are bounded, and the next one tells how many there were", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const denials = openDenials(db.platform, { perSecond: 2 });
    const event = { action: "request.flooded", actor: "anonymous" };
    await Promise.all(Array.from({ length: 50 }, () => denials.record(event)));
    const first = await written();
    expect(first).toHaveLength(2);
    expect(first.every(({ outcome }) => outcome === "denied")).toBe(true);
    vi.setSystemTime(Date.now() + 1000);
    await denials.record(event);
    expect((await written()).map(({ details }) => details["suppressedBefore"])).toEqual([48, undefined, undefined]);
  });

  test("never fail the request that is refused anyway", async () => {
    const errors: unknown[] = [];
    const denials = openDenials(db.platform, { onError: (error) => errors.push(error) });
    await denials.record({ action: "NOT AN ACTION", actor: "x" });
    expect(errors).toHaveLength(1);
  });
});
