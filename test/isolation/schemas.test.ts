import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { proveIsolation } from "../../src/checks/proof.ts";
import { runChecks } from "../../src/checks/run.ts";
import type { DbRole } from "../../src/db/connections.ts";
import { applyPolicies } from "../../src/db/policies.ts";
import type { Scope } from "../../src/db/scope.ts";
import { readTenantTables } from "../../src/db/tables.ts";
import { countTenantRows, deleteTenant } from "../../src/tenant/delete.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { enter, fingerprint, outcome } from "./arena.ts";
import { addSchemas, fillSchemas, OTHER_TABLES, QUOTED } from "./other-schemas.ts";

const ROLES: readonly DbRole[] = ["rowhouse_api", "rowhouse_platform", "rowhouse_exporter", "rowhouse_importer"];
const LISTE = `${QUOTED}."Tür.liste"`;

let db: TestDatabase;
let a: Scope;
let b: Scope;
let client: pg.Client;
beforeAll(async () => {
  db = await testDatabase();
  await addSchemas(db.admin);
  [a, b] = [await db.scope("globex"), await db.scope("acme")];
  for (const { tenantId } of [a, b]) await fillSchemas(db.admin, tenantId);
  client = await db.database.connect("rowhouse_api");
});
afterAll(async () => {
  await client.end();
  await db.close();
});

/** In A's context, and nothing of it is kept. */
async function asA(text: string, values: unknown[] = []): Promise<number | string> {
  await enter(client, a);
  const came = await outcome(client, text, values);
  await client.query("rollback");
  return came;
}

/** As the role of migrations, in a transaction of which nothing is kept. */
async function asOwner(...statements: string[]): Promise<number | string> {
  await db.admin.query("begin; set local role rowhouse_owner");
  try {
    let came: number | string = 0;
    for (const statement of statements) {
      came = await outcome(db.admin, statement);
      if (typeof came === "string") break;
    }
    return came;
  } finally {
    await db.admin.query("rollback");
  }
}

const findings = async () =>
  (await runChecks(db.database)).filter(({ check }) => check !== "server_too_old").map(({ key }) => key);

describe("tables of registered schemas", () => {
  test("are tenants' tables, what they refer to first", async () => {
    const live = (await readTenantTables(db.admin)).map(({ identifier }) => identifier);
    expect(live).toEqual(expect.arrayContaining([...OTHER_TABLES]));
    expect(live.indexOf("public.orders")).toBeLessThan(live.indexOf(LISTE));
  });

  test("satisfy every rule", async () => {
    expect(await findings()).toEqual([]);
  });

  test("withstand the proof, which tries each of them", async () => {
    expect(await proveIsolation(db.database)).toEqual([]);
  });
});

describe.each(OTHER_TABLES)("%s", (table) => {
  test("A reads and changes nothing of B", async () => {
    const before = await fingerprint(db.admin, table, b.tenantId);
    expect(before).not.toMatch(/^0 /);
    expect(await asA(`select from ${table} where tenant_id = $1`, [b.tenantId])).toBe(0);
    expect(await asA(`select from ${table} where tenant_id = $1 for update`, [b.tenantId])).toBe(0);
    expect(await asA(`delete from ${table} where tenant_id = $1`, [b.tenantId])).toBe(0);
    expect(await asA(`insert into ${table} (tenant_id) values ($1)`, [b.tenantId])).toBe("42501");
    expect(await asA(`update ${table} set tenant_id = $1`, [b.tenantId])).toBe("42501");
    expect(await asA(`truncate ${table} cascade`)).toBe("42501");
    expect(await fingerprint(db.admin, table, b.tenantId)).toBe(before);
  });

  test.each(ROLES)("without a context %s gets 42501", async (role) => {
    const other = await db.database.connect(role);
    expect(await outcome(other, `select * from ${table}`)).toBe("42501");
    await enter(other, a, "read");
    expect(await outcome(other, `select from ${table} where tenant_id = $1`, [b.tenantId])).toBe(0);
    expect(await outcome(other, `select from ${table} limit 1`)).toBe(1);
    await other.end();
  });
});

