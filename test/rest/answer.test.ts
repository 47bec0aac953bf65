import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runScoped } from "../../src/db/transaction.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { client, codeOf, readCatalog, type Client } from "./served.ts";

let db: TestDatabase;
let catalog: Catalog;
let acme: Client;
beforeAll(async () => {
  db = await testDatabase();
  catalog = await readCatalog(db);
  acme = await client(db, "acme", catalog);
});
afterAll(() => db.close());

type Rows = Record<string, unknown>[];
const OBJECT = { accept: "application/vnd.pgrst.object+json" };
const SHOW = { prefer: "return=representation" };

async function rate(name: string): Promise<Record<string, unknown>> {
  const { json } = await acme("POST", "/tax_rates", {
    body: { name, country: "NL", basis_points: 2100, valid_from_on: "2020-01-01" },
    headers: { ...SHOW, ...OBJECT },
  });
  return json as Record<string, unknown>;
}

async function count(where: string): Promise<number> {
  const { rows } = await db.admin.query<{ n: number }>(
    `select count(*)::int as n from ${where} and tenant_id = '${acme.tenantId}'`,
  );
  return rows[0]!.n;
}

describe("reading", () => {
  test("one row by its key", async () => {
    const { id } = ((await acme("GET", "/customers?select=id&limit=1")).json as Rows)[0]!;
    const { status, json, headers } = await acme("GET", `/customers?id=eq.${String(id)}&select=*`);
    expect(status).toBe(200);
    expect(headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      "content-range": "0-0/*",
      "content-location": `/rest/v1/customers?id=eq.${String(id)}&select=%2A`,
      etag: expect.stringMatching(/^"[0-9a-f]{24}\.[\w-]{16}"$/) as string,
    });
    expect(json).toEqual([expect.objectContaining({ id })]);
    expect(Object.keys((json as Rows)[0]!)).toEqual([...catalog.relations.get("customers")!.columns.keys()]);
  });

  test("pages, counts and ranges", async () => {
    const all = await count("app.customers where true");
    const exact = { prefer: "count=exact" };
    const page = await acme("GET", "/customers?select=id&limit=10&offset=5&order=id", { headers: exact });
    expect([page.status, page.headers["content-range"], page.headers["preference-applied"]]).toEqual([
      206,
      `5-14/${all}`,
      "count=exact",
    ]);
    const ranged = await acme("GET", "/customers?select=id&order=id", {
      headers: { ...exact, range: "5-14", "range-unit": "items" },
    });
    expect([ranged.status, ranged.json]).toEqual([206, page.json]);
    const planned = await acme("GET", "/customers?select=id&limit=1", { headers: { prefer: "count=planned" } });
    expect(planned.headers["content-range"]).toBe(`0-0/${all}`);
    const none = await acme("GET", "/customers?limit=0", { headers: exact });
    expect([none.status, none.headers["content-range"], none.json]).toEqual([206, `*/${all}`, []]);
    const beyond = await acme("GET", "/customers?offset=100000", { headers: exact });
    expect([beyond.status, beyond.headers["content-range"], codeOf(beyond)]).toEqual([416, `*/${all}`, "PGRST103"]);
    expect((await acme("GET", "/customers?offset=100000")).headers["content-range"]).toBe("*/*");
    expect(codeOf(await acme("GET", "/customers", { headers: { range: "9-5" } }))).toBe("PGRST103");
    const head = await acme("HEAD", "/customers", { headers: exact });
    expect([head.status, head.text, head.headers["content-range"]]).toEqual([200, null, `0-${all - 1}/${all}`]);
  });

  test("no more rows than the limit, on any level", async () => {
    const few = await client(db, "acme", catalog, { maxRows: 3 });
    expect((await few("GET", "/customers?select=id&limit=100")).json).toHaveLength(3);
    const embedded = (await few("GET", "/products?select=invoice_items(id)")).json as { invoice_items: unknown[] }[];
    expect(Math.max(...embedded.map((row) => row.invoice_items.length))).toBeLessThanOrEqual(3);
  });

  test("embeds both ways, filtered, sorted and limited", async () => {
    const url =
      "/invoices?select=number,customers(name),lines:invoice_items(position,products(name))&lines.order=position.desc&lines.limit=2&lines.position=gt.0&number=not.is.null&order=number&limit=5";
    const { json } = await acme("GET", url);
    for (const row of json as { customers: { name: string }; lines: { position: number }[] }[]) {
      expect(row.customers.name).toEqual(expect.any(String));
      expect(row.lines.length).toBeLessThanOrEqual(2);
      expect(row.lines.map((line) => line.position)).toEqual(
        row.lines.map((line) => line.position).toSorted((a, b) => b - a),
      );
    }
  });

  test("inner embeds and empty ones filter", async () => {
    const exact = { headers: { prefer: "count=exact" } };
    const total = async (url: string) =>
      Number((await acme("GET", url, exact)).headers["content-range"]!.split("/")[1]);
    const all = await total("/customers?select=id");
    const billed = await total("/customers?select=id,invoices!inner(id)");
    const unbilled = await total("/customers?select=id,invoices()&invoices=is.null");
    expect(billed + unbilled).toBe(all);
    expect(await total("/customers?select=id,invoices()&invoices=not.is.null")).toBe(billed);
    expect(billed).toBe(
      await count("app.customers c where exists (select from app.invoices i where i.customer_id = c.id)"),
    );
    const paid = await total("/customers?select=id,invoices!inner(id)&invoices.status=eq.paid");
    expect(paid).toBe(
      await count(
        "app.customers c where exists (select from app.invoices i where i.customer_id = c.id and i.status = 'paid')",
      ),
    );
  });

  test("a column or alias that is called like one of ours stays what it is", async () => {
    const { json } = await acme(
      "GET",
      "/locations?select=t:name,t0:id,t2:kind,up:parent_id(t1:name,t2:kind)&parent_id=not.is.null&limit=1",
    );
    expect(Object.keys((json as Rows)[0]!)).toEqual(["t", "t0", "t2", "up"]);
    expect(Object.keys((json as { up: object }[])[0]!.up)).toEqual(["t1", "t2"]);
  });

  test("JSON paths, casts, arrays, full text", async () => {
    const { json } = await acme(
      "GET",
      "/customers?select=name,settings->>channel,c:credit_limit_cents::text&settings->>channel=eq.post&limit=3",
    );
    for (const row of json as Rows) expect(row["channel"]).toBe("post");
    const first = (
      (await acme("GET", "/products?select=name,tags&tags=not.eq.{}&limit=1")).json as {
        name: string;
        tags: string[];
      }[]
    )[0]!;
    const found = await acme(
      "GET",
      `/products?select=name&tags=cs.${encodeURIComponent(JSON.stringify(first.tags).replace(/^\[/, "{").replace(/]$/, "}"))}`,
    );
    expect(found.json).toContainEqual({ name: first.name });
    expect(
      (await acme("GET", `/products?select=name&name=plfts(simple).${encodeURIComponent(first.name)}`)).json,
    ).toContainEqual({ name: first.name });
  });

  test("starts-with finds what LIKE finds", async () => {
    const { json } = await acme("GET", "/customers?select=name&name=like.A*");
    expect((json as Rows).length).toBe(await count("app.customers where name like 'A%'"));
  });

  test("an object, CSV, stripped nulls", async () => {
    const one = await acme("GET", "/customers?select=name&limit=1", { headers: OBJECT });
    expect([one.status, one.headers["content-type"]]).toEqual([
      200,
      "application/vnd.pgrst.object+json; charset=utf-8",
    ]);
    expect(one.json).toEqual({ name: expect.any(String) });
    const many = await acme("GET", "/customers?select=name&limit=2", { headers: OBJECT });
    expect([many.status, many.json]).toEqual([
      406,
      {
        code: "PGRST116",
        message: "Cannot coerce the result to a single JSON object",
        details: "The result contains 2 rows",
        hint: null,
      },
    ]);
    const csv = await acme("GET", "/customers?select=number,name&order=number&limit=2", {
      headers: { accept: "text/csv" },
    });
    expect(csv.text).toMatch(/^number,name\nC-\d+,.*\nC-\d+,.*$/);
    expect((await acme("GET", "/customers?id=in.()", { headers: { accept: "text/csv" } })).text).toBe("\n");
    const stripped = await acme("GET", "/locations?select=name,parent_id&parent_id=is.null&limit=1", {
      headers: { accept: "application/vnd.pgrst.array+json;nulls=stripped" },
    });
    expect(Object.keys((stripped.json as Rows)[0]!)).toEqual(["name"]);
  });

  test("a view", async () => {
    const { json } = await acme("GET", "/invoice_totals?limit=1");
    expect(Object.keys((json as Rows)[0]!)).not.toContain("tenant_id");
    expect((await acme("OPTIONS", "/invoice_totals")).headers["allow"]).toBe("OPTIONS,GET,HEAD");
    expect((await acme("OPTIONS", "/customers")).headers["allow"]).toBe("OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE");
  });
});

