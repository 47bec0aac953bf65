import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { declineDemo } from "../../src/demo/approve.ts";
import { renameTenant, setTenantStatus } from "../../src/tenant/change.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { deleteTenant } from "../../src/tenant/delete.ts";
import { addDomain, removeDomain, setPrimaryDomain, verifyDomain } from "../../src/tenant/domains.ts";
import { beginImport, dropImport, finishImport } from "../../src/tenant/importing.ts";
import { WEBHOOK_EVENT_TYPES } from "../../src/webhook/event.ts";
import { findPlan } from "../../src/plan/plans.ts";
import { subscribe } from "../../src/plan/subscription.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { clearWebhooks } from "./sending.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.close());
beforeEach(() => clearWebhooks(db));

interface Told {
  type: string;
  tenant_id: string | null;
  payload: Record<string, unknown>;
}
/** Takes what was told since it was last asked. */
async function told(): Promise<Told[]> {
  const { rows } = await db.admin.query<Told>(
    "with gone as (delete from platform.webhook_events returning *) select type, tenant_id, payload from gone order by sequence",
  );
  return rows;
}
const types = async () => (await told()).map(({ type }) => type);

describe("what is told", () => {
  test("of a tenant from its making to its end", async () => {
    const { platform: pool, database } = db;
    const plan = await findPlan(pool, null);
    const wanted = { slug: "hooli", name: "Hooli", inside: [subscribe(plan, { status: "trial" })] };
    const { tenant } = await createTenant(pool, database.keyring, wanted, "test");
    const made = await told();
    expect(made.map(({ type }) => type)).toEqual(["tenant.created", "domain.added", "subscription.changed"]);
    expect(made.map(({ tenant_id: id }) => id)).toEqual([tenant.id, tenant.id, tenant.id]);
    expect(made.map(({ payload }) => payload)).toMatchObject([
      { tenantId: tenant.id, slug: "hooli", name: "Hooli", status: "active", database: null },
      { tenantId: tenant.id, domain: "hooli", kind: "subdomain", isPrimary: false },
      { tenantId: tenant.id, plan: plan.name, status: "trial", limits: plan.limits },
    ]);

    await setTenantStatus(pool, "hooli", "suspended", "test");
    await setTenantStatus(pool, "hooli", "suspended", "test");
    await setTenantStatus(pool, "hooli", "active", "test");
    expect(await types()).toEqual(["tenant.suspended", "tenant.activated"]);

    await renameTenant(pool, "hooli", { slug: "hooli2", name: "Hooli II" }, "test");
    const [renamed, added] = await told();
    expect(renamed).toMatchObject({
      type: "tenant.renamed",
      payload: { slug: "hooli2", name: "Hooli II", before: { slug: "hooli", name: "Hooli" } },
    });
    expect(added).toMatchObject({ type: "domain.added", payload: { domain: "hooli2" } });

    await db.admin.query(
      "insert into platform.databases (name, kind, secret_ref, address) values ('big', 'dedicated', 'env:X', 'x')",
    );
    await db.admin.query("update platform.tenants set moved_to = 'big' where id = $1", [tenant.id]);
    await db.admin.query("update platform.tenants set moved_to = null where id = $1", [tenant.id]);
    expect(await told()).toMatchObject([
      { type: "tenant.moved", payload: { database: "big", before: { database: null } } },
      { type: "tenant.moved", payload: { database: null, before: { database: "big" } } },
    ]);

    await deleteTenant(pool, database.keyring, "hooli2", "test");
    const last = await told();
    expect(last.map(({ type }) => type)).toEqual(["tenant.deleted", "domain.removed", "domain.removed"]);
    expect(last[0]).toMatchObject({ tenant_id: tenant.id, payload: { tenantId: tenant.id, slug: "hooli2" } });
    expect(JSON.stringify(last)).not.toMatch(/seal|secret|challenge/);
  });

  test("of domains", async () => {
    const { platform: pool } = db;
    await addDomain(pool, "acme", "shop.acme.example", "localhost", "test");
    await addDomain(pool, "acme", "shop.acme.example", "localhost", "test"); // another challenge
    await verifyDomain(pool, "acme", "shop.acme.example", "test", { trusted: true });
    await setPrimaryDomain(pool, "acme", "shop.acme.example", "test");
    await removeDomain(pool, "acme", "shop.acme.example", "test");
    const all = await told();
    expect(all.map(({ type, payload }) => [type, payload["isPrimary"], payload["verifiedAt"] !== null])).toEqual([
      ["domain.added", false, false],
      ["domain.verified", false, true],
      ["domain.primary", true, true],
      ["domain.removed", true, true],
    ]);
    expect(JSON.stringify(all)).not.toContain("challenge");
  });

  test("of demo requests, without what was written to us", async () => {
    const { rows } = await db.admin.query<{ id: string }>(
      "insert into platform.demo_requests (email, name, company, message) values ('ann@print.example', 'Ann', 'Print', 'private') returning id",
    );
    await declineDemo(db.platform, rows[0]!.id, "no", "test");
    await db.admin.query(
      "insert into platform.demo_requests (email, name, company, status, decided_at) values ('bob@x.example', 'Bob', 'X', 'approved', now())",
    );
    const all = await told();
    expect(all.map(({ type }) => type)).toEqual([
      "demo_request.created",
      "demo_request.declined",
      "demo_request.approved",
    ]);
    expect(all[0]!.payload).toMatchObject({ requestId: rows[0]!.id, email: "ann@print.example", company: "Print" });
    expect(JSON.stringify(all)).not.toContain("private");
  });

  test("of a restore, once the tenant is whole; of one that was dropped, nothing", async () => {
    const { platform: pool, database } = db;
    const tenant = await beginImport(pool, database.keyring, { slug: "piper", name: "Piper" }, "test");
    expect(await types()).toEqual([]);
    await finishImport(pool, tenant.id, "suspended", "test");
    expect(await told()).toMatchObject([
      { type: "tenant.created", payload: { slug: "piper", status: "suspended" } },
      { type: "domain.added", payload: { tenantId: tenant.id, domain: "piper" } },
    ]);
    const dropped = await beginImport(pool, database.keyring, { slug: "aviato", name: "Aviato" }, "test");
    await dropImport(pool, database.keyring, dropped, "test");
    expect(await types()).toEqual([]);
  });

  test("of a change that is taken back, nothing", async () => {
    await db.admin.query("begin");
    await db.admin.query("update platform.tenants set status = 'suspended' where slug = 'acme'");
    expect((await db.admin.query("select type from platform.webhook_events")).rows).toEqual([
      { type: "tenant.suspended" },
    ]);
    await db.admin.query("rollback");
    expect(await told()).toEqual([]);
  });

  test("of fences and other changes that are none to the outside, nothing", async () => {
    await db.admin.query("update platform.tenants set updated_at = now(), epoch = epoch + 1 where slug = 'acme'");
    await db.admin.query("update platform.domains set created_at = now() where name = 'acme'");
    expect(await told()).toEqual([]);
  });
});