describe("requests", () => {
  test("write their own rows", async () => {
    expect(await asA("insert into public.orders (note) values ('mine')")).toBe(1);
    expect(await asA(`insert into ${LISTE} values (default, 'k9', 3)`)).toBe("42501"); // tenant_id is named by no list
    expect(
      await asA(`insert into ${LISTE} ("Schlüssel ""1""", order_id) select 'k9', max(id) from public.orders`),
    ).toBe(1);
  });

  test("neither give nor change a hidden key, and delete by it", async () => {
    const id = "00000000-0000-4000-8000-000000000000";
    expect(await asA("insert into public.notes (word) values ('new')")).toBe(1);
    expect(await asA("insert into public.notes (word, tenant_row_id) values ('new', $1)", [id])).toBe("42501");
    expect(await asA("update public.notes set tenant_row_id = $1", [id])).toBe("42501");
    expect(await asA("update public.notes set word = 'x'")).toBe(2);
    expect(await asA("delete from public.notes where tenant_row_id is not null")).toBe(2);
  });

  test("find the app's tables without their schema, in the order in which they were registered", async () => {
    await enter(client, a, "read");
    const { rows } = await client.query(
      "select public.count_orders()::int as orders, current_setting('search_path') as path",
    );
    await client.query("commit");
    expect(rows).toEqual([{ orders: 3, path: expect.stringMatching(/(^|, )app, public, "Größe ""Ä"" \/x"$/) }]);
  });

  test("create nothing in them, and set no search path of the role", async () => {
    for (const schema of ["public", QUOTED]) expect(await asA(`create table ${schema}.mine (n int)`)).toBe("42501");
    expect(await asA("select platform.add_schema('pg_temp')")).toBe("42501");
    expect(await asA("select platform.remove_schema('public')")).toBe("42501");
    expect(await asA("table platform.schemas")).toBe("42501");
  });
});

describe("a migration", () => {
  test("that leaves a table unprotected is refused", async () => {
    const assert = "select platform.assert_protected()";
    expect(await asOwner(assert)).toBe(1);
    expect(await asOwner("create table public.bare (n int)", assert)).toBe("RH413");
    expect(await asOwner(`create table ${QUOTED}."Bloß" (n int)`, assert)).toBe("RH413");
  });

  test("that protects a table elsewhere is refused, and says which schemas there are", async () => {
    await db.admin.query("create schema elsewhere; create table elsewhere.bare (n int)");
    const refused = db.admin.query("select platform.protect_table('elsewhere.bare')");
    await expect(refused).rejects.toThrow(`elsewhere.bare is not a table of schema app or public or ${QUOTED}`);
    await db.admin.query("drop schema elsewhere cascade");
  });

  test.each([
    ["a schema of the server", "pg_catalog"],
    ["another of the server", "information_schema"],
    ["the control plane's", "platform"],
    ["Rowhouse's own", "tenant"],
    ["another of Rowhouse", "rowhouse"],
    ["one that is not there", "nowhere"],
    ["a name with a dot", "a.b"],
  ])("registers no %s", async (_, name) => {
    await db.admin.query('create schema if not exists "a.b"');
    expect(await asOwner(`select platform.add_schema('${name}')`)).toBe("RH416");
  });

  test("registers no system schema past the function, either", async () => {
    for (const name of ["pg_toast", "platform", "tenant", "information_schema", "a.b"])
      expect(await asOwner(`insert into platform.schemas (name) values ('${name}')`)).toBe("23514");
  });

  test("registers again what is registered, served or not", async () => {
    const add = "select platform.add_schema('public', false)";
    expect(await asOwner(add, add, "select from platform.schemas where name = 'public' and not served")).toBe(1);
    expect(await asOwner(add, "select from platform.app_schemas() s where s = 'public'")).toBe(1);
  });

  test("takes a schema out once no protected table is in it, and never app", async () => {
    const remove = "select platform.remove_schema('public')";
    expect(await asOwner(remove)).toBe("RH416");
    expect(await asOwner("select platform.remove_schema('app')")).toBe("RH416");
    const drop = `drop table ${LISTE}, public.orders, public.notes`;
    const left = "select from platform.app_schemas() s where s = 'public'";
    expect(await asOwner(drop, remove, left)).toBe(0);
    const usable = "select where has_schema_privilege('rowhouse_api', 'public', 'usage')";
    expect(await asOwner(drop, usable)).toBe(1);
    expect(await asOwner(drop, remove, usable)).toBe(0);
  });
});

