import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { SETTINGS, type Said } from "./fixture.ts";
import { client, codeOf, readCatalog, type Client } from "./served.ts";

let db: TestDatabase;
let acme: Client;
beforeAll(async () => {
  db = await testDatabase();
  acme = await client(db, "acme", await readCatalog(db));
});
afterAll(() => db.close());

describe("refusals", () => {
  const REFUSED: readonly (readonly [
    method: string,
    url: string,
    status: number,
    code: string,
    message: string,
    said?: Said,
  ])[] = [
    ["GET", "/nothing", 404, "PGRST205", "Could not find the table 'app.nothing' in the schema cache"],
    ["GET", "/customers?nam=eq.x", 400, "42703", "column customers.nam does not exist"],
    ["GET", "/customers?select=nam", 400, "42703", "column customers.nam does not exist"],
    ["GET", "/customers?order=nam", 400, "42703", "column customers.nam does not exist"],
    [
      "PATCH",
      "/customers",
      400,
      "PGRST204",
      "Could not find the 'nam' column of 'customers' in the schema cache",
      { body: { nam: 1 } },
    ],
    ["GET", "/customers?id=eq.x", 400, "22P02", 'invalid input syntax for type uuid: "x"'],
    ["GET", "/customers?id=like.x", 404, "42883", "operator does not exist: uuid ~~ unknown"],
    ["GET", "/customers?name=noop.x", 400, "PGRST100", '"failed to parse filter (noop.x)" (line 1, column 1)'],
    [
      "GET",
      "/customers?select=id,products(id)",
      400,
      "PGRST200",
      "Could not find a relationship between 'customers' and 'products' in the schema cache",
    ],
    ["GET", "/customers?invoices.id=eq.1", 400, "PGRST108", "'invoices' is not an embedded resource in this request"],
    [
      "GET",
      "/customers?select=invoices(id)&order=invoices(id)",
      400,
      "PGRST118",
      "A related order on 'invoices' is not possible",
    ],
    ["GET", "/customers?select=id.count()", 400, "PGRST123", "Use of aggregate functions is not allowed"],
    ["GET", "/customers?name=match.(a)%5C1", 400, "RH112", "The regular expression refers back to a group"],
    ["GET", "/customers?select=id::regclass", 400, "42704", 'type "regclass" does not exist'],
    [
      "GET",
      "/customers?name=like.*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*",
      400,
      "RH112",
      "The pattern has 18 wildcards and 35 characters; at most 16 and 1000 are accepted",
    ],
    ["GET", "/customers?limit=-1", 416, "PGRST103", "Requested range not satisfiable"],
    [
      "GET",
      "/customers",
      406,
      "PGRST107",
      "None of these media types are available: image/png",
      { headers: { accept: "image/png" } },
    ],
    ["GET", "/customers", 406, "PGRST106", "Invalid schema: platform", { headers: { "accept-profile": "platform" } }],
    ["TRACE", "/customers", 405, "PGRST117", "Unsupported HTTP method: TRACE"],
    ["GET", "/customers/1", 404, "PGRST125", "Invalid path specified in request URL"],
    ["POST", "/rpc/f", 404, "PGRST202", "Could not find the function app.f without parameters in the schema cache"],
    ["POST", "/customers", 400, "PGRST102", "Empty or invalid json", { body: "{" }],
    ["DELETE", "/invoice_totals", 405, "RH109", "The view 'invoice_totals' does not take delete"],
    [
      "POST",
      "/products",
      400,
      "428C9",
      'cannot insert a non-DEFAULT value into column "margin_cents"',
      { body: { margin_cents: 1 } },
    ],
    [
      "GET",
      "/customers?select=invoices(invoice_items(products(invoice_items(invoices(id)))))",
      400,
      "RH112",
      "Embeds are nested deeper than 4 levels",
    ],
  ];

  for (const [method, url, status, code, message, said] of REFUSED) {
    test(`${method} ${url}: ${status} ${code}`, async () => {
      const served = await acme(method, url, said);
      expect([served.status, served.json]).toEqual([status, expect.objectContaining({ code, message })]);
      expect(served.headers["proxy-status"]).toBe(`PostgREST; error=${code}`);
    });
  }

  test("an embed that has an alias goes by its alias alone, where that is set", async () => {
    const select = "/customers?select=id,bills:invoices(id)&limit=1";
    const strict = await client(db, "acme", await readCatalog(db), {}, { ...SETTINGS, legacyTargetNames: false });
    expect([
      (await acme("GET", `${select}&invoices.limit=1`)).status,
      (await strict("GET", `${select}&bills.limit=1`)).status,
    ]).toEqual([200, 200]);
    expect((await strict("GET", `${select}&invoices.limit=1`)).json).toEqual({
      code: "PGRST108",
      details: "Target names are not allowed in filters if they have an alias",
      hint: "Change 'invoices' to 'bills' in filters, orders or limits.",
      message: "'invoices' is not an embedded resource in this request",
    });
    const both = "/customers?select=invoices(id),bills:invoices(id)&invoices.limit=1&bills.limit=1&limit=1";
    expect((await strict("GET", both)).status).toBe(200);
  });

  test("a hint names what is served and nothing else", async () => {
    expect((await acme("GET", "/custmers")).json).toMatchObject({
      hint: "Perhaps you meant the table 'app.customers'",
    });
    expect((await acme("GET", "/tenants")).json).toMatchObject({ code: "PGRST205", hint: null });
  });

  const NAMING: readonly (readonly [method: string, url: string, body?: unknown])[] = [
    ["GET", "/customers?select=tenant_id"],
    ["GET", "/customers?select=tenant_id:id"],
    ["GET", "/customers?tenant_id=eq.1"],
    ["GET", "/customers?or=(id.is.null,tenant_id.is.null)"],
    ["GET", "/customers?order=tenant_id"],
    ["GET", "/customers?select=invoices(tenant_id)"],
    ["GET", "/customers?select=invoices(id)&invoices.tenant_id=eq.1"],
    ["POST", "/customers", { tenant_id: "x", name: "x" }],
    ["POST", "/customers", [{ name: "x" }, { tenant_id: "x" }]],
    ["POST", "/customers?columns=name", { tenant_id: "x", name: "x" }],
    ["POST", "/customers?columns=tenant_id,name", { name: "x" }],
    ["PATCH", "/customers?id=is.null", { tenant_id: "x" }],
    ["POST", "/customers?on_conflict=tenant_id,id", { name: "x" }],
  ];
  for (const [method, url, body] of NAMING) {
    test(`${method} ${url} does not take tenant_id`, async () => {
      const served = await acme(method, url, { body, headers: { prefer: "resolution=merge-duplicates" } });
      expect([served.status, codeOf(served)]).toEqual([400, "RH111"]);
    });
  }

  test("nothing that the database says names tenant_id", async () => {
    const twice = { name: "Twice", country: "NL", basis_points: 1, valid_from_on: "2020-01-01" };
    expect((await acme("POST", "/tax_rates", { body: twice })).status).toBe(201);
    for (const [method, url, body] of [
      ["POST", "/tax_rates", twice],
      ["POST", "/products", { sku: "A", name: "A", price_cents: 1, tax_rate_id: crypto.randomUUID() }],
      ["DELETE", "/customers", undefined],
    ] as const) {
      const served = await acme(method, url, { body });
      expect(served.status).toBe(409);
      expect(served.text).not.toContain("tenant_id");
    }
  });
});
