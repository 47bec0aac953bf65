import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MediaHandler } from "../../src/catalog/catalog.ts";
import { mimeOf, parseAccept } from "../../src/rest/request/accept.ts";
import { decodeBody } from "../../src/rest/request/media.ts";
import { negotiate, negotiateRoot, type Offer } from "../../src/rest/target/negotiate.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { SETTINGS } from "./fixture.ts";
import { client, codeOf, readCatalog, type Client } from "./served.ts";

const ROWS: Offer = { shape: "rows", mediaType: null, relation: { name: "customers" }, isWhole: true };
const HANDLERS: MediaHandler[] = [
  { mediaType: "text/tab-separated-values", aggregate: `"app"."tsv"`, relation: null },
  { mediaType: "text/tab-separated-values", aggregate: `"app"."customers_tsv"`, relation: "customers" },
  { mediaType: "application/x-bytes", aggregate: `"app"."bytes"`, relation: "customers" },
  { mediaType: "*/*", aggregate: `"app"."anything"`, relation: "products" },
];
const choose = (accept: string | undefined, offer: Partial<Offer> = {}, plans = false) =>
  negotiate(accept, { ...ROWS, ...offer }, { handlers: HANDLERS }, { plans });
const typeOf = (accept: string | undefined, offer: Partial<Offer> = {}, plans = false) =>
  choose(accept, offer, plans).contentType;

const JSON_TYPE = "application/json; charset=utf-8";

describe("Accept", () => {
  test.each([
    ["a/b;q=0.1, c/d", ["c/d", "a/b"]],
    ["*/*, a/b, c/d;x=y", ["c/d;x=y", "a/b", "*/*"]],
    ["a/b;q=x, c/d", ["a/b", "c/d"]],
    ["text/html, application/xhtml+xml, */*;q=0.8", ["text/html", "application/xhtml+xml", "*/*"]],
    ["TEXT/CSV; charset=utf-8", ["text/csv"]],
    ["application/vnd.pgrst.array", ["application/json"]],
    ["application/vnd.PGRST.object; nulls=stripped", ["application/vnd.pgrst.object+json;nulls=stripped"]],
    ["application/vnd.pgrst.plan", ['application/vnd.pgrst.plan+text; for="application/json"']],
    [
      'application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object+json;nulls=stripped"; options=wal|analyze;',
      ['application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object+json;nulls=stripped"; options=analyze|wal'],
    ],
    // What postgrest-js sends when it has no options.
    ['application/vnd.pgrst.plan+text; for="text/csv"; options=;', ['application/vnd.pgrst.plan+text; for="text/csv"']],
    ["nonsense", ["nonsense"]],
  ])("%s", (header, types) => expect(parseAccept(header).map(mimeOf)).toEqual(types));
});