describe("a schema that another role owns", () => {
  test("becomes rowhouse_owner's where the user of the connection may give it", async () => {
    await db.admin.query(
      "begin; create schema legacy; grant create on schema legacy to rowhouse_api; set local role rowhouse_owner",
    );
    await db.admin.query("select platform.add_schema('legacy')");
    const { rows } = await db.admin.query(
      `select pg_get_userbyid(nspowner) as owner, current_user as role,
         has_schema_privilege('rowhouse_api', 'legacy', 'usage') as usable, has_schema_privilege('rowhouse_api', 'legacy', 'create') as creatable
       from pg_namespace where nspname = 'legacy'`,
    );
    await db.admin.query("rollback");
    expect(rows).toEqual([{ owner: "rowhouse_owner", role: "rowhouse_owner", usable: true, creatable: false }]);
  });

  test("is refused otherwise, and says what to run", async () => {
    await db.admin.query("begin; create schema legacy; set local session authorization rowhouse_owner");
    const refused = db.admin.query("select platform.add_schema('legacy')");
    await expect(refused).rejects.toMatchObject({
      code: "RH416",
      message: "The schema legacy belongs to postgres, and rowhouse_owner may not change that",
      hint: "As a superuser: alter schema legacy owner to rowhouse_owner",
    });
    await db.admin.query("rollback");
  });
});

describe("the rules see what is wrong in them", () => {
  test.each([
    ["alter table public.orders disable row level security", "rls_disabled:public.orders"],
    [`alter table ${LISTE} no force row level security`, `rls_not_forced:${LISTE}`],
    ["create unique index orders_note on public.orders (id)", "unique_key_without_tenant:public.orders_note"],
    ["grant update (tenant_id) on public.notes to rowhouse_api", "tenant_id_writable:public.notes:rowhouse_api"],
    [`alter schema ${QUOTED} owner to postgres`, `owner_wrong:schema ${QUOTED}`],
    ["grant usage on schema public to public", "public_privilege:schema public:usage"],
    ["delete from platform.schemas where name = 'public'", "schema_unregistered:public.orders"],
  ])("%s", async (fault, key) => {
    await db.admin.query(fault);
    expect(await findings()).toContain(key);
    await db.admin.query(`drop index if exists public.orders_note; select platform.add_schema('public')`);
    await applyPolicies(db.admin, null);
    expect(await findings()).toEqual([]);
  });

  test("a search path of the role that is not the registered one", async () => {
    await db.admin.query(
      `do $$ begin execute format('alter role rowhouse_api in database %I set search_path to evil, app', current_database()); end $$`,
    );
    expect(await findings()).toEqual([expect.stringMatching(/^setting_preset:rowhouse_api:.*:search_path$/)]);
    await applyPolicies(db.admin, null);
    expect(await findings()).toEqual([]);
  });
});

describe("deleting a tenant", () => {
  test("erases its rows there, and the other tenants' stay", async () => {
    const kept = new Map<string, string>();
    for (const table of OTHER_TABLES) kept.set(table, await fingerprint(db.admin, table, b.tenantId));
    const counted = await countTenantRows(db.platform, db.database.keyring, "globex");
    expect(counted).toEqual(
      expect.arrayContaining([
        { table: "public.orders", rows: 3 },
        { table: LISTE, rows: 1 },
      ]),
    );
    const erasure = await deleteTenant(db.platform, db.database.keyring, "globex", "operator:test");
    expect(erasure.outside).toEqual([]);
    expect(erasure.tables).toEqual(expect.arrayContaining([{ table: "public.notes", rows: 2 }]));
    for (const [table, before] of kept) {
      expect(await fingerprint(db.admin, table, a.tenantId)).toMatch(/^0 /);
      expect(await fingerprint(db.admin, table, b.tenantId)).toBe(before);
    }
  });
});
