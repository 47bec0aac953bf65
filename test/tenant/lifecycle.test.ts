import { afterAll, describe, expect, test } from "vitest";
import { listEvents } from "../../src/audit/events.ts";
import { readTenantTables } from "../../src/db/tables.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { findTenant, listTenants, renameTenant, setTenantStatus } from "../../src/tenant/change.ts";
import { createTenant, type NewTenant } from "../../src/tenant/create.ts";
import { countTenantRows, deleteTenant } from "../../src/tenant/delete.ts";
import { listDomains } from "../../src/tenant/domains.ts";
import { testDatabase } from "../harness.ts";
import { untilBlocked } from "../blocked.ts";

const db = await testDatabase();
const { keyring } = db.database;
const create = (wanted: Partial<NewTenant> & { slug: string }) =>
  createTenant(db.platform, keyring, { name: wanted.slug, ...wanted }, "operator:test");
const actionsOf = async (tenant: string) =>
  (await listEvents(db.platform, { tenant })).map(({ action, actor }) => `${actor} ${action}`).toReversed();
const read = async (slug: string) =>
  runScoped(db.api, await db.scope(slug), "read", [{ text: "select count(*) from tenant.settings", values: [] }]);

/** What outlives a tenant: the trail of the deployment, and for WEBHOOK_DAYS what other systems were told of it. */
const LEFT = ["platform.audit_events", "platform.webhook_events"];

/** Rows with this tenant's id in any table of the database that has such a column, seen by a superuser: nothing hides from it. */
async function rowsAnywhere(tenantId: string): Promise<Record<string, number>> {
  const { rows: columns } = await db.admin.query<{ table: string; column: string }>(
    `select format('%I.%I', table_schema, table_name) as table, column_name as column
     from information_schema.columns join information_schema.tables using (table_schema, table_name)
     where table_type = 'BASE TABLE' and (column_name = 'tenant_id' or table_schema || '.' || table_name || '.' || column_name = 'platform.tenants.id')`,
  );
  const found: Record<string, number> = {};
  for (const { table, column } of columns) {
    const { rows } = await db.admin.query(`select count(*)::int as count from ${table} where ${column} = $1`, [
      tenantId,
    ]);
    if (rows[0].count > 0) found[table] = rows[0].count;
  }
  return found;
}

afterAll(() => db.close());

