import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Batch } from "../../src/db/batch.ts";
import { gatherRows, ROW } from "../../src/rest/statement/one-by-one.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

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
    expect(gatherRows({ isSingle: false }, one)).toEqual(listed);
  });

  test.each([0, 1, 2])("of %i of them the first is the object that the database makes", async (count) => {
    const one = await run(`select ${ROW} from (${rows(count)}) t`);
    const object = await run(
      `select count(*), coalesce((json_agg(t.*)->0)::text, 'null'), null from (${rows(count)}) t`,
    );
    expect(gatherRows({ isSingle: true }, one)).toEqual(object);
  });
});
