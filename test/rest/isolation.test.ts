import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Catalog, Relation } from "../../src/catalog/catalog.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { client, readCatalog, type Client } from "./served.ts";

let db: TestDatabase;
let catalog: Catalog;
let globex: Client;
let initech: Client;
beforeAll(async () => {
  db = await testDatabase();
  catalog = await readCatalog(db);
  globex = await client(db, "globex", catalog, {}, { aggregates: true });
  initech = await client(db, "initech", catalog, {}, { aggregates: true });
});
afterAll(() => db.close());

/** Every row of a tenant, as the superuser sees it. */
async function content(tenantId: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { name, kind } of catalog.relations.values()) {
    if (kind === "view") continue;
    const { rows } = await db.admin.query<{ rows: string }>(
      `select coalesce(json_agg(t order by t.id)::text, '') as rows from app."${name}" t where tenant_id = $1`,
      [tenantId],
    );
    found[name] = rows[0]!.rows;
  }
  return found;
}

async function ids(name: string, tenantId: string): Promise<string[]> {
  const { rows } = await db.admin.query<{ id: string }>(`select id from app."${name}" where tenant_id = $1 limit 20`, [
    tenantId,
  ]);
  return rows.map(({ id }) => id);
}

const tables = (): Relation[] => [...catalog.relations.values()].filter(({ kind }) => kind === "table");
const modes = [true, false];

describe.each(modes)("with the explicit predicate: %s", (explicitTenant) => {
  test("no table shows or takes another tenant's row, by any verb", async () => {
    const before = await content(initech.tenantId);
    for (const { name, columns } of tables()) {
      const foreign = await ids(name, initech.tenantId);
      expect(foreign.length).toBeGreaterThan(0);
      const url = `/${name}?id=in.(${foreign.join(",")})`;
      const show = { explicitTenant, headers: { prefer: "return=representation,count=exact" } };
      const read = await globex("GET", url, show);
      expect([read.status, read.json, read.headers["content-range"]]).toEqual([200, [], "*/0"]);
      const changed = columns.has("created_at") ? { created_at: "2001-01-01T00:00:00Z" } : {};
      expect(await globex("PATCH", url, { ...show, body: changed })).toMatchObject({ status: 200, json: [] });
      expect(await globex("DELETE", url, show)).toMatchObject({ status: 200, json: [] });
      const upsert = await globex("POST", `/${name}`, {
        explicitTenant,
        body: { id: foreign[0] },
        headers: { prefer: "resolution=merge-duplicates" },
      });
      expect(upsert.status).not.toBe(200);
    }
    expect(await content(initech.tenantId)).toEqual(before);
  });

  test("an unfiltered change stays at home", async () => {
    const before = await content(initech.tenantId);
    expect((await globex("PATCH", "/expenses", { explicitTenant, body: { description: "mine" } })).status).toBe(204);
    expect((await globex("DELETE", "/expenses", { explicitTenant })).status).toBe(204);
    expect(await content(initech.tenantId)).toEqual(before);
  });

  test("a foreign key can't reach over", async () => {
    const [customer] = await ids("customers", initech.tenantId);
    const { status, json } = await globex("POST", "/invoices", { explicitTenant, body: { customer_id: customer } });
    expect([status, json]).toEqual([409, expect.objectContaining({ code: "23503" })]);
  });
});

test("row-level security alone gives the same answers", async () => {
  const urls = [
    "/customers?order=id",
    "/customers?select=name,invoices(number,invoice_items(position,products(name)))&order=id&limit=50",
    "/invoices?select=number,customers!inner(name)&customers.name=like.*a*&order=id",
    "/products?select=name,tax_rates(name,products(sku))&order=id&limit=20",
    "/customers?select=id,invoices()&invoices=is.null&order=id",
    "/invoice_totals?order=id",
    "/invoices?select=count(),...customers(name)&order=customers(name)",
    "/customers?select=id,...invoices(number)&invoices.order=number&order=id&limit=20",
    "/invoices?select=count(),currency&order=currency",
  ];
  for (const url of urls) {
    for (const each of [globex, initech]) {
      const headers = { prefer: "count=exact" };
      const said = await each("GET", url, { headers });
      const silent = await each("GET", url, { headers, explicitTenant: false });
      expect(silent.statement!.text).not.toEqual(said.statement!.text);
      expect([silent.status, silent.text, silent.headers]).toEqual([said.status, said.text, said.headers]);
      expect(said.status).toBeLessThan(300);
    }
  }
});

test("a statement for one tenant, run as another, is empty", async () => {
  const { statement } = await globex("GET", "/customers?select=id", { headers: { prefer: "count=exact" } });
  const { runScoped } = await import("../../src/db/transaction.ts");
  const [result] = await runScoped(db.api, initech.scope, "read", [statement!]);
  expect(result!.rows).toEqual([["0", "[]", "0"]]);
});
