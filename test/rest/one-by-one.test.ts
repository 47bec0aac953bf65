import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Batch } from "../../src/db/batch.ts";
import { gatherRows, ROW } from "../../src/rest/statement/one-by-one.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { client, codeOf, readCatalog } from "./served.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

async function run(text: string) {
  const batch = new Batch([{ text, values: [] }]);
  db.admin.query(batch);
  return (await batch.done)[0]!;
}

/** Every kind of value that JSON tells apart, and names that have to be quoted. */
const ROWS = `select n as id, 'a "quoted" \\ text' as "odd ""name""", null::int as nothing, array[n, null] as list,
  jsonb_build_object('z', 1, 'a', array[1, 2]) as doc, '{"z": 1,  "a": 2}'::json as text, 1.50 as price, row(n, 'x') as pair from generate_series(1, %) n`;
const rows = (count: number) => ROWS.replace("%", String(count));

describe("rows one by one", () => {
  test.each([0, 1, 2, 5])("%i of them are the list that the database makes of them", async (count) => {
    const one = await run(`select ${ROW} from (${rows(count)}) t`);
    const listed = await run(`select count(*), coalesce(json_agg(t.*)::text, '[]'), null from (${rows(count)}) t`);
    expect(gatherRows({ isSingle: false }, one, 5)).toEqual(listed);
  });

  test.each([0, 1, 2])("of %i of them the first is the object that the database makes", async (count) => {
    const one = await run(`select ${ROW} from (${rows(count)}) t`);
    const object = await run(
      `select count(*), coalesce((json_agg(t.*)->0)::text, 'null'), null from (${rows(count)}) t`,
    );
    expect(gatherRows({ isSingle: true }, one, 5)).toEqual(object);
  });
});

/** What looks as if it named a row, and has many: a place in a key, and a table whose children have keys of their own. */
const MANY = `
  set role rowhouse_owner;
  create table app.tags (
    tenant_id uuid not null default platform.current_tenant(), label jsonb not null, primary key (tenant_id, label));
  create table app.parents (
    tenant_id uuid not null default platform.current_tenant(), id integer not null, primary key (tenant_id, id));
  select platform.protect_table('app.tags'), platform.protect_table('app.parents');
  create table app.children () inherits (app.parents);
  reset role;
  insert into app.tags select id, jsonb_build_object('kind', 'x', 'n', n) from platform.tenants, generate_series(1, 9) n;
  insert into app.children select id, 1 from platform.tenants, generate_series(1, 9);`;

describe("MAX_ROWS holds for", () => {
  beforeAll(() => db.admin.query(MANY));
  test.each(["/tags?label->>kind=eq.x", "/parents?id=eq.1"])("%s", async (url) => {
    const ask = await client(db, "acme", await readCatalog(db), { maxRows: 3 });
    const { json, headers } = await ask("GET", url);
    expect([(json as unknown[]).length, headers["content-range"]]).toEqual([3, "0-2/*"]);
  });

  test("a place in a key names no row: If-Match is refused", async () => {
    const ask = await client(db, "acme", await readCatalog(db));
    const refused = await ask("DELETE", "/tags?label->>kind=eq.x", { headers: { "if-match": "*" } });
    expect([refused.status, codeOf(refused)]).toEqual([400, "RH121"]);
  });
});