describe("what can be had", () => {
  test.each([
    [undefined, JSON_TYPE],
    ["", JSON_TYPE],
    ["image/png, */*;q=0.1", JSON_TYPE],
    ["application/json;q=0.1, text/csv", "text/csv; charset=utf-8"],
    ["application/geo+json", "application/geo+json; charset=utf-8"],
    [
      "application/vnd.pgrst.array+json;nulls=stripped",
      "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
    ],
    ["application/vnd.pgrst.object", "application/vnd.pgrst.object+json; charset=utf-8"],
    ["text/tab-separated-values", "text/tab-separated-values"],
  ])("%s", (accept, type) => expect(typeOf(accept)).toBe(type));

  test.each(["text/plain", "application/octet-stream", "text/xml", "application/openapi+json", "application/*"])(
    "not %s",
    (accept) =>
      expect(() => typeOf(`${accept};q=0.5, image/png`)).toThrow(
        expect.objectContaining({
          code: "PGRST107",
          status: 406,
          message: `None of these media types are available: image/png, ${accept}`,
        }),
      ),
  );

  test("an aggregate of the relation comes first, and only for whole rows", () => {
    const tsv = "text/tab-separated-values";
    expect(choose(tsv)).toMatchObject({ takesRow: true, isRaw: true });
    expect(choose(tsv).body).toContain(`"app"."customers_tsv"(t."rowhouse row")`);
    expect(choose(tsv, { isWhole: false }).body).toContain(`"app"."tsv"(t.*)`);
    expect(choose(tsv, { relation: null }).takesRow).toBe(false);
    expect(() => choose("application/x-bytes", { isWhole: false })).toThrow("None of these media types");
  });

  test("a wildcard of the relation answers whatever is asked for, as bytes", () => {
    const products = { relation: { name: "products" } };
    for (const accept of ["image/png", "application/json", undefined])
      expect(typeOf(accept, products)).toBe("application/octet-stream");
    expect(typeOf(undefined, { ...products, isWhole: false })).toBe(JSON_TYPE);
    // Types of ours can't be taken over.
    expect(typeOf("application/vnd.pgrst.object+json", products)).toBe(
      "application/vnd.pgrst.object+json; charset=utf-8",
    );
  });

  test("a function's value of a domain that is named like a type", () => {
    const html: Partial<Offer> = { shape: "scalar", mediaType: "text/html", relation: null, isWhole: false };
    expect(choose("text/html", html)).toMatchObject({ contentType: "text/html", isRaw: true });
    expect(typeOf("*/*", html)).toBe(JSON_TYPE);
    expect(typeOf("image/png, */*", { ...html, mediaType: "image/png" })).toBe("image/png");
    expect(typeOf("text/plain", { ...html, mediaType: "text/plain" })).toBe("text/plain; charset=utf-8");
    expect(typeOf("app/bingo", { ...html, mediaType: "*/*" })).toBe("application/octet-stream");
    expect(() => choose("text/xml", html)).toThrow("None of these media types are available: text/xml");
  });

  test("plans are shown only where they are switched on", () => {
    const accept = 'application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object"; options=verbose';
    expect(() => choose(accept)).toThrow(
      'None of these media types are available: application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object+json"; options=verbose',
    );
    expect(choose(accept, {}, true)).toMatchObject({
      contentType:
        'application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object+json"; options=verbose; charset=utf-8',
      isSingle: false,
      plan: { format: "json", options: ["verbose"] },
    });
    expect(() => choose('application/vnd.pgrst.plan; for="image/png"', {}, true)).toThrow("None of these");
  });

  test("the root has its description alone", () => {
    const type = "application/openapi+json; charset=utf-8";
    for (const accept of [undefined, "application/json", "text/html, */*;q=0.1", "application/openapi+json"])
      expect(negotiateRoot(accept)).toBe(type);
    expect(() => negotiateRoot("text/csv")).toThrow("None of these media types are available: text/csv");
  });
});

