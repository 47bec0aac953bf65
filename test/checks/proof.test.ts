import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadForgeries } from "../../src/checks/forgeries.ts";
import { proveIsolation } from "../../src/checks/proof.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

const keys = async () => (await proveIsolation(db.database)).map(({ level, key }) => `${level} ${key}`);
/** Of all rows of all tenants, in every table. */
async function contents(): Promise<unknown> {
  const { rows } = await db.admin.query(
    `select c.oid::regclass::text as name, query_to_xml(format('select * from %s t order by t', c.oid::regclass), true, true, '')::text
     from pg_class c where c.relnamespace::regnamespace::text in ('app', 'tenant', 'platform') and c.relkind = 'r' order by 1`,
  );
  return rows;
}

describe("the proof", () => {
  test("a sound database gives nothing, and nothing is changed", async () => {
    const before = await contents();
    expect(await keys()).toEqual([]);
    expect(await contents()).toEqual(before);
  });

  test("there are forgeries to try", async () => {
    const names = (await loadForgeries()).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(12);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("a hole is found, and the attack keeps nothing", () => {
  /** The attack's findings; fails when it changed anything. */
  async function keysOfHarmless(): Promise<string[]> {
    const before = await contents();
    const found = await keys();
    expect(await contents()).toEqual(before);
    return found;
  }

  const cases: [string, string, string, string[]][] = [
    [
      "row-level security off",
      "alter table app.customers disable row level security",
      "alter table app.customers enable row level security",
      ["select", "update", "delete", "select without a context"].map((name) => `error proof:app.customers:${name}`),
    ],
    [
      "tenant_id writable",
      "grant insert (tenant_id), update (tenant_id) on app.tax_rates to rowhouse_api",
      "revoke insert (tenant_id), update (tenant_id) on app.tax_rates from rowhouse_api",
      // The insert is refused still, by the policy.
      [],
    ],
    [
      "a floor that lets everyone through",
      // That of the members names the tenant as well, and would hold alone.
      `alter policy tenant_floor on tenant.users using (true);
       drop policy member_select on tenant.users;
       create policy everyone on tenant.users for select to rowhouse_api using (true)`,
      `drop policy everyone on tenant.users;
       alter policy tenant_floor on tenant.users using (tenant_id = (select platform.current_tenant()));
       select platform.protect_table('tenant.users')`,
      ["error proof:tenant.users:select", "error proof:tenant.users:select without a context"],
    ],
  ];
  test.each(cases)("%s", async (_, fault, mend, expected) => {
    await db.admin.query(fault);
    try {
      expect(await keysOfHarmless()).toEqual(expected);
    } finally {
      await db.admin.query(mend);
    }
  });

  test("functions that believe the wrong setting", async () => {
    const signatures = ["platform.current_tenant()", "platform.permitted_tenant(text, regclass, text)"];
    const { rows } = await db.admin.query<{ source: string }>(
      "select pg_get_functiondef(s::regprocedure) as source from unnest($1::text[]) s",
      [signatures],
    );
    const forge = (head: string) =>
      `create or replace function platform.${head} returns uuid language plpgsql stable parallel safe
       as $$ begin return current_setting('app.tenant_id')::uuid; end $$`;
    try {
      await db.admin.query(forge("current_tenant()"));
      // Either is a wall of its own.
      expect(await keysOfHarmless()).toEqual([]);
      await db.admin.query(forge("permitted_tenant(in_verb text, in_table regclass, in_kind text)"));
      const found = await keysOfHarmless();
      expect(found).toContain("error proof:context:naming the tenant in the setting that is only shown");
      expect(found).not.toContain("error proof:context:becoming the owner");
    } finally {
      for (const { source } of rows) await db.admin.query(source);
    }
  });
});

test("with one active tenant it says that nothing could be tried", async () => {
  await db.admin.query("update platform.tenants set status = 'suspended' where slug <> 'acme'");
  expect(await keys()).toEqual(["info proof:tenants"]);
});
