import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diffSides, type Diff } from "../../src/archive/diff.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { openArchiveSide, openTenantSide, type Side } from "../../src/archive/side.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

/** Values of types that have no equality, or more than one text for a value. */
const SCHEMA = `
  set role rowhouse_owner;
  create table app.odds (
    tenant_id uuid not null default platform.current_tenant(), "a ""key" text not null, n int not null,
    amount numeric, raw json, doc jsonb, spot point, bytes bytea, at timestamptz, span interval, tags text[], words tsvector, markup xml, single real,
    primary key (tenant_id, "a ""key", n));
  select platform.protect_table('app.odds');
  reset role`;
const KEYS = ["plain", "tab\there", "line\nbreak", "back\\slash", "\\N", "ünïcode 日本 🏠", "comma,comma"];

let db: Workspace;
let path: string;
beforeAll(async () => {
  db = await openWorkspace();
  await db.admin.query(SCHEMA);
  const { id } = await db.tenant("globex");
  for (const key of KEYS) {
    await db.admin.query(
      `insert into app.odds values ($1, $2, 1, 1.0, '{"a": 1}', '{"a": 1}', '(1,2)', '\\x00ff', '2026-01-01', '1 day', array[$2, null], 'a:1', '<a/>', 0.1),
         ($1, $2, 2, null, null, null, null, null, null, null, null, null, null, null)`,
      [id, key],
    );
  }
  path = await db.archive("globex");
  await restoreArchive(db.database, path, { as: "copy" });
});
afterAll(() => db.close());

async function diff(first: string, second: string, examples = 5): Promise<Diff> {
  const sides: Side[] = [];
  try {
    for (const name of [first, second]) {
      const side = name.includes("/") ? openArchiveSide(name, {}) : openTenantSide(db.database, await db.tenant(name));
      sides.push(await side);
    }
    return await diffSides(sides[0]!, sides[1]!, { examples });
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

const of = ({ tables }: Diff, name: string) => tables.find(({ table }) => table === name)!;
const changed = ({ tables }: Diff) =>
  tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0).map(({ table }) => table);

describe("no difference", () => {
  test("between an archive, its tenant and a copy, in any pair", async () => {
    for (const [first, second] of [
      [path, "globex"],
      ["globex", path],
      ["globex", "copy"],
      [path, path],
    ] as const) {
      const found = await diff(first, second);
      expect(found.equal).toBe(true);
      expect(of(found, "app.odds")).toMatchObject({ equal: 2 * KEYS.length, inserted: 0, updated: 0, deleted: 0 });
    }
  });
});

describe("a difference of one value is found, by its type", () => {
  test.each([
    ["numeric, in its scale", "amount = 1.00"],
    ["json, in a space", `raw = '{"a":1}'`],
    ["jsonb", `doc = '{"a": 2}'`],
    ["point", "spot = '(1,2.0000000001)'"],
    ["bytea", "bytes = '\\x00fe'"],
    ["timestamptz, in a microsecond", "at = at + interval '1 microsecond'"],
    ["interval, equal to another", "span = '24 hours'"],
    ["text[], null against its name", "tags = array[tags[1], 'NULL']"],
    ["tsvector", "words = 'a:2'"],
    ["xml", "markup = '<a></a>'"],
    ["real", "single = 0.10000001"],
    ["a null", "doc = null"],
  ])("%s", async (_name, set) => {
    const { id } = await db.tenant("copy");
    await db.admin.query(`update app.odds set ${set} where tenant_id = $1 and "a ""key" = 'plain' and n = 1`, [id]);
    try {
      const found = await diff(path, "copy");
      expect(found.equal).toBe(false);
      expect(changed(found)).toEqual(["app.odds"]);
      expect(of(found, "app.odds")).toMatchObject({ updated: 1, examples: { updated: ["plain,1"] } });
    } finally {
      await db.admin.query(`delete from app.odds where tenant_id = $1 and "a ""key" = 'plain' and n = 1`, [id]);
      const { id: source } = await db.tenant("globex");
      await db.admin.query(
        `insert into app.odds select $1, "a ""key", n, amount, raw, doc, spot, bytes, at, span, tags, words, markup, single
           from app.odds where tenant_id = $2 and "a ""key" = 'plain' and n = 1`,
        [id, source],
      );
    }
  });
});

test("rows that came and went are told by their keys, whatever is in them", async () => {
  const { id } = await db.tenant("copy");
  await db.admin.query("delete from app.odds where tenant_id = $1 and n = 2", [id]);
  await db.admin.query(
    `insert into app.odds (tenant_id, "a ""key", n) select $1, 'new', x from generate_series(1, 9) x`,
    [id],
  );
  const found = of(await diff("globex", "copy", 7), "app.odds");
  expect(found).toMatchObject({ equal: KEYS.length, inserted: 9, updated: 0, deleted: KEYS.length });
  expect(found.examples.deleted.toSorted()).toEqual(KEYS.map((key) => `${key},2`).toSorted());
  expect(found.examples.inserted).toHaveLength(7);
  const back = of(await diff("copy", "globex"), "app.odds");
  expect(back).toMatchObject({ inserted: KEYS.length, deleted: 9 });
});

test("a column and a table of one side alone are differences, and the rest is compared without them", async () => {
  await db.admin.query(`set role rowhouse_owner; alter table app.expenses add mood text;
    create table app.extra (tenant_id uuid not null, id int not null, primary key (tenant_id, id)); select platform.protect_table('app.extra'); reset role`);
  const found = await diff(path, "globex");
  expect(found.equal).toBe(false);
  expect(found.onlySecond).toEqual(["app.extra"]);
  expect(of(found, "app.expenses")).toMatchObject({ updated: 0, columns: { onlyFirst: [], onlySecond: ["mood"] } });
});