describe("create", () => {
  test("makes the tenant, its address, its brand and its first user", async () => {
    const { tenant, created } = await create({
      slug: "hooli",
      name: "Hooli Inc",
      adminEmail: "Gavin@Hooli.example",
      brand: { color: "#0a0" },
    });
    expect(created).toBe(true);
    expect(tenant).toMatchObject({ slug: "hooli", name: "Hooli Inc", status: "active", epoch: "1" });
    expect(await findTenant(db.platform, "hooli")).toEqual(tenant);
    expect(await listDomains(db.platform, "hooli")).toMatchObject([{ name: "hooli", kind: "subdomain", record: null }]);
    const text =
      "select (select json_agg(json_build_array(name, value, is_public)) from tenant.settings), (select json_agg(json_build_array(email, role)) from tenant.users)";
    const [result] = await runScoped(db.api, await db.scope("hooli"), "read", [{ text, values: [] }]);
    expect(result!.rows[0]!.map((value) => JSON.parse(value!))).toEqual([
      [["brand", { name: "Hooli Inc", color: "#0a0" }, true]],
      [["gavin@hooli.example", "owner"]],
    ]);
    expect(await actionsOf("hooli")).toEqual(["operator:test tenant.created", "operator:test domain.added"]);
  });

  test("a second time: refused, or with ifNotExists the same tenant and no change", async () => {
    const { tenant } = await create({ slug: "twice", name: "First" });
    await expect(create({ slug: "twice" })).rejects.toMatchObject({ code: "RH404", exit: 5 });
    expect(await create({ slug: "twice", name: "Second", adminEmail: "a@b.example", ifNotExists: true })).toEqual({
      tenant,
      created: false,
    });
    expect(await rowsAnywhere(tenant.id)).toMatchObject({ "tenant.settings": 1, "platform.audit_events": 2 });
    expect(await rowsAnywhere(tenant.id)).not.toHaveProperty("tenant.users");
  });

  test("many at once with ifNotExists make one tenant", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => create({ slug: "crowded", ifNotExists: true })));
    expect(all.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(all.map(({ tenant }) => tenant.id)).size).toBe(1);
  });

  test("is all or nothing", async () => {
    const before = await listTenants(db.platform);
    await expect(create({ slug: "halfway", adminEmail: "not an address" })).rejects.toMatchObject({ code: "23514" });
    expect(await listTenants(db.platform)).toEqual(before);
    expect(await actionsOf("halfway")).toEqual([]);
    expect((await create({ slug: "halfway" })).created).toBe(true);
  });

  test.each([
    "",
    "a",
    "Acme",
    "1acme",
    "acme-",
    "-acme",
    "ac--me",
    "xn--abc",
    "ac me",
    "ac.me",
    "ac_me",
    "acmé",
    "acme\n",
    "a".repeat(64),
    "acme;drop",
  ])("refuses the malformed slug %j", async (slug) => {
    // Some are refused before there is a promise.
    await expect((async () => create({ slug }))()).rejects.toMatchObject({ code: "RH402", exit: 2 });
  });

  test.each(["admin", "api", "www", "localhost", "platform", "auth", "rowhouse"])(
    "refuses the reserved slug %s",
    async (slug) => {
      await expect((async () => create({ slug }))()).rejects.toMatchObject({ code: "RH403", exit: 2 });
    },
  );

  test("the longest and the shortest slug are host names as well", async () => {
    for (const slug of ["ab", `a${"b".repeat(62)}`]) expect((await create({ slug })).created).toBe(true);
  });
});

describe("rename", () => {
  test("keeps the id, the rows and the old address", async () => {
    const { tenant } = await create({ slug: "pied", name: "Pied" });
    const renamed = await renameTenant(db.platform, "pied", { slug: "piper", name: "Pied Piper" }, "operator:test");
    expect(renamed).toEqual({ ...tenant, slug: "piper", name: "Pied Piper" });
    await expect(findTenant(db.platform, "pied")).rejects.toMatchObject({ code: "RH102" });
    expect((await listDomains(db.platform, "piper")).map(({ name }) => name)).toEqual(["pied", "piper"]);
    expect((await read("piper"))[0]!.rows).toEqual([["1"]]);
    expect((await actionsOf("piper")).slice(2)).toEqual(["operator:test tenant.renamed", "operator:test domain.added"]);
  });

  test("nobody else gets the old address, and the tenant can go back to it", async () => {
    await create({ slug: "there" });
    await renameTenant(db.platform, "there", { slug: "elsewhere" }, "test");
    await expect(create({ slug: "there" })).rejects.toMatchObject({ code: "RH406" });
    await create({ slug: "rival" });
    await expect(renameTenant(db.platform, "rival", { slug: "there" }, "test")).rejects.toMatchObject({
      code: "RH406",
    });
    expect((await findTenant(db.platform, "rival")).slug).toBe("rival");
    expect((await renameTenant(db.platform, "elsewhere", { slug: "there" }, "test")).slug).toBe("there");
  });

  test("refuses another's slug, a malformed one, and a tenant that is not there", async () => {
    await expect(renameTenant(db.platform, "acme", { slug: "globex" }, "test")).rejects.toMatchObject({
      code: "RH404",
    });
    await expect((async () => renameTenant(db.platform, "acme", { slug: "No!" }, "test"))()).rejects.toMatchObject({
      code: "RH402",
    });
    await expect(renameTenant(db.platform, "nobody", { name: "x" }, "test")).rejects.toMatchObject({ code: "RH102" });
  });
});

