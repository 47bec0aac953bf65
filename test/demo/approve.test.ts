import { afterAll, beforeAll, expect, test } from "vitest";
import { openAttempts } from "../../src/auth/attempts.ts";
import { cutOff, type ConnectionPool } from "../../src/db/connections.ts";
import { approveDemo, slugOf, type DemoSources } from "../../src/demo/approve.ts";
import { listDemoRequests, requestDemo } from "../../src/demo/request.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.close());

const ACTOR = "operator:test";
const sourcesOf = (pool: ConnectionPool): DemoSources => ({
  pool,
  keyring: db.database.keyring,
  originOf: (slug) => `http://${slug}.localhost`,
});

async function ask(label: string): Promise<string> {
  const wanted = {
    email: `ann@${label}.example`,
    name: "Ann",
    company: `${label} Ltd`,
    slug: label,
    locations: [{ code: "hq", name: "Main" }],
  };
  await requestDemo(db.platform, openAttempts(db.platform), wanted, "192.0.2.1");
  const all = await listDemoRequests(db.platform, { status: "open", limit: 1000 });
  return all.find(({ slug }) => slug === label)!.id;
}

/** How often a tenant, an address, a user, a link, a mail, a plan and a place of the label are there. */
async function counts(label: string): Promise<number[]> {
  const { rows } = await db.admin.query<Record<string, string>>(
    `with t as (select id from platform.tenants where slug = $1) select
      (select count(*) from t) as tenants,
      (select count(*) from platform.domains where name = $1) as domains,
      (select count(*) from tenant.users where email = $2) as users,
      (select count(*) from tenant.one_time_links where email = $2) as links,
      (select count(*) from platform.outbox where to_address = $2) as mails,
      (select count(*) from tenant.subscription where tenant_id in (select id from t)) as subscriptions,
      (select count(*) from tenant.locations where tenant_id in (select id from t)) as locations`,
    [label, `ann@${label}.example`],
  );
  return Object.values(rows[0]!).map(Number);
}
const NONE = [0, 0, 0, 0, 0, 0, 0];
const ALL = [1, 1, 1, 1, 1, 1, 1];

/** As `target` itself would be asked: its own methods find it and not the proxy. */
function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === "function" ? (value.bind(target) as unknown) : value;
}

/**
 * A pool whose process "dies" at its n-th statement: the connection breaks before the server gets it, or once it has run and before the
 * answer is read. What the database does about that is its own.
 */
function dyingPool(at: number, when: "before" | "after"): { pool: ConnectionPool; statements: () => number } {
  let count = 0;
  const pool = new Proxy(db.platform, {
    get: (target, name) => {
      if (name !== "connect") return bound(target, name);
      return async () => {
        const client = await target.connect();
        const original = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
        const dying = async (...args: unknown[]) => {
          if (++count !== at) return original(...args);
          if (when === "after") await original(...args);
          cutOff(client);
          throw new Error("killed");
        };
        return new Proxy(client, {
          get: (own, key) => (key === "query" ? dying : bound(own, key)),
        });
      };
    },
  });
  return { pool, statements: () => count };
}

test("killed at each boundary and run again, there is one tenant, one user, one e-mail", async () => {
  const whole = dyingPool(0, "before");
  await approveDemo(sourcesOf(whole.pool), await ask("whole"), {}, ACTOR);
  expect(await counts("whole")).toEqual(ALL);
  const boundaries = whole.statements();
  console.log(`${boundaries} statements in one approval`);
  expect(boundaries).toBeGreaterThan(10);

  for (let at = 1; at <= boundaries; at++) {
    for (const when of ["before", "after"] as const) {
      const label = `killed-${at}-${when}`;
      const id = await ask2(label);
      await expect(approveDemo(sourcesOf(dyingPool(at, when).pool), id, {}, ACTOR)).rejects.toThrow("killed");
      // All or nothing, as soon as the server has noticed.
      const isDone = at === boundaries && when === "after";
      const { tenant, request } = await approveDemo(sourcesOf(db.platform), id, {}, ACTOR);
      expect([tenant.slug, request.status, request.tenantId]).toEqual([label, "approved", tenant.id]);
      expect([label, ...(await counts(label))]).toEqual([label, ...ALL]);
      const { rows } = await db.admin.query(
        "select from platform.audit_events where action = 'demo.approved' and details ->> 'slug' = $1",
        [label],
      );
      expect([isDone, rows.length]).toEqual([isDone, 1]);
    }
  }
}, 120_000);

/** {@link ask}, past the limit of requests that one address has. */
async function ask2(label: string): Promise<string> {
  await db.admin.query("delete from platform.sign_in_attempts");
  return ask(label);
}

test("until it is committed, nothing of it is there", async () => {
  const id = await ask2("halfway");
  await expect(approveDemo(sourcesOf(dyingPool(8, "after").pool), id, {}, ACTOR)).rejects.toThrow("killed");
  expect(await counts("halfway")).toEqual(NONE);
});

test("two operators at once, and one more later, make one", async () => {
  const id = await ask2("both");
  const both = await Promise.all([1, 2].map(() => approveDemo(sourcesOf(db.platform), id, {}, ACTOR)));
  const later = await approveDemo(sourcesOf(db.platform), id, { slug: "other" }, ACTOR);
  expect(new Set([...both, later].map(({ tenant }) => tenant.id)).size).toBe(1);
  expect(await counts("both")).toEqual(ALL);
});

test("a slug is made of the company's name", () => {
  expect(["Café Zoë & Co.", "42 Lines", "株式会社", `${"a".repeat(80)}`, "A--B-"].map(slugOf)).toEqual([
    "cafe-zoe-co",
    "lines",
    "",
    "a".repeat(63),
    "a-b",
  ]);
});
