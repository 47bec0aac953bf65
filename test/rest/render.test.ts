import { describe, expect, test } from "vitest";
import { ask, TENANT, type Said } from "./fixture.ts";

/** Statement text without its envelope, and the values after the tenant's. */
async function sql(url: string, said: Said = {}): Promise<{ text: string; values: readonly unknown[] }> {
  const { statement } = await ask(url, said);
  const rows = / from \((select .*)\) t$/s.exec(statement.text)?.[1];
  return { text: rows ?? statement.text, values: statement.values.filter((value) => value !== TENANT) };
}

const FILTERS: readonly (readonly [query: string, where: string, ...values: string[]])[] = [
  ["id=eq.x", `t0."id" = $2::uuid`, "x"],
  ["name=neq.x", `t0."name" <> $2::text`, "x"],
  ["credit=gte.5", `t0."credit" >= $2::bigint`, "5"],
  ["name=not.eq.x", `not (t0."name" = $2::text)`, "x"],
  ["name=like.*x*", `t0."name" like $2`, "%x%"],
  ["name=like.x*", `(t0."name" ^@ $3::text and t0."name" like $2)`, "x%", "x"],
  ["name=ilike.x*", `t0."name" ilike $2`, "x%"],
  ["name=like(any).{a*,b*}", `t0."name" like any($2)`, "{a%,b%}"],
  ["name=eq(any).{a,b}", `t0."name" = any($2::text[])`, "{a,b}"],
  ["name=is.null", `t0."name" is null`],
  ["name=not.is.NOT_NULL", `not (t0."name" is not null)`],
  ["name=isdistinct.x", `t0."name" is distinct from $2::text`, "x"],
  ['id=in.(a,"b,c","d\\"e", f)', `t0."id" = any($2::uuid[])`, '{"a","b,c","d\\"e"," f"}'],
  ["id=in.()", "false"],
  ["tags=cs.{a,b}", `t0."tags" @> $2`, "{a,b}"],
  ["tags=in.({a},{b})", `t0."tags" in ($2::text[], $3::text[])`, "{a}", "{b}"],
  ["settings->a->>b=eq.1", `(t0."settings"->$2::text->>$3::text) = $4::text`, "a", "b", "1"],
  ["settings->0=eq.1", `(t0."settings"->(0)) = $2::jsonb`, "1"],
  ["tags->-1=eq.1", `(to_jsonb(t0."tags")->(-1)) = $2::jsonb`, "1"],
  ["name=fts(dutch).x", `to_tsvector($2::regconfig, t0."name") @@ to_tsquery($2::regconfig, $3::text)`, "dutch", "x"],
  ["name=wfts.x", `to_tsvector(t0."name") @@ websearch_to_tsquery($2::text)`, "x"],
  [
    "or=(name.eq.a,and(city.is.null,not.or(credit.gt.1,credit.lt.0)))",
    `(t0."name" = $2::text or (t0."city" is null and not (t0."credit" > $3::bigint or t0."credit" < $4::bigint)))`,
    "a",
    "1",
    "0",
  ],
  ["not.and=(name.eq.a,tags.ov.{x,y})", `not (t0."name" = $2::text and t0."tags" && $3)`, "a", "{x,y}"],
  ["name=eq.a&name=neq.b", `t0."name" = $2::text and t0."name" <> $3::text`, "a", "b"],
  ["name=eq.a+b%2Bc", `t0."name" = $2::text`, "a b+c"],
];

describe("filters", () => {
  test.each(FILTERS)("%s", async (query, where, ...values) => {
    const { text, values: bound } = await sql(`/customers?select=id&${query}`);
    expect(text).toBe(
      `select t0."id" as "id" from "app"."customers" t0 where t0.tenant_id = $1 and ${where} limit 1000`,
    );
    expect(bound).toEqual(values);
  });

  test("a tsvector is searched as it stands", async () => {
    expect((await sql("/products?select=id&search=fts.x")).text).toContain(
      `where t0.tenant_id = $1 and t0."search" @@ to_tsquery($2::text)`,
    );
  });
});