describe("writing", () => {
  test("inserts one row, and says as much as was asked", async () => {
    const row = { name: "One", country: "NL", basis_points: 900, valid_from_on: "2020-01-01" };
    const silent = await acme("POST", "/tax_rates", { body: row });
    expect([silent.status, silent.text, silent.headers]).toEqual([201, null, { "content-range": "*/*" }]);
    const located = await acme("POST", "/tax_rates", {
      body: { ...row, name: "Two" },
      headers: { prefer: "return=headers-only" },
    });
    expect(located.headers["location"]).toMatch(/^\/rest\/v1\/tax_rates\?id=eq\.[0-9a-f-]{36}$/);
    const shown = await acme("POST", "/tax_rates?select=name,rate:basis_points", {
      body: { ...row, name: "Three" },
      headers: { prefer: "return=representation,count=exact" },
    });
    expect([shown.status, shown.json]).toEqual([201, [{ name: "Three", rate: 900 }]]);
    expect(shown.headers).toMatchObject({
      "content-range": "*/1",
      "preference-applied": "return=representation, count=exact",
    });
    expect(await count("app.tax_rates where name in ('One', 'Two', 'Three')")).toBe(3);
  });

  test("inserts many, embeds in what it shows, and leaves defaults to the database", async () => {
    const { id } = ((await acme("GET", "/customers?select=id&limit=1")).json as Rows)[0]!;
    const { status, json } = await acme("POST", "/invoices?select=status,customers(id)", {
      body: [{ customer_id: id }, { customer_id: id }],
      headers: SHOW,
    });
    expect([status, json]).toEqual([
      201,
      [
        { status: "draft", customers: { id } },
        { status: "draft", customers: { id } },
      ],
    ]);
    const columns = "columns=customer_id,status,currency";
    const body = [
      { customer_id: id, status: "draft", unread: 1 },
      { customer_id: id, currency: "USD" },
    ];
    const filled = await acme("POST", `/invoices?${columns}&select=status,currency`, {
      body,
      headers: { prefer: "missing=default,return=representation" },
    });
    expect(filled.json).toEqual([
      { status: "draft", currency: "EUR" },
      { status: "draft", currency: "USD" },
    ]);
    expect(codeOf(await acme("POST", `/invoices?${columns}`, { body }))).toBe("23502");
  });

  test("an empty list and an empty object", async () => {
    expect(await acme("POST", "/tax_rates", { body: [], headers: SHOW })).toMatchObject({ status: 201, json: [] });
    expect(await acme("POST", "/tax_rates", { body: {} })).toMatchObject({ status: 400, json: { code: "23502" } });
  });

  test("upserts by the tenant's own key", async () => {
    const { id } = await rate("Upserted");
    const again = { id, name: "Upserted", country: "DE", basis_points: 1900, valid_from_on: "2020-01-01" };
    const merge = { headers: { prefer: "resolution=merge-duplicates,return=representation" } };
    expect(await acme("POST", "/tax_rates?select=country", { body: again, ...merge })).toMatchObject({
      status: 200,
      json: [{ country: "DE" }],
    });
    const byName = await acme("POST", "/tax_rates?on_conflict=name&select=country", {
      body: [{ ...again, country: "FR" }],
      ...merge,
    });
    expect([byName.status, byName.json]).toEqual([200, [{ country: "FR" }]]);
    const mixed = await acme("POST", "/tax_rates?on_conflict=name&select=name", {
      body: [
        { ...again, country: "IT" },
        { ...again, id: crypto.randomUUID(), name: "Fresh" },
      ],
      ...merge,
    });
    expect([mixed.status, mixed.json]).toEqual([201, [{ name: "Upserted" }, { name: "Fresh" }]]);
    const ignored = await acme("POST", "/tax_rates?select=name", {
      body: again,
      headers: { prefer: "resolution=ignore-duplicates,return=representation" },
    });
    expect([ignored.status, ignored.json]).toEqual([201, []]);
    expect(codeOf(await acme("POST", "/tax_rates", { body: again }))).toBe("23505");
    expect(codeOf(await acme("POST", "/tax_rates?on_conflict=country", { body: again, ...merge }))).toBe("42P10");
  });

  test("changes and deletes what the filters pick", async () => {
    const { id } = await rate("Changed");
    const changed = await acme("PATCH", `/tax_rates?id=eq.${String(id)}&select=basis_points`, {
      body: { basis_points: 1 },
      headers: SHOW,
    });
    expect([changed.status, changed.json, changed.headers["content-range"]]).toEqual([
      200,
      [{ basis_points: 1 }],
      "0-0/*",
    ]);
    expect(await acme("PATCH", `/tax_rates?id=eq.${String(id)}`, { body: { basis_points: 2 } })).toMatchObject({
      status: 204,
      text: null,
    });
    expect(await acme("PATCH", `/tax_rates?id=eq.${String(id)}`, { body: {}, headers: SHOW })).toMatchObject({
      status: 200,
      json: [],
    });
    expect(await acme("PATCH", "/tax_rates?name=eq.nobody", { body: { basis_points: 2 } })).toMatchObject({
      status: 204,
      headers: { "content-range": "*/*" },
    });
    const deleted = await acme("DELETE", `/tax_rates?id=eq.${String(id)}`, {
      headers: { prefer: "return=representation,count=exact" },
    });
    expect([deleted.status, deleted.json, deleted.headers["content-range"]]).toEqual([
      200,
      [expect.objectContaining({ id })],
      "*/1",
    ]);
    expect(await acme("DELETE", `/tax_rates?id=eq.${String(id)}`)).toMatchObject({ status: 204, text: null });
  });

  test("an inner embed narrows what is shown, not what is changed", async () => {
    const { id } = await rate("Unused");
    const url = `/tax_rates?id=eq.${String(id)}&select=id,products!inner(id)`;
    const { status, json } = await acme("PATCH", url, { body: { basis_points: 3 }, headers: SHOW });
    expect([status, json]).toEqual([200, []]);
    expect(await count("app.tax_rates where name = 'Unused' and basis_points = 3")).toBe(1);
  });

  test("a refusal for the number of rows takes the write back", async () => {
    await Promise.all([rate("Many 1"), rate("Many 2")]);
    const body = { basis_points: 7 };
    const single = await acme("PATCH", "/tax_rates?name=like.Many*", { body, headers: { ...OBJECT, ...SHOW } });
    expect([single.status, single.json]).toEqual([
      406,
      {
        code: "PGRST116",
        message: "Cannot coerce the result to a single JSON object",
        details: "The result contains 2 rows",
        hint: null,
      },
    ]);
    const limited = await acme("DELETE", "/tax_rates?name=like.Many*", {
      headers: { prefer: "handling=strict,max-affected=1" },
    });
    expect([limited.status, codeOf(limited)]).toEqual([400, "PGRST124"]);
    const few = await client(db, "acme", catalog, { maxRows: 1, maxInsertRows: 1 });
    expect(codeOf(await few("PATCH", "/tax_rates?name=like.Many*", { body, headers: SHOW }))).toBe("RH112");
    expect(await count("app.tax_rates where name like 'Many%' and basis_points = 2100")).toBe(2);
  });

  test("digits arrive as they were sent", async () => {
    const body =
      '{"sku":"BIG","name":"Big","price_cents":9007199254740993,"tax_rate_id":"' +
      String((await rate("Digits"))["id"]) +
      '","attributes":{"pi":3.10,"n":12345678901234567890}}';
    const { status, text } = await acme("POST", "/products?select=price_cents,attributes", {
      body,
      headers: { ...SHOW, ...OBJECT },
    });
    expect([status, text]).toEqual([
      201,
      '{"price_cents":9007199254740993,"attributes":{"n": 12345678901234567890, "pi": 3.10}}',
    ]);
  });
});

test("by-id reads use the index of (tenant_id, id), and decide the tenant once", async () => {
  await db.admin.query("analyze app.customers");
  const { statement } = await acme("GET", `/customers?id=eq.${crypto.randomUUID()}&select=*`);
  const [plan] = await runScoped(db.api, acme.scope, "read", [
    { text: `explain ${statement!.text}`, values: statement!.values },
  ]);
  const lines = plan!.rows.map(([line]) => line).join("\n");
  expect(lines).toContain("One-Time Filter");
  expect(lines).toMatch(/Index Scan using customers_pkey/);
  expect(lines).toMatch(/Index Cond: \(\(tenant_id = .* AND \(id = /);
});
