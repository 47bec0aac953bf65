import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cloneTenant } from "../../src/archive/clone.ts";
import { exportTenant } from "../../src/archive/export.ts";
import { readMaskFile, type MaskRule } from "../../src/archive/mask-rules.ts";
import { openWorkspace, refusal, type Workspace, readShared } from "./workspace.ts";

let db: Workspace;
beforeAll(async () => {
  db = await openWorkspace();
  await db.admin.query(`set role rowhouse_owner;
    create table app.badges (tenant_id uuid not null default platform.current_tenant(), code text not null, holder text, short varchar(8),
      primary key (tenant_id, code));
    create table app.scans (tenant_id uuid not null default platform.current_tenant(), id int not null, badge text not null,
      primary key (tenant_id, id), foreign key (tenant_id, badge) references app.badges (tenant_id, code));
    select platform.protect_table('app.badges'), platform.protect_table('app.scans'); reset role`);
  const { id } = await db.tenant("globex");
  await db.admin.query(
    "insert into app.badges (tenant_id, code, holder) select $1, 'B-' || n, 'Holder ' || n from generate_series(1, 9) n",
    [id],
  );
  await db.admin.query(
    "insert into app.scans (tenant_id, id, badge) select $1, n, 'B-' || n % 9 + 1 from generate_series(1, 30) n",
    [id],
  );
});
afterAll(() => db.close());

const rules = (given: Record<string, MaskRule["kind"]>) =>
  new Map(Object.entries(given).map(([column, kind]) => [column, { kind }]));
const clone = (slug: string, given: Record<string, MaskRule["kind"]>, defaults = false) =>
  cloneTenant(db.database, "globex", slug, { mask: { defaults, rules: rules(given) } });

/** Every text of a column, by the row's key. */
async function column(slug: string, table: string, name: string): Promise<(string | null)[]> {
  const { rows } = await db.admin.query<{ value: string | null }>(
    `select ${name}::text as value from ${table} where tenant_id = $1 order by ${table === "app.badges" ? "holder, code" : "id"}`,
    [(await db.tenant(slug)).id],
  );
  return rows.map(({ value }) => value);
}

describe("a clone", () => {
  test("has the source's rows, and an id, an address and a past of its own", async () => {
    const source = await db.tenant("globex");
    await db.admin.query(
      "insert into platform.domains (name, kind, tenant_id, verified_at) values ('globex.example', 'custom', $1, now())",
      [source.id],
    );
    await db.admin.query("insert into platform.token_secrets (tenant_id, secret) values ($1, $2)", [
      source.id,
      Buffer.alloc(32),
    ]);
    const { tenant } = await cloneTenant(db.database, "globex", "globex-two", { actor: "operator:test" });
    expect(tenant.id).not.toBe(source.id);
    expect(await readShared(db.database, tenant)).toEqual(await readShared(db.database, source));
    // Whoever was let into the source is let into the clone by signing in alone.
    const { rows: credentials } = await db.admin.query(
      `select (select count(*)::int from tenant.credentials where tenant_id = $1) as passwords,
         (select count(*)::int from tenant.sessions where tenant_id = $1) as sessions,
         (select count(*)::int from tenant.refresh_tokens where tenant_id = $1) as tokens,
         (select count(*)::int from tenant.one_time_links where tenant_id = $1) as links,
         (select count(*)::int from tenant.api_keys where tenant_id = $1) as keys,
         (select count(*)::int from tenant.impersonations where tenant_id = $1) as impersonations,
         (select count(*)::int from tenant.audit_events where tenant_id = $1) as events`,
      [tenant.id],
    );
    expect(credentials).toEqual([
      { passwords: 1, sessions: 0, tokens: 0, links: 0, keys: 0, impersonations: 0, events: 0 },
    ]);
    const { rows } = await db.admin.query(
      `select (select array_agg(name) from platform.domains d where d.tenant_id = $1) as domains,
        (select count(*)::int from platform.token_secrets s where s.tenant_id = $1) as secrets,
        (select array_agg(actor || ' ' || action order by id) from platform.audit_events e where e.tenant_id = $1) as events`,
      [tenant.id],
    );
    expect(rows[0]).toEqual({
      domains: ["globex-two"],
      secrets: 0,
      events: expect.arrayContaining(["operator:test tenant.created", "operator:test tenant.cloned"]),
    });
  });

  test("by default has no e-mail address, phone number, person's name or note of the source", async () => {
    await clone("globex-masked", {}, true);
    const hidden = [
      "tenant.users email",
      "app.customers name",
      "app.customers email",
      "app.customers phone",
      "app.customers notes",
    ];
    for (const place of hidden) {
      const [table, name] = place.split(" ") as [string, string];
      const [before, after] = [await column("globex", table, name), await column("globex-masked", table, name)];
      expect(after.map((value) => value === null)).toEqual(before.map((value) => value === null));
      const given = new Set(before.filter((value) => value !== null && /[\p{L}\d]/u.test(value)));
      expect(after.filter((value) => value !== null && given.has(value))).toEqual([]);
    }
    expect(await column("globex-masked", "app.invoices", "total_cents")).toEqual(
      await column("globex", "app.invoices", "total_cents"),
    );
  });

  test("gives equal values equal masks, so that keys and references hold", async () => {
    await clone("globex-hashed", { "app.badges.code": "hash", "app.scans.badge": "hash", "app.badges.holder": "keep" });
    const codes = await column("globex-hashed", "app.badges", "code");
    expect(new Set(codes).size).toBe(9);
    expect(codes.join()).not.toContain("B-");
    const before = await column("globex", "app.scans", "badge");
    const after = await column("globex-hashed", "app.scans", "badge");
    const pairs = new Set(before.map((badge, index) => `${badge} ${after[index]}`));
    expect(pairs.size).toBe(9);
  });

  test("of an unknown tenant, or onto a tenant that has rows, is refused, and leaves nothing", async () => {
    await refusal("tenantUnknown", cloneTenant(db.database, "nobody", "somebody"));
    await refusal("tenantNotEmpty", cloneTenant(db.database, "globex", "acme"));
    await refusal("slugReserved", cloneTenant(db.database, "globex", "admin"));
    const { rows } = await db.admin.query("select slug from platform.tenants where slug in ('somebody', 'admin')");
    expect(rows).toEqual([]);
  });
});