const SHAPES: readonly (readonly [query: string, text: string])[] = [
  ["/labels", `select "id", "word" from "app"."labels" t0 where t0.tenant_id = $1 limit 1000`],
  ["/labels?select=", `select  from "app"."labels" t0 where t0.tenant_id = $1 limit 1000`],
  [
    "/labels?select=w:word::varchar",
    `select cast(t0."word" as varchar) as "w" from "app"."labels" t0 where t0.tenant_id = $1 limit 1000`,
  ],
  ["/countries?select=code", `select t0."code" as "code" from "app"."countries" t0 limit 1000`],
  [
    "/labels?select=id&limit=5&offset=10",
    `select t0."id" as "id" from "app"."labels" t0 where t0.tenant_id = $1 limit 5 offset 10`,
  ],
  [
    "/labels?select=id&limit=5&offset=105",
    `select t0."id" as "id" from "app"."labels" t0 where t0.tenant_id = $1 limit 5 offset $2::bigint`,
  ],
  [
    "/labels?select=id&limit=5&offset=7",
    `select t0."id" as "id" from "app"."labels" t0 where t0.tenant_id = $1 limit 5 offset $2::bigint`,
  ],
  ["/labels?select=id&limit=5000", `select t0."id" as "id" from "app"."labels" t0 where t0.tenant_id = $1 limit 1000`],
  [
    "/labels?select=id&order=word.desc.nullslast,id",
    `select t0."id" as "id" from "app"."labels" t0 where t0.tenant_id = $1 order by t0."word" desc nulls last, t0."id" limit 1000`,
  ],
  [
    "/invoices?select=customers(name)",
    `select (select row_to_json(t2.*) from (select t1."name" as "name" from "app"."customers" t1 where t1.tenant_id = $1 and t1.tenant_id = t0.tenant_id and t1."id" = t0."customer_id") t2) as "customers" from "app"."invoices" t0 where t0.tenant_id = $1 limit 1000`,
  ],
  [
    "/customers?select=bills:invoices!invoices_customer_fkey(id)&bills.limit=2&bills.number=eq.1",
    `select (select coalesce(json_agg(t2.*), '[]') from (select t1."id" as "id" from "app"."invoices" t1 where t1.tenant_id = $1 and t1."number" = $2::text and t1.tenant_id = t0.tenant_id and t1."customer_id" = t0."id" limit 2) t2) as "bills" from "app"."customers" t0 where t0.tenant_id = $1 limit 1000`,
  ],
  [
    "/customers?select=id,invoices!inner()",
    `select t0."id" as "id" from "app"."customers" t0 where t0.tenant_id = $1 and exists (select from "app"."invoices" t1 where t1.tenant_id = $1 and t1.tenant_id = t0.tenant_id and t1."customer_id" = t0."id") limit 1000`,
  ],
  [
    "/customers?select=id,invoices()&invoices=is.null",
    `select t0."id" as "id" from "app"."customers" t0 where t0.tenant_id = $1 and not exists (select from "app"."invoices" t1 where t1.tenant_id = $1 and t1.tenant_id = t0.tenant_id and t1."customer_id" = t0."id") limit 1000`,
  ],
  [
    "/products?select=labels(word)",
    `select (select coalesce(json_agg(t2.*), '[]') from (select t1."word" as "word" from "app"."labels" t1 where t1.tenant_id = $1 and t1.tenant_id = t0.tenant_id and exists (select from "app"."product_labels" t3 where t3.tenant_id = $1 and t3.tenant_id = t0.tenant_id and t3."product_id" = t0."id" and t3.tenant_id = t1.tenant_id and t3."label_id" = t1."id") limit 1000) t2) as "labels" from "app"."products" t0 where t0.tenant_id = $1 limit 1000`,
  ],
  [
    "/invoices?select=id,customers()&order=customers(name).desc",
    `select t0."id" as "id" from "app"."invoices" t0 where t0.tenant_id = $1 order by (select t1."name" from "app"."customers" t1 where t1.tenant_id = $1 and t1.tenant_id = t0.tenant_id and t1."id" = t0."customer_id") desc limit 1000`,
  ],
];

