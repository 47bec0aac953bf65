import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diffSides } from "../../src/archive/diff.ts";
import { exportTenant } from "../../src/archive/export.ts";
import { fileNames, fingerprintOf, parseManifest, renderManifest } from "../../src/archive/manifest.ts";
import { openArchive } from "../../src/archive/read.ts";
import { readOmitted } from "../../src/archive/omitted.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { parseSelection } from "../../src/archive/selection.ts";
import { openArchiveSide, openTenantSide } from "../../src/archive/side.ts";
import { RowhouseError } from "../../src/errors.ts";
import { addSchemas, fillSchemas, OTHER_TABLES } from "../isolation/other-schemas.ts";
import { openWorkspace, refusal, type Workspace, readShared } from "./workspace.ts";

/** As archives write them: unquoted. */
const NAMES = ["public.orders", "public.notes", 'Größe "Ä" /x.Tür.liste'];

let db: Workspace;
let path: string;
beforeAll(async () => {
  db = await openWorkspace();
  await addSchemas(db.admin);
  await fillSchemas(db.admin, (await db.tenant("globex")).id);
  await fillSchemas(db.admin, (await db.tenant("acme")).id);
  path = await db.archive("globex");
});
afterAll(() => db.close());

const rowsOf = async (slug: string) => {
  const { id } = await db.tenant(slug);
  const counts: number[] = [];
  for (const table of OTHER_TABLES)
    counts.push((await db.admin.query(`select from ${table} where tenant_id = $1`, [id])).rowCount ?? 0);
  return counts;
};

describe("tables of registered schemas", () => {
  test("are in an archive, under names of files that any system can hold", async () => {
    const archive = await openArchive(path);
    const { tables, omitted } = archive.manifest;
    await archive.close();
    const found = tables.filter(({ schema }) => !["app", "tenant"].includes(schema));
    expect(found.map(({ schema, name, rows }) => [`${schema}.${name}`, rows])).toEqual(
      expect.arrayContaining([
        [NAMES[0], 3],
        [NAMES[1], 2],
        [NAMES[2], 1],
      ]),
    );
    expect(found.map(({ file }) => file).every((file) => /^data\/[a-z0-9_.-]+\.copy\.zst$/.test(file))).toBe(true);
    expect(omitted).toEqual([]);
  });

  test("come back as another tenant, equal row by row, the hidden keys too", async () => {
    await restoreArchive(db.database, path, { as: "copy" });
    expect(await rowsOf("copy")).toEqual([3, 2, 1]);
    const sides = [
      await openArchiveSide(path, {}),
      await openTenantSide(db.database, await db.tenant("copy")),
    ] as const;
    const diff = await diffSides(...sides, { examples: 5 });
    await Promise.all(sides.map((side) => side.close()));
    const odd = diff.tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0);
    expect(odd).toEqual([]);
    expect(diff.tables.map(({ table }) => table)).toEqual(expect.arrayContaining(NAMES));
    expect(await readShared(db.database, await db.tenant("copy"))).toEqual(
      await readShared(db.database, await db.tenant("globex")),
    );
  });

  test("go into SQLite and CSV with their schema's name", async () => {
    const sqlite = join(db.dir, "globex.sqlite");
    await exportTenant(db.database, { slug: "globex" }, { path: sqlite, format: "sqlite" });
    const file = new DatabaseSync(sqlite);
    expect(file.prepare("select count(*) as n from public_orders").get()).toEqual({ n: 3 });
    expect(file.prepare('select "Schlüssel ""1""" as k from "Größe ""Ä"" /x_Tür.liste"').get()).toEqual({ k: "k1" });
    file.close();
    const folder = join(db.dir, "globex-csv");
    await exportTenant(db.database, { slug: "globex" }, { path: folder, format: "csv" });
    const names = await readdir(folder);
    expect(names).toEqual(expect.arrayContaining(["public.orders.csv", "app.customers.csv"]));
    expect(names.filter((name) => !/^[a-z0-9_.-]+\.csv$/.test(name))).toEqual([]);
  });

  test("are found by --only, in full or by their name alone", async () => {
    const archive = await openArchive(path);
    const { tables } = archive.manifest;
    await archive.close();
    expect(parseSelection(tables, ["public.orders:1", "notes", "customers"])).toEqual([
      { table: "public.orders", keys: [["1"]] },
      { table: "public.notes", keys: null },
      { table: "app.customers", keys: null },
    ]);
    const twins = tables.map((table) => ({ ...table, name: "twin" }));
    expect(parseSelection(twins, ["twin"])[0]?.table).toBe("app.twin");
    const strangers = twins.filter(({ schema }) => !["app", "tenant"].includes(schema));
    expect(() => parseSelection(strangers, ["twin"])).toThrow(/no table twin/);
  });
});

describe("schemas that are not registered", () => {
  test("a restore of their tables is refused, and says why", async () => {
    const other = await openWorkspace();
    const before = (await other.admin.query("select from platform.tenants")).rowCount;
    const error = await refusal("archiveSchema", restoreArchive(other.database, path, { as: "stranger" }));
    expect(error.details).toContain(
      "there is no table public.orders, nor is a schema public of tenants' tables registered",
    );
    expect((await other.admin.query("select from platform.tenants")).rowCount).toBe(before);
    await other.close();
  });

  test("their tables that speak of tenants are told of, and left out", async () => {
    await db.admin.query("create schema elsewhere; create table elsewhere.notes (tenant_id uuid)");
    const omitted = await readOmitted(db.admin);
    await db.admin.query("drop schema elsewhere cascade");
    expect(omitted).toEqual([
      { relation: "elsewhere.notes", why: "is outside the app's schemas and tenant, and speaks of tenants" },
    ]);
  });

  test.each(["", "a.b", "line\nbreak", "x".repeat(253)])("no manifest has a schema %j", async (schema) => {
    const archive = await openArchive(path);
    const { format: _format, version: _version, restoreSql: _script, ...facts } = archive.manifest;
    await archive.close();
    const tables = facts.tables.map((table, index) => (index === 0 ? { ...table, schema } : table));
    const files = fileNames(tables);
    const named = tables.map((table, index) => ({ ...table, file: files[index]! }));
    const forged = { ...facts, tables: named, schema: { ...facts.schema, fingerprint: fingerprintOf(named) } };
    const { json, digest } = renderManifest(forged, Buffer.from(""));
    expect(() => parseManifest(json, digest)).toThrow(RowhouseError);
    expect(() => parseManifest(json, digest)).toThrow(/tables\.0\.schema/);
  });
});

describe("names of files", () => {
  test.each([
    [{ schema: "app", name: "orders" }, "data/app.orders.copy.zst"],
    [{ schema: "app", name: "Orders" }, "data/app.table-1.copy.zst"],
    [{ schema: "$(id)", name: "orders" }, "data/table-1.copy.zst"],
    [{ schema: "../../etc", name: "passwd" }, "data/table-1.copy.zst"],
    [{ schema: "Größe", name: "Tür" }, "data/table-1.copy.zst"],
    [{ schema: "s".repeat(63), name: "t".repeat(63) }, "data/table-1.copy.zst"],
  ])("%j", (table, file) => {
    expect(fileNames([table])).toEqual([file]);
  });
});