describe("a mask is refused", () => {
  const cases: [string, Record<string, MaskRule["kind"]>, string][] = [
    ["for a column that does not exist", { "app.customers.nothing": "hash" }, "no column app.customers.nothing"],
    ["that gives a unique key equal values", { "app.customers.number": "redact" }, "unique key"],
    ["that nulls what can't be null", { "app.customers.name": "null" }, "can't be null"],
    ["that does not fit the type", { "app.customers.created_at": "email" }, "timestamp"],
    ["that does not fit the width", { "app.badges.short": "hash" }, "holds 8 characters"],
    ["that breaks a reference", { "app.badges.code": "hash" }, "would break it"],
    ["that breaks it from the other side", { "app.scans.badge": "redact" }, "would break it"],
  ];
  test.each(cases)("%s", async (_name, given, said) => {
    const error = await refusal("maskRefused", clone("refused", given));
    expect(error.message).toContain(said);
    await expect(db.tenant("refused")).rejects.toMatchObject({ kind: "tenantUnknown" });
  });

  test("in a file that is no file of rules", async () => {
    const path = join(db.dir, "mask.json");
    await writeFile(path, '{"app.customers.email": "scramble"}');
    expect((await refusal("maskRefused", readMaskFile(path))).hint).toContain("redact");
    await refusal("fileMissing", readMaskFile(join(db.dir, "none.json")));
  });
});

test("a constant is a value, whatever it holds", async () => {
  const path = join(db.dir, "constant.json");
  const text = "it's '; drop table app.badges; -- \\ \n";
  await writeFile(
    path,
    JSON.stringify({ "app.badges.holder": { constant: text }, "app.customers.credit_limit_cents": { constant: 7 } }),
  );
  await cloneTenant(db.database, "globex", "globex-constant", {
    mask: { defaults: false, rules: await readMaskFile(path) },
  });
  expect(new Set(await column("globex-constant", "app.badges", "holder"))).toEqual(new Set([text]));
  expect(new Set(await column("globex-constant", "app.customers", "credit_limit_cents"))).toEqual(new Set(["7", null]));
});

test("a masked archive is one like any other, and with one key masks are the same each time", async () => {
  const mask = { defaults: true, rules: rules({}), key: "one" };
  const hashes = [];
  for (const name of ["one", "two"]) {
    const path = join(db.dir, `${name}.rowhouse`);
    const { tables } = await exportTenant(db.database, { slug: "globex" }, { path, mask });
    hashes.push(tables.map(({ rawSha256 }) => rawSha256));
  }
  expect(hashes[0]).toEqual(hashes[1]);
});