describe("suspend", () => {
  test("refuses requests under contexts that were made before, from its commit on, and activation lets them in again", async () => {
    await create({ slug: "pausing" });
    const scope = await db.scope("pausing");
    const run = (access: "read" | "write") =>
      runScoped(db.api, scope, access, [{ text: "select count(*) from tenant.settings", values: [] }]);
    await expect(run("read")).resolves.toBeDefined();
    await setTenantStatus(db.platform, "pausing", "suspended", "operator:test");
    for (const access of ["read", "write"] as const)
      await expect(run(access)).rejects.toMatchObject({ code: "RH103", status: 403 });
    await setTenantStatus(db.platform, "pausing", "suspended", "operator:test");
    await setTenantStatus(db.platform, "pausing", "active", "operator:test");
    await expect(run("write")).resolves.toBeDefined();
    expect((await actionsOf("pausing")).slice(2)).toEqual([
      "operator:test tenant.suspended",
      "operator:test tenant.activated",
    ]);
  });

  test("leaves other tenants alone", async () => {
    await create({ slug: "paused" });
    await setTenantStatus(db.platform, "paused", "suspended", "test");
    await expect(read("acme")).resolves.toBeDefined();
    await expect(setTenantStatus(db.platform, "nobody", "suspended", "test")).rejects.toMatchObject({ code: "RH102" });
  });
});