test("every event of the list is written somewhere, and no other", () => {
  const sql = readFileSync(join(import.meta.dirname, "../../policies/webhooks.sql"), "utf8");
  const literal = [...sql.matchAll(/'((?:tenant|domain|subscription)\.[a-z]+)'/g)].map((match) => match[1]!);
  const statuses = ["created", "approved", "declined"].map((status) => `demo_request.${status}`);
  // After `tenant.` there also come tables.
  const written = new Set([...literal, ...statuses]);
  expect([...written].toSorted()).toEqual(WEBHOOK_EVENT_TYPES.toSorted());
});

test("nothing of it is within a tenant's reach", async () => {
  const { rows } = await db.admin.query<{ role: string; name: string; verb: string }>(
    `select r.role, c.relname as name, v.verb from pg_class c
       cross join unnest(array['rowhouse_api', 'rowhouse_exporter', 'rowhouse_importer', 'rowhouse_mover', 'public']) r (role)
       cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) v (verb)
     where c.relnamespace = 'platform'::regnamespace and c.relname like 'webhook%' and c.relkind = 'r'
       and has_table_privilege(r.role, c.oid, v.verb)`,
  );
  expect(rows).toEqual([]);
  await expect(db.api.query("select platform.address_event()")).rejects.toMatchObject({ code: "42501" });
  await expect(db.api.query("select platform.time_text(now())")).rejects.toMatchObject({ code: "42501" });
});
