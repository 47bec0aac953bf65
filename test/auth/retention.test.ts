import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openDesk } from "../../src/auth/desk.ts";
import { openRetention, purgeDue, RETENTION_JOB, type RetentionSources } from "../../src/auth/retention.ts";
import { listTenants } from "../../src/tenant/change.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually } from "../http/server.ts";

let db: TestDatabase;
let sources: RetentionSources;
const errors: [string | undefined, unknown][] = [];
beforeAll(async () => {
  db = await testDatabase();
  sources = {
    platform: db.platform,
    listTenants: () => listTenants(db.platform),
    deskOf: (tenant) =>
      openDesk(
        { reach: (there, _access, work) => work(db.platform, there.epoch), keyring: db.database.keyring },
        tenant,
      ),
    onError: (error, tenant) => errors.push([tenant?.slug, error]),
  };
});
afterAll(() => db.close());

/** Three events in acme of which two are too old, and one in globex whose plan keeps it longer. */
beforeEach(async () => {
  errors.length = 0;
  await db.admin.query(
    "delete from tenant.audit_events; delete from platform.jobs; update tenant.subscription set limits = '{}'",
  );
  for (const [slug, days] of [
    ["acme", 400],
    ["acme", 366],
    ["acme", 364],
    ["globex", 400],
  ] as const) {
    await db.admin.query(
      `insert into tenant.audit_events (tenant_id, action, actor, role, at)
       select id, 'x.y', 'test', 'owner', now() - make_interval(days => $2) from platform.tenants where slug = $1`,
      [slug, days],
    );
  }
  const { id } = await db.tenant("globex");
  await db.admin.query("update tenant.subscription set limits = '{\"audit_days\": 500}' where tenant_id = $1", [id]);
});
const left = async () => {
  const { rows } = await db.admin.query<{ left: string }>(
    "select t.slug || ' ' || count(*) as left from tenant.audit_events e join platform.tenants t on t.id = e.tenant_id group by t.slug order by 1",
  );
  return rows.map((row) => row.left);
};

test("events are kept as long as the plan of each tenant says", async () => {
  let purged: unknown;
  expect(await purgeDue({ ...sources, onPurged: (facts) => (purged = facts) })).toBe(true);
  expect([await left(), purged, errors]).toEqual([["acme 1", "globex 1"], { tenants: 3, events: 2 }, []]);
});

test("once a day, whichever of the servers looks first", async () => {
  const came = await Promise.all(Array.from({ length: 4 }, () => purgeDue(sources)));
  expect(came.filter(Boolean)).toHaveLength(1);
  expect(await purgeDue(sources)).toBe(false);
  await db.admin.query("update platform.jobs set started_at = now() - interval '25 hours' where name = $1", [
    RETENTION_JOB,
  ]);
  expect(await purgeDue(sources)).toBe(true);
});

test("a tenant that can't be reached keeps nobody else's waiting", async () => {
  const failing = {
    ...sources,
    deskOf: (tenant: Parameters<RetentionSources["deskOf"]>[0]) => {
      if (tenant.slug === "acme") throw new Error("It is elsewhere");
      return sources.deskOf(tenant);
    },
  };
  await db.admin.query("update tenant.subscription set limits = '{\"audit_days\": 1}'");
  expect(await purgeDue(failing)).toBe(true);
  expect([await left(), errors.map(([slug]) => slug)]).toEqual([["acme 3"], ["acme"]]);
});

test("a server does it by itself, and ends at once", async () => {
  const retention = openRetention({ ...sources, lookMs: 10 });
  await eventually(async () => expect(await left()).toEqual(["acme 1", "globex 1"]), 60_000);
  await retention.close();
});