describe("bodies", () => {
  let db: TestDatabase;
  let acme: Client;
  let planned: Client;
  beforeAll(async () => {
    db = await testDatabase();
    await db.admin.query(`
      create domain app."text/tab-separated-values" as text;
      create domain app."application/x-bytes" as bytea;
      create domain app."application/x-some" as json;
      create function app.tsv_step(text, anyelement) returns text language sql as
        $$ select $1 || (select string_agg(value, e'\\t') from json_each_text(row_to_json($2))) || e'\\n' $$;
      create function app.tsv_end(text) returns app."text/tab-separated-values" language sql as $$ select $1 $$;
      create aggregate app.tsv(anyelement) (sfunc = app.tsv_step, stype = text, initcond = '', finalfunc = app.tsv_end);
      create function app.bytes_step(bytea, app.tax_rates) returns bytea language sql as
        $$ select $1 || decode('00ff', 'hex') || convert_to($2.name, 'UTF8') $$;
      create function app.bytes_end(bytea) returns app."application/x-bytes" language sql as $$ select $1 $$;
      create aggregate app.bytes(app.tax_rates)
        (sfunc = app.bytes_step, stype = bytea, initcond = '', finalfunc = app.bytes_end);
      create domain app."application/x-rows" as text;
      create function app.rows_step(text, app.tax_rates) returns text language sql as $$ select $1 || row_to_json($2) || e'\\n' $$;
      create function app.rows_end(text) returns app."application/x-rows" language sql as $$ select $1 $$;
      create aggregate app.rows(app.tax_rates) (sfunc = app.rows_step, stype = text, initcond = '', finalfunc = app.rows_end);
      create function app.none_step(json, app.tax_rates) returns json language sql as $$ select $1 $$;
      create function app.none_end(json) returns app."application/x-some" language sql as $$ select $1 $$;
      create aggregate app.nothing(app.tax_rates) (sfunc = app.none_step, stype = json, finalfunc = app.none_end);
      create domain app."text/html" as text;
      create domain app."*/*" as bytea;
      create function app.page(title text) returns app."text/html" language sql stable as $$ select '<h1>' || title || '</h1>' $$;
      create function app.anything() returns app."*/*" language sql stable as $$ select decode('00fe', 'hex') $$;
      create function app.some_rates() returns setof app.tax_rates language sql stable as
        $$ select * from app.tax_rates order by name limit 2 $$;
      grant execute on all functions in schema app to rowhouse_api;
    `);
    const catalog = await readCatalog(db);
    acme = await client(db, "acme", catalog);
    planned = await client(db, "acme", catalog, {}, { ...SETTINGS, plans: true });
  });
  afterAll(() => db?.close());

  const get = (url: string, accept: string, speak = acme) => speak("GET", url, { headers: { accept } });
  const bytesOf = (answer: object) => (answer as { body: string | Buffer | null }).body;

  test("csv, as PostgreSQL prints rows", async () => {
    const { text, headers } = await get("/tax_rates?select=name&limit=0", "text/csv");
    expect([headers["content-type"], text]).toEqual(["text/csv; charset=utf-8", "\n"]);
    await db.admin.query(
      `update app.customers set name = 'a "b", c' where id = (select id from app.customers where tenant_id = $1 order by id limit 1)`,
      [acme.tenantId],
    );
    const csv = await get("/customers?select=id,name&order=id&limit=1", "text/csv");
    expect(csv.text).toMatch(/^id,name\n[0-9a-f-]{36},"a ""b"", c"$/);
  });

  test("nulls can be left out, of lists and of one row", async () => {
    const rows = (
      await get("/invoices?select=number&number=is.null&limit=2", "application/vnd.pgrst.array;nulls=stripped")
    ).json as object[];
    expect(rows).toEqual([{}, {}]);
    const { json } = await get("/customers?limit=1", "application/vnd.pgrst.object+json;nulls=stripped");
    expect(Object.values(json as object)).not.toContain(null);
  });

  test("one row, or a refusal that says how many there are", async () => {
    const one = await get("/customers?select=id&limit=1", "application/vnd.pgrst.object+json");
    expect(one.json).toEqual({ id: expect.any(String) });
    const none = await get("/customers?select=id&limit=0", "application/vnd.pgrst.object");
    expect([none.status, none.json]).toEqual([
      406,
      {
        code: "PGRST116",
        message: "Cannot coerce the result to a single JSON object",
        details: "The result contains 0 rows",
        hint: null,
      },
    ]);
  });

  test("geojson takes PostGIS, whose absence PostgreSQL tells", async () => {
    const { rows } = await db.admin.query("select from pg_extension where extname = 'postgis'");
    expect(rows).toEqual([]);
    const { status, json } = await get("/customers?limit=1", "application/geo+json");
    expect([status, json]).toEqual([
      404,
      expect.objectContaining({ code: "42883", message: "function st_asgeojson(record) does not exist" }),
    ]);
    // In its place, one that takes any row.
    await db.admin.query(`create function public.st_asgeojson(anyelement) returns text language sql as
      $$ select json_build_object('type', 'Feature', 'properties', row_to_json($1))::text $$;
      grant usage on schema public to rowhouse_api; grant execute on function public.st_asgeojson(anyelement) to rowhouse_api`);
    const one = await get("/tax_rates?select=name&order=name&limit=1", "application/geo+json");
    expect([one.headers["content-type"], one.json]).toEqual([
      "application/geo+json; charset=utf-8",
      {
        type: "FeatureCollection",
        features: [{ type: "Feature", properties: { name: expect.any(String) } }],
      },
    ]);
    const none = await get("/tax_rates?limit=0", "application/geo+json");
    expect(none.json).toEqual({ type: "FeatureCollection", features: [] });
  });

  test("an aggregate for any rows gets those that are selected, without tenant_id", async () => {
    const { text, headers } = await get("/tax_rates?select=name&order=name&limit=2", "text/tab-separated-values");
    const { json } = await acme("GET", "/tax_rates?select=name&order=name&limit=2");
    expect(headers["content-type"]).toBe("text/tab-separated-values");
    expect(text).toBe((json as { name: string }[]).map(({ name }) => `${name}\n`).join(""));
    const whole = await get("/tax_rates?limit=1", "text/tab-separated-values");
    expect(whole.text).not.toContain(acme.tenantId);
  });

  test("an aggregate of the relation gets its rows, and may make bytes", async () => {
    const answer = await get("/tax_rates?order=name&limit=1", "application/x-bytes");
    const name = ((await acme("GET", "/tax_rates?order=name&limit=1")).json as { name: string }[])[0]!.name;
    expect([answer.status, bytesOf(answer)]).toEqual([200, Buffer.concat([Buffer.from([0, 255]), Buffer.from(name)])]);
    expect(codeOf(await get("/tax_rates?select=id", "application/x-bytes"))).toBe("PGRST107");
    const head = await acme("HEAD", "/tax_rates", { headers: { accept: "application/x-bytes" } });
    expect([head.status, head.headers["content-type"], bytesOf(head)]).toEqual([200, "application/x-bytes", null]);
    const nothing = await get("/tax_rates", "application/x-some");
    expect([nothing.status, nothing.text]).toEqual([200, ""]);
  });

  test("one that shows the rows as they are doesn't show whose they are", async () => {
    const headers = { prefer: "return=representation" };
    const body = { name: "Whole", basis_points: 300, country: "NL", valid_from_on: "2026-01-01" };
    const answers = [
      await get("/tax_rates?order=name", "application/x-rows"),
      await get("/rpc/some_rates", "application/x-rows"),
      await acme("POST", "/tax_rates", { body, headers: { ...headers, accept: "application/x-rows" } }),
    ];
    for (const { text } of answers) {
      const rows = text!
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.map((row) => row["tenant_id"])).toEqual(rows.map(() => null));
      expect(rows.every((row) => typeof row["name"] === "string" && row["id"] !== null)).toBe(true);
    }
    await acme("DELETE", "/tax_rates?name=eq.Whole");
  });

  test("a function's own type, and the relation's for a function of its rows", async () => {
    const page = await get("/rpc/page?title=Hi", "text/html");
    expect([page.status, page.headers["content-type"], page.text]).toEqual([200, "text/html", "<h1>Hi</h1>"]);
    expect((await get("/rpc/page?title=Hi", "*/*")).json).toBe("<h1>Hi</h1>");
    expect((await get("/rpc/page?title=Hi", "application/vnd.pgrst.object+json")).json).toBe("<h1>Hi</h1>");
    expect(codeOf(await get("/rpc/page?title=Hi", "text/xml"))).toBe("PGRST107");
    const anything = await get("/rpc/anything", "image/png");
    expect([anything.headers["content-type"], bytesOf(anything)]).toEqual([
      "application/octet-stream",
      Buffer.from([0, 254]),
    ]);
    const rates = await get("/rpc/some_rates", "application/x-bytes");
    expect([rates.status, (bytesOf(rates) as Buffer).subarray(0, 2)]).toEqual([200, Buffer.from([0, 255])]);
    expect((await get("/rpc/some_rates?select=name", "text/csv")).text).toMatch(/^name\n.+\n.+$/);
  });

  test("what a write answers has the same types; one that answers nothing only has to be asked for one that exists", async () => {
    const write = (accept: string, prefer: string, speak = acme) =>
      speak("POST", "/tax_rates", {
        body: { name: `Rate ${accept} ${prefer}`, basis_points: 500, country: "DE", valid_from_on: "2030-01-01" },
        headers: { accept, prefer },
      });
    const bytes = await write("application/x-bytes", "return=representation");
    expect([bytes.status, bytes.headers["content-type"]]).toEqual([201, "application/x-bytes"]);
    expect((bytesOf(bytes) as Buffer).subarray(0, 2)).toEqual(Buffer.from([0, 255]));
    const csv = await write("text/csv", "return=representation");
    expect([csv.status, csv.text?.split("\n").length]).toEqual([201, 2]);
    expect((await write("image/png", "return=minimal")).status).toBe(406);
    const plan = await write("application/vnd.pgrst.plan+json", "return=representation", planned);
    expect([plan.status, plan.headers["content-range"]]).toEqual([200, undefined]);
    expect(JSON.stringify(plan.json)).toContain("ModifyTable");
    const { json } = await acme("GET", "/tax_rates?name=like.*plan*");
    expect(json).toEqual([]); // explained, not done
  });

  test("plans, when they are switched on", async () => {
    const accept = "application/vnd.pgrst.plan+json; options=verbose";
    expect(codeOf(await get("/customers", accept))).toBe("PGRST107");
    const { status, headers, json } = await get("/customers?name=eq.x", accept, planned);
    expect([status, headers]).toEqual([
      200,
      {
        "content-type": 'application/vnd.pgrst.plan+json; for="application/json"; options=verbose; charset=utf-8',
      },
    ]);
    expect((json as object[])[0]).toHaveProperty("Plan");
    const text = await get("/customers", "application/vnd.pgrst.plan", planned);
    expect(text.text).toMatch(/^Aggregate .*\n/);
    expect(text.text?.endsWith("\n")).toBe(true);
    // The one row that its type wants is not looked for: nothing was read.
    const single = await get("/customers", 'application/vnd.pgrst.plan; for="application/vnd.pgrst.object"', planned);
    expect(single.status).toBe(200);
  });
});

test("a value of an app is bytes or text, as its type has it", () => {
  const raw = { ...choose("application/x-bytes") };
  expect(decodeBody(raw, "b\\x00ff")).toEqual(Buffer.from([0, 255]));
  expect(decodeBody(raw, "t\\x00ff")).toBe("\\x00ff");
  expect(decodeBody(raw, null)).toBe("");
  expect(decodeBody(choose(undefined), "b")).toBe("b");
});