describe("delete", () => {
  test("leaves no row of the tenant in any table but the audit trail, and every row of the others", async () => {
    const { id } = await findTenant(db.platform, "initech");
    const neighbour = await findTenant(db.platform, "globex");
    const others = await rowsAnywhere(neighbour.id);
    const counted = await countTenantRows(db.platform, keyring, "initech");
    expect(counted.filter(({ rows }) => rows > 0).length).toBeGreaterThan(8);
    const {
      "platform.audit_events": _events,
      "platform.webhook_events": _told,
      "platform.tenants": _tenant,
      "platform.domains": _domains,
      ...before
    } = await rowsAnywhere(id);
    expect(Object.fromEntries(counted.filter(({ rows }) => rows > 0).map(({ table, rows }) => [table, rows]))).toEqual(
      before,
    );
    const erased = await deleteTenant(db.platform, keyring, "initech", "operator:test");
    expect(erased.tables).toEqual(counted);
    expect(erased.platform).toEqual([
      { table: "platform.domains", rows: 1 },
      { table: "platform.issuers", rows: 0 },
      { table: "platform.outbox", rows: 0 },
      { table: "platform.tenant_profiles", rows: 0 },
      { table: "platform.token_secrets", rows: 0 },
      { table: "platform.tenants", rows: 1 },
    ]);
    expect(erased).toMatchObject({ tenant: { id, slug: "initech" }, outside: [] });
    expect(Object.keys(await rowsAnywhere(id))).toEqual(LEFT);
    expect(await rowsAnywhere(neighbour.id)).toEqual(others);
    expect((await actionsOf("initech")).slice(-3).toSorted()).toEqual([
      "operator:test domain.removed",
      "operator:test tenant.closed",
      "operator:test tenant.deleted",
    ]);
    await expect(findTenant(db.platform, "initech")).rejects.toMatchObject({ code: "RH102" });
  });

  test("takes a suspended tenant, its token secret and its domains, and frees its slug", async () => {
    const { tenant } = await create({ slug: "gone" });
    await setTenantStatus(db.platform, "gone", "suspended", "test");
    await db.admin.query("insert into platform.token_secrets (tenant_id, secret) values ($1, $2)", [
      tenant.id,
      Buffer.alloc(32),
    ]);
    await db.admin.query(
      "insert into platform.domains (name, kind, tenant_id, verified_at) values ('gone.example', 'custom', $1, now())",
      [tenant.id],
    );
    await deleteTenant(db.platform, keyring, "gone", "test");
    expect(Object.keys(await rowsAnywhere(tenant.id))).toEqual([LEFT[0], "platform.domain_cool_downs", LEFT[1]]);
    expect((await create({ slug: "gone" })).tenant.id).not.toBe(tenant.id);
  });

  test("is all or nothing: a row that can't be removed keeps all the others, and the tenant goes on", async () => {
    const { tenant } = await create({ slug: "sticky", adminEmail: "a@sticky.example" });
    const before = await rowsAnywhere(tenant.id);
    await db.admin.query(`
      create function tenant.keep() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger keep before delete on tenant.settings for each row execute function tenant.keep()`);
    await expect(deleteTenant(db.platform, keyring, "sticky", "test")).rejects.toMatchObject({
      code: "RH900",
      message: expect.stringContaining("tenant.settings 1"),
    });
    expect(await rowsAnywhere(tenant.id)).toEqual(before);
    await expect(read("sticky")).resolves.toBeDefined();
    await db.admin.query("drop trigger keep on tenant.settings");
    await deleteTenant(db.platform, keyring, "sticky", "test");
    expect(Object.keys(await rowsAnywhere(tenant.id))).toEqual(LEFT);
  });

  test("removes what a trigger writes down about the deletion, and names tables that it does not look after", async () => {
    const { tenant } = await create({ slug: "watched", adminEmail: "a@watched.example" });
    await db.admin.query(`
      create table tenant.aaa_trail (tenant_id uuid not null, id uuid not null default gen_random_uuid(), line text, primary key (tenant_id, id));
      alter table tenant.aaa_trail owner to rowhouse_owner; select platform.protect_table('tenant.aaa_trail');
      create function tenant.note() returns trigger language plpgsql as $$ begin
        insert into tenant.aaa_trail (line) values (old.email); return old; end $$;
      create trigger note after delete on tenant.users for each row execute function tenant.note();
      create table public.legacy (tenant_id uuid)`);
    const { tables, outside } = await deleteTenant(db.platform, keyring, "watched", "test");
    expect(tables).toContainEqual({ table: "tenant.users", rows: 1 });
    expect(outside).toEqual(["public.legacy"]);
    await db.admin.query("drop table public.legacy; drop trigger note on tenant.users; drop table tenant.aaa_trail");
    expect(Object.keys(await rowsAnywhere(tenant.id))).toEqual(LEFT);
  });

  test("waits for a running write and keeps later ones out", async () => {
    const { tenant } = await create({ slug: "writing" });
    const scope = await db.scope("writing");
    const writer = await db.database.connect("rowhouse_api");
    await writer.query("set idle_in_transaction_session_timeout = 0"); // it stays for as long as the test takes
    await writer.query("begin");
    await writer.query("select platform.enter($1, $2, $3, true)", [scope.context, scope.secret, scope.epoch]);
    await writer.query(
      "insert into app.tax_rates (name, country, basis_points, valid_from_on) values ('late', 'CH', 810, '2026-01-01')",
    );
    const deletion = deleteTenant(db.platform, keyring, "writing", "test");
    await untilBlocked(db.admin, writer);
    await writer.query("commit");
    await writer.end();
    expect((await deletion).tables).toContainEqual({ table: "app.tax_rates", rows: 1 });
    expect(Object.keys(await rowsAnywhere(tenant.id))).toEqual(LEFT);
    await expect(runScoped(db.api, scope, "write", [{ text: "select 1", values: [] }])).rejects.toMatchObject({
      code: "RH102",
    });
  });

  test("of nobody is refused", async () => {
    await expect(deleteTenant(db.platform, keyring, "nobody", "test")).rejects.toMatchObject({ code: "RH102" });
    await expect(countTenantRows(db.platform, keyring, "nobody")).rejects.toMatchObject({ code: "RH102" });
  });

  test("covers every table of app and tenant", async () => {
    const counted = (await countTenantRows(db.platform, keyring, "acme")).map(({ table }) => table);
    expect(counted).toEqual((await readTenantTables(db.admin)).map(({ identifier }) => identifier));
    const { rows } = await db.admin.query<{ name: string }>(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('app', 'tenant')",
    );
    expect(counted.toSorted()).toEqual(rows.map(({ name }) => name).toSorted());
  });
});
