import fc from "fast-check";
import { parse } from "libpg-query";
import { expect, test } from "vitest";
import { RowhouseError } from "../../src/errors.ts";
import { ask, CATALOG, TENANT, type Said } from "./fixture.ts";
import { scrap } from "./scraps.ts";

/** Names that generated SQL makes up, and the one column that it adds. */
const OWN = new Set(
  "t k r v w b j element xmax written excluded tenant_id app".split(" ").concat("rowhouse is new", "rowhouse row"),
);
const KNOWN = new Set([...CATALOG.relations.values()].flatMap(({ name, columns }) => [name, ...columns.keys()]));

type Fields = { fields: { String?: { sval: string } }[] };

/** Every name in the tree that refers to something: columns, tables, their aliases. Labels of the answer are left out. */
function* references(node: unknown): Generator<string> {
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if (key === "ColumnRef") yield* (value as Fields).fields.flatMap((field) => field.String?.sval ?? []);
    else if (key === "relname" || key === "schemaname" || key === "aliasname") yield String(value);
    else yield* references(value);
  }
}

function* parameters(node: unknown): Generator<number> {
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if (key === "ParamRef") yield (value as { number: number }).number;
    else yield* parameters(value);
  }
}

async function checkStatement({ text, values }: { text: string; values: readonly unknown[] }): Promise<void> {
  const tree = await parse(text);
  expect(tree.stmts).toHaveLength(1);
  const unknown = [...references(tree)].filter((name) => !OWN.has(name) && !KNOWN.has(name) && !/^[tc]\d+$/.test(name));
  expect({ text, unknown }).toEqual({ text, unknown: [] });
  expect({ text, places: new Set(parameters(tree)).size }).toEqual({ text, places: values.length });
}

/** Each table or function of the schema that is read, by its alias. */
const READS = /(?:from|,) "app"\."\w+"(?:\([^()]*\))? (t\d+)(?!\d| where false)/g;

/** Whatever the request, the tenant is named for every table in it, junctions included. */
function checkTenant({ text, values }: { text: string; values: readonly unknown[] }): void {
  const place = values.indexOf(TENANT) + 1;
  const unguarded = [...text.matchAll(READS)].filter(([, alias]) => !text.includes(`${alias}.tenant_id = $${place}`));
  expect({ text, unguarded }).toEqual({ text, unguarded: [] });
}

/** Asks them all: what is accepted must render to one statement of the catalog's names, what is not be refused with a code. */
async function countAccepted(requests: fc.Arbitrary<Said & { url: string }>): Promise<number> {
  let accepted = 0;
  const property = fc.asyncProperty(requests, async ({ url, ...said }) => {
    const asked = await ask(url, said).catch((error: unknown) => {
      if (error instanceof RowhouseError && error.kind !== "internal") return undefined;
      throw error;
    });
    if (asked === undefined) return;
    accepted += 1;
    await checkStatement(asked.statement);
    checkTenant(asked.statement);
  });
  await fc.assert(property, { numRuns: 1500 });
  return accepted;
}

const oneOf = (...texts: string[]) => fc.constantFrom(...texts);
const name = oneOf(
  ..."id name city tags settings credit settings->a->>b settings->0 tags->1 initials initials->0".split(" "),
);
const value = fc.oneof(fc.string({ maxLength: 8 }), oneOf("a", "1", "*", "a*", "'", "{a,b}", ";--", "$1"));
const operators =
  "eq neq gt lte like ilike cs ov fts fts(dutch) isdistinct like(any) eq(all) not.eq match imatch(any) in".split(" ");
const filter = fc
  .tuple(name, oneOf(...operators), value)
  .map(([column, operator, given]) => `${encodeURIComponent(column)}=${operator}.${encodeURIComponent(given)}`);
