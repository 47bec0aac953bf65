import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countTable } from "../../src/archive/compare.ts";
import { diffSides } from "../../src/archive/diff.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { rowHash } from "../../src/archive/row-hash.ts";
import { applySettings } from "../../src/archive/session.ts";
import { readShapes, type ShapeColumn } from "../../src/archive/shape.ts";
import { openArchiveSide, openTenantSide } from "../../src/archive/side.ts";
import { verifyArchive } from "../../src/archive/verify.ts";
import { makeScope } from "../../src/db/scope.ts";
import { readServerVersion } from "../../src/db/server-version.ts";
import { enterScope } from "../../src/db/transaction.ts";
import { readParts, withManifest, writeParts } from "./forge.ts";
import { openWorkspace, refusal, type Workspace, readShared } from "./workspace.ts";

let db: Workspace;
let major: number;
beforeAll(async () => {
  db = await openWorkspace();
  major = (await readServerVersion(db.admin)).major;
});
afterAll(() => db.close());

/** A type of each way to be hashed, and two values of it. */
const VALUES: readonly (readonly [type: string, first: string, second: string])[] = [
  ["uuid", "6b1cf1b2-6e0a-4d2c-8f57-0f5c2d1c9a11", "00000000-0000-0000-0000-000000000000"],
  ["smallint", "-32768", "0"],
  ["integer", "2147483647", "0"],
  ["bigint", "-9223372036854775808", "0"],
  ["boolean", "true", "false"],
  ["bytea", "\\x00ff5c0a", "\\x"],
  ["date", "infinity", "2000-01-01"],
  ["timestamp with time zone", "2026-01-01 00:00:00.123456+13", "2000-01-01 00:00+00"],
  ["timestamp(3) with time zone", "-infinity", "2000-01-01 00:00+00"],
  ["timestamp without time zone", "4713-01-01 BC", "2000-01-01 00:00"],
  ["time without time zone", "24:00", "00:00"],
  ["numeric", "-12345678901234567890.0120", "0"],
  ["numeric(10,2)", "1.50", "0.00"],
  ["jsonb", '{"a": [1.0, 1.00, null, "ü🏠\\n"]}', "0"],
  ["text", "tab\there \\N ünïcode", ""],
  ["character varying(40)", "x", ""],
  ["character(5)", "ab", ""],
  ["json", '{ "a":1}', "0"],
  ["real", "-0", "0"],
  ["double precision", "5e-324", "0"],
  ["interval", "1 mon -3 days 04:05:06.7", "0"],
  ["text[]", '{a,NULL,"b c"}', "{}"],
  ["numeric(10,2)[]", "{1.50,0.00}", "{}"],
  ["inet", "::1/64", "0.0.0.0"],
  ["point", "(1.5,-2)", "(0,0)"],
  ["xml", '<?xml version="1.0"?><a>b</a>', ""],
];
/** Of one chain, of two. */
const TYPES = VALUES.map(([type]) => type);
const MANY = [...TYPES, ...TYPES];

const columnsOf = (types: readonly string[], nullable = true): ShapeColumn[] =>
  types.map((type, index) => ({
    name: `c${index}`,
    identifier: `c${index}`,
    type,
    nullable,
    hasDefault: false,
    sequence: null,
  }));

/** The hash of one row of these values. */
async function hash(types: readonly string[], values: readonly (string | null)[], sql: string): Promise<string> {
  await db.admin.query("begin");
  try {
    await applySettings(db.admin);
    const list = types.map((type, index) => `$${index + 1}::text::${type} as c${index}`).join(", ");
    const text = `select (${sql})::text as hash from (select ${list} offset 0) t`;
    const { rows } = await db.admin.query<{ hash: string }>(text, [...values]);
    return rows[0]!.hash;
  } finally {
    await db.admin.query("rollback");
  }
}
const hashOf = (types: readonly string[], values: readonly (string | null)[]) =>
  hash(types, values, rowHash(columnsOf(types), major));