describe("select, order, embeds", () => {
  test.each(SHAPES)("%s", async (url, text) => {
    expect((await sql(url)).text).toBe(text);
  });

  test("a self-reference leads up by its column and down by its name", async () => {
    const { text } = await sql("/locations?select=up:parent_id(name),down:locations(name)");
    expect(text).toContain(`t1."id" = t0."parent_id") t2) as "up"`);
    expect(text).toContain(`t3."parent_id" = t0."id" limit 1000) t4) as "down"`);
  });

  test("a unique foreign key is to one, both ways", async () => {
    expect((await sql("/customers?select=notes(id)")).text).toContain("row_to_json");
    expect((await sql("/notes?select=customers(id)")).text).toContain("row_to_json");
  });

  test("quotes names, and aliases of the client", async () => {
    const { text } = await sql(`/notes?select=${encodeURIComponent('"a\\"b":"odd\\"name"')}`);
    expect(text).toContain(`select t0."odd""name" as "a""b" from`);
  });

  test("without the explicit predicate only the keys say tenant_id", async () => {
    const { text, values } = await sql("/invoices?select=id,customers(name)", { explicitTenant: false });
    expect(text).not.toContain("$1");
    expect(text).toContain("t1.tenant_id = t0.tenant_id");
    expect(values).toEqual([]);
  });

  test("equal text has an equal name, other text another", async () => {
    const name = async (url: string) => (await ask(url)).statement.name;
    expect(await name("/labels?id=eq.1")).toBe(await name("/labels?id=eq.2"));
    expect(await name("/labels?id=eq.1")).not.toBe(await name("/labels?id=gt.1"));
  });
});

const WRITES: readonly (readonly [method: string, url: string, prefer: string, body: unknown, text: string])[] = [
  [
    "POST",
    "/labels",
    "",
    { word: "a" },
    `insert into "app"."labels" ("word") select r."word" from json_to_recordset($1::json) as r("word" text)`,
  ],
  ["POST", "/labels", "", {}, `insert into "app"."labels" select from json_array_elements($1::json)`],
  [
    "POST",
    "/labels",
    "resolution=ignore-duplicates",
    { id: 1 },
    `insert into "app"."labels" ("id") select r."id" from json_to_recordset($1::json) as r("id" uuid) on conflict (tenant_id, "id") do nothing`,
  ],
  [
    "POST",
    "/labels?on_conflict=word&select=word",
    "resolution=merge-duplicates,return=representation",
    { id: 1, word: "a" },
    `with written as (insert into "app"."labels" ("id", "word") select r."id", r."word" from json_to_recordset($1::json) as r("id" uuid, "word" text) on conflict (tenant_id, "word") do update set "id" = excluded."id", "word" = excluded."word" returning *, (xmax = 0) as "rowhouse is new") select count(*), coalesce(json_agg(t.*)::text, '[]'), null, (select count(*) from written where "rowhouse is new"), case when count(*) > 1000 then platform.refuse('RH112', 'The request changes more rows than one answer can show', 'Ask for return=minimal to change as many.') end from (select t1."word" as "word" from written t1) t`,
  ],
  [
    "POST",
    "/labels?columns=id,word",
    "missing=default",
    [{ word: "a" }],
    `insert into "app"."labels" ("id", "word") select r."id", r."word" from (select case when j.element->'id' is null then gen_random_uuid() else v."id" end as "id", v."word" from json_array_elements($1::json) as j(element) cross join lateral json_to_record(j.element) as v("id" uuid, "word" text)) as r`,
  ],
  [
    "PATCH",
    "/labels?id=eq.1",
    "",
    { word: "b" },
    `update "app"."labels" t0 set "word" = r."word" from (select * from json_to_recordset($2::json) as r("word" text) limit 1) as r where t0.tenant_id = $1 and t0."id" = $3::uuid`,
  ],
  [
    "DELETE",
    "/labels?word=eq.x",
    "",
    undefined,
    `delete from "app"."labels" t0 where t0.tenant_id = $1 and t0."word" = $2::text`,
  ],
];

describe("writes", () => {
  test.each(WRITES)("%s %s %s %j", async (method, url, prefer, body, text) => {
    const { statement, access } = await ask(url, { method, body, headers: { prefer } });
    expect(access).toBe("write");
    // Values are numbered as they are met; which number it is does not matter.
    expect(statement.text.replaceAll(/\$\d/g, "$")).toBe(text.replaceAll(/\$\d/g, "$"));
  });

  test("tenant_id is never among the columns written", async () => {
    for (const [method, url, prefer, body] of WRITES) {
      const { statement } = await ask(url, { method, body, headers: { prefer } });
      expect(statement.text).not.toMatch(/insert into "app"."labels" \([^)]*tenant_id/);
      expect(statement.text).not.toMatch(/set [^=]*tenant_id/);
    }
  });
});
