import { describe, expect, test } from "vitest";
import { ask, TENANT, type Said } from "./fixture.ts";

/** Statement text without its envelope, and the values after the tenant's. */
async function sql(url: string, said: Said = {}): Promise<{ text: string; values: readonly unknown[] }> {
  const { statement } = await ask(url, said);
  const rows = / from \((select .*)\) t$/s.exec(statement.text)?.[1];
  return { text: rows ?? statement.text, values: statement.values.filter((value) => value !== TENANT) };
}

const FILTERS: readonly (readonly [query: string, where: string, ...values: string[]])[] = [
  ["city=eq.x", `t0."city" = $2`, "x"],
  ["name=neq.x", `t0."name" <> $2`, "x"],
  ["credit=gte.5", `t0."credit" >= $2`, "5"],
  ["name=not.eq.x", `not (t0."name" = $2)`, "x"],
  ["name=like.*x*", `t0."name" like $2`, "%x%"],
  ["name=like.x*", `(t0."name" ^@ $3::text and t0."name" like $2)`, "x%", "x"],
  ["name=ilike.x*", `t0."name" ilike $2`, "x%"],
  ["name=like(any).{a*,b*}", `t0."name" like any($2)`, "{a%,b%}"],
  ["name=eq(any).{a,b}", `t0."name" = any($2)`, "{a,b}"],
  ["name=is.null", `t0."name" is null`],
  ["name=not.is.NOT_NULL", `not (t0."name" is not null)`],
  ["name=isdistinct.x", `t0."name" is distinct from $2`, "x"],
  ['id=in.(a,"b,c","d\\"e", f)', `t0."id" = any($2)`, '{"a","b,c","d\\"e"," f"}'],
  ["id=in.()", "false"],
  ["tags=cs.{a,b}", `t0."tags" @> $2`, "{a,b}"],
  ["tags=in.({a},{b})", `t0."tags" in ($2, $3)`, "{a}", "{b}"],
  ["settings->a->>b=eq.1", `(t0."settings"->$2->>$3) = $4`, "a", "b", "1"],
  ["settings->0=eq.1", `(t0."settings"->(0)) = $2`, "1"],
  ["tags->-1=eq.1", `(to_jsonb(t0."tags")->(-1)) = $2`, "1"],
  ["name=fts(dutch).x", `to_tsvector($2::regconfig, t0."name") @@ to_tsquery($2::regconfig, $3::text)`, "dutch", "x"],
  ["name=wfts.x", `to_tsvector(t0."name") @@ websearch_to_tsquery($2::text)`, "x"],
  [
    "or=(name.eq.a,and(city.is.null,not.or(credit.gt.1,credit.lt.0)))",
    `(t0."name" = $2 or (t0."city" is null and not (t0."credit" > $3 or t0."credit" < $4)))`,
    "a",
    "1",
    "0",
  ],
  ["not.and=(name.eq.a,tags.ov.{x,y})", `not (t0."name" = $2 and t0."tags" && $3)`, "a", "{x,y}"],
  ["name=eq.a&name=neq.b", `t0."name" = $2 and t0."name" <> $3`, "a", "b"],
  ["name=eq.a+b%2Bc", `t0."name" = $2`, "a b+c"],
];

describe("filters", () => {
  test.each(FILTERS)("%s", async (query, where, ...values) => {
    const { text, values: bound } = await sql(`/customers?select=id&${query}`);
    expect(text).toBe(
      `select t0."id" as "id" from "app"."customers" t0 where t0.tenant_id = $1 and ${where} limit 1000`,
    );
    expect(bound).toEqual(values);
  });

  test.each([
    ["/customers?select=id&id=eq.x", "select row_to_json(t.*)::text", ""],
    ["/customers?select=id&id=eq.x&limit=2000", "select row_to_json(t.*)::text", " limit 2000"],
    ["/customers?select=id&id=eq.x&offset=0", "select row_to_json(t.*)::text", ""],
    ["/customers?select=id&id=eq.x&name=eq.y", "select count(*)", " limit 1000"],
    ["/customers?select=id&id=neq.x", "select count(*)", " limit 1000"],
    ["/customers?select=id&id=eq(any).{x}", "select count(*)", " limit 1000"],
  ])("%s is a row by its key, or a list", async (url, head, limit) => {
    const { text } = (await ask(url, {})).statement;
    expect(text.slice(0, head.length)).toBe(head);
    expect(/(?: limit \d+)?(?=\) t$)/.exec(text)?.[0]).toBe(limit);
  });

  test("a tsvector is searched as it stands", async () => {
    expect((await sql("/products?select=id&search=fts.x")).text).toContain(
      `where t0.tenant_id = $1 and t0."search" @@ to_tsquery($2::text)`,
    );
  });
});

const SHAPES: readonly (readonly [query: string, text: string])[] = [
  ["/labels", `select "id", "word" from "app"."labels" t0 where t0.tenant_id = $1 limit 1000`],
  ["/labels?select=", `select "id", "word" from "app"."labels" t0 where t0.tenant_id = $1 limit 1000`],
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
    `select (select to_jsonb(t2.*) from (select t1."name" as "name" from "app"."customers" t1 where t1.tenant_id = $1 and t1.tenant_id = t0.tenant_id and t1."id" = t0."customer_id") t2) as "customers" from "app"."invoices" t0 where t0.tenant_id = $1 limit 1000`,
  ],
  [
    "/customers?select=bills:invoices!invoices_customer_fkey(id)&bills.limit=2&bills.number=eq.1",
    `select (select coalesce(jsonb_agg(t2.*), '[]') from (select t1."id" as "id" from "app"."invoices" t1 where t1.tenant_id = $1 and t1."number" = $2 and t1.tenant_id = t0.tenant_id and t1."customer_id" = t0."id" limit 2) t2) as "bills" from "app"."customers" t0 where t0.tenant_id = $1 limit 1000`,
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
    `select (select coalesce(jsonb_agg(t3.*), '[]') from (select t1."word" as "word" from "app"."product_labels" t2, "app"."labels" t1 where t1.tenant_id = $1 and t2.tenant_id = $1 and t2.tenant_id = t0.tenant_id and t2."product_id" = t0."id" and t2.tenant_id = t1.tenant_id and t2."label_id" = t1."id" limit 1000) t3) as "labels" from "app"."products" t0 where t0.tenant_id = $1 limit 1000`,
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
    expect((await sql("/customers?select=notes(id)")).text).toContain("to_jsonb");
    expect((await sql("/notes?select=customers(id)")).text).toContain("to_jsonb");
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