describe("the hash of a row", () => {
  const first = VALUES.map(([, value]) => value);
  const second = VALUES.map(([, , value]) => value);
  const odd = first.map((value, index) => (index % 2 === 0 ? null : value));

  test.each([
    ["values", TYPES, first, "3561321288569977446"],
    ["zeros", TYPES, second, "-3165040074570114689"],
    ["nulls between", TYPES, odd, "7224856129330707480"],
    ["more columns than a chain has", MANY, [...first, ...odd], "-6452138122015665110"],
    ["no columns", [], [], "0"],
  ])("is the same number on every version of PostgreSQL: %s", async (_what, types, values, expected) => {
    expect(await hashOf(types, values)).toBe(expected);
  });

  test("is the same whether or not columns may have nulls, also where one has that may not", async () => {
    const trusting = rowHash(columnsOf(MANY, false), major);
    const mixed = rowHash(
      columnsOf(MANY).map((column, index) => ({ ...column, nullable: index % 3 === 0 })),
      major,
    );
    for (const values of [
      [...first, ...second],
      [...second, ...odd],
    ]) {
      const expected = await hashOf(MANY, values);
      expect([await hash(MANY, values, trusting), await hash(MANY, values, mixed)]).toEqual([expected, expected]);
    }
  });

  test("is the same by the way that servers before 18 need", async () => {
    const values = [...first, ...odd];
    expect(await hash(MANY, values, rowHash(columnsOf(MANY), 15))).toBe(await hashOf(MANY, values));
  });

  test("is made of as many columns as a table can have", async () => {
    const types = Array.from({ length: 1600 }, (_, index) => (index % 2 === 0 ? "integer" : "text"));
    const values = types.map((_, index) => String(index));
    const [one, other] = [await hashOf(types, values), await hashOf(types, values.with(1599, "x"))];
    expect(one).not.toBe(other);
  });

  test.each(VALUES)("of a %s tells two values, and null from either", async (type, one, other) => {
    const hashes = new Set<string>();
    for (const value of [one, other, null]) hashes.add(await hashOf([type], [value]));
    expect(hashes.size).toBe(3);
  });

  test.each([
    ["numeric's scale", "numeric", "1.0", "1.00"],
    ["jsonb's scale", "jsonb", "[1.0]", "[1.00]"],
    ["the half that PostgreSQL's own hash of bigint folds in", "bigint", "1", "4294967296"],
    ["its sign", "bigint", "-1", "4294967295"],
    ["a space at the end", "text", "a", "a "],
  ])("tells %s", async (_what, type, one, other) => {
    expect(await hashOf([type], [one])).not.toBe(await hashOf([type], [other]));
  });

  test.each([
    ["a value", ["a", "b"], ["b", "a"]],
    ["a null", [null, "a"], ["a", null]],
    ["an empty text", [null, ""], ["", null]],
  ])("tells in which column %s stands", async (_what, one, other) => {
    expect(await hashOf(["text", "text"], one)).not.toBe(await hashOf(["text", "text"], other));
  });
});

describe("an archive of format 1", () => {
  /** As the Rowhouse before wrote it. */
  async function old(name: string, change: (hash: string) => string = (same) => same): Promise<string> {
    const tenant = await db.tenant("globex");
    const session = await db.database.connect("rowhouse_exporter");
    const hashes = new Map<string, string>();
    try {
      await session.query("begin isolation level repeatable read read only");
      await applySettings(session);
      const shapes = await readShapes(session);
      const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:test", role: "owner" };
      await enterScope(session, makeScope(facts, db.database.keyring), "read");
      for (const shape of shapes) {
        const { table, rowHash: digits } = await countTable(session, shape, shape.columns, 1);
        hashes.set(table, digits);
      }
    } finally {
      await session.end();
    }
    const parts = await readParts(await db.archive("globex", "new.rowhouse"));
    const forged = withManifest(parts, (manifest) => {
      manifest.version = 1;
      for (const table of manifest.tables) table.rowHash = change(hashes.get(`${table.schema}.${table.name}`)!);
    });
    return writeParts(join(db.dir, name), forged);
  }

  test("is verified, restored and compared by its own hash", async () => {
    const path = await old("old.rowhouse");
    const { tables, version } = await verifyArchive(path);
    expect(version).toBe(1);
    expect(tables.map(({ rowHash: digits }) => /^-?\d+$/.test(digits))).not.toContain(false);
    const { tenant } = await restoreArchive(db.database, path, { as: "old" });
    const source = await db.tenant("globex");
    expect(await readShared(db.database, tenant)).toEqual(await readShared(db.database, source));
  });

  test("is refused where its hash is not that of its rows", async () => {
    const path = await old("odd.rowhouse", (digits) => `${BigInt(digits) + 1n}`);
    const { message } = await refusal("archiveSchema", restoreArchive(db.database, path, { as: "odd" }));
    expect(message).toContain("differ from the archive's");
  });

  test("differs in nothing from the tenant, nor from an archive of now", async () => {
    const path = await old("same.rowhouse");
    for (const open of [
      async () => openTenantSide(db.database, await db.tenant("globex")),
      async () => openArchiveSide(await db.archive("globex", "now.rowhouse"), {}),
    ]) {
      const sides = [await openArchiveSide(path, {}), await open()] as const;
      try {
        const { equal, tables } = await diffSides(...sides);
        expect(tables.reduce((sum, table) => sum + table.equal, 0)).toBeGreaterThan(100);
        expect(equal).toBe(true);
      } finally {
        await Promise.all(sides.map((side) => side.close()));
      }
    }
  });
});