const alias = fc
  .oneof(oneOf("a", "e1", "t", "t0", "row", '"'), fc.string({ minLength: 1, maxLength: 8 }))
  .map((text) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`);
const item = fc.oneof(
  name,
  oneOf("*"),
  fc.tuple(alias, name).map(([as, column]) => `${as}:${column}`),
  fc.tuple(name, oneOf("text", "int", "double precision", "_int4")).map(([column, type]) => `${column}::${type}`),
  oneOf("count()", "n:count()::text", "credit.sum()", "m:credit::int.max()::text", "city.min()", "count"),
);
const related = oneOf(
  ..."invoices notes a:invoices!inner invoices!customer_id late_invoices first_note!inner".split(" "),
  ..."...invoices ...notes ...notes!inner ...late_invoices ...first_note".split(" "),
);
const EMBEDDED = [
  "",
  "*",
  "id",
  "*,customers(name,initials)",
  "id,items(quantity,products(*,labels(*)))",
  "count(),...customers(name,credit.sum())",
  "id,...customers(who:name,...late_invoices(number))",
];
const embed = fc.tuple(related, oneOf(...EMBEDDED)).map(([relation, own]) => `${relation}(${own})`);
const select = fc
  .array(fc.oneof(item, embed), { maxLength: 5 })
  .map((items) => `select=${encodeURIComponent(items.join(","))}`);
const rest = oneOf(
  "",
  "limit=3",
  "offset=2&limit=1",
  "order=name.desc.nullslast,id",
  "or=(id.eq.1,not.and(name.is.null,city.in.(a,b)))",
  "invoices.order=number&invoices.limit=1",
  "notes=is.null&or=(invoices.not.is.null,id.eq.1)",
  "order=notes(id).desc,initials",
);
const query = fc
  .tuple(select, fc.array(filter, { maxLength: 3 }), rest)
  .map(([first, filters, last]) => [first, ...filters, last].join("&"));

test("reads", async () => {
  const accepted = await countAccepted(
    query.map((text) => ({ url: `/customers?${text}`, settings: { aggregates: true } })),
  );
  expect(accepted).toBeGreaterThan(500);
});

test("scraps of grammar", async () => {
  const scraps = fc.tuple(scrap, name, scrap).map((parts) => {
    const [chosen, column, given] = parts.map(encodeURIComponent);
    return { url: `/customers?select=${chosen}&${column}=${given}` };
  });
  expect(await countAccepted(scraps)).toBeGreaterThanOrEqual(0);
});

test("writes", async () => {
  const row = fc.dictionary(oneOf("id", "name", "tags", "x"), fc.jsonValue(), { maxKeys: 3 });
  const rows = fc.array(fc.record({ name: fc.jsonValue() }), { maxLength: 3 });
  const resolution = oneOf("resolution=merge-duplicates", "resolution=ignore-duplicates", "handling=lenient");
  const shown = oneOf("return=representation", "return=headers-only", "return=minimal,missing=default");
  const limited = oneOf("", "handling=strict,max-affected=2");
  const type = oneOf(
    "*/*",
    "application/vnd.pgrst.object+json",
    "text/csv",
    "application/vnd.pgrst.array;nulls=stripped",
  );
  const headers = fc.record({ prefer: fc.tuple(limited, resolution, shown).map(String), accept: type });
  const method = oneOf("POST", "PATCH", "DELETE", "PUT");
  const url = fc
    .tuple(query, oneOf("", "&columns=id,name", "&on_conflict=name"))
    .map(([text, more]) => `/customers?${text}${more}`);
  const accepted = await countAccepted(fc.record({ url, method, headers, body: fc.oneof(row, rows) }));
  expect(accepted).toBeGreaterThan(300);
});

test("puts", async () => {
  const body = fc.oneof(fc.record({ id: fc.jsonValue(), name: fc.jsonValue() }), fc.jsonValue());
  const shown = oneOf("return=representation", "return=headers-only", "");
  const url = fc.tuple(value, query).map(([id, text]) => `/customers?id=eq.${encodeURIComponent(id)}&${text}`);
  const bare = value.map((id) => `/customers?id=eq.${encodeURIComponent(id)}&select=name`);
  const headers = fc.record({ prefer: shown });
  const requests = fc.record({ url: fc.oneof(url, bare), method: fc.constant("PUT"), headers, body });
  expect(await countAccepted(requests)).toBeGreaterThan(200);
});
