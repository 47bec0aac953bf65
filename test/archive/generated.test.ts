import { execFile, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isWithheld } from "../../src/archive/withheld.ts";
import { diffSides } from "../../src/archive/diff.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { openArchiveSide, openTenantSide } from "../../src/archive/side.ts";
import { verifyArchive } from "../../src/archive/verify.ts";
import { migrate } from "../../src/db/migrate.ts";
import { readServerVersion } from "../../src/db/server-version.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";
import { SEED } from "../seed.ts";
import { fillTables, makeTables, planSchema, type MadeSchema } from "./generated.ts";
import { openWorkspace, type Workspace, readShared } from "./workspace.ts";

const run = promisify(execFile);
const missing = ["tar", "zstd", "psql"].filter((tool) => spawnSync(tool, ["--version"]).status !== 0);

let db: Workspace;
let other: TestDatabase;
let made: MadeSchema;
let major: number;
let source: Tenant;
let path: string;
beforeAll(async () => {
  db = await openWorkspace();
  ({ major } = await readServerVersion(db.admin));
  made = await planSchema(db.admin, major >= 18);
  await makeTables(db.admin, made);
  source = await db.tenant("globex");
  await fillTables(db.admin, made, source.id, SEED);
  await fillTables(db.admin, made, (await db.tenant("acme")).id, SEED + 1); // a neighbour with other rows under the same keys
  path = await db.archive("globex");
  other = await testDatabase("empty");
  await migrate(other.database, { appDir: SALES });
  await makeTables(other.admin, made);
});
afterAll(async () => {
  await other.close();
  await db.close();
});

/** All rows as the superuser's session prints them, all columns, generated ones as well: another way to look than those under test. */
async function print(admin: TestDatabase["admin"], tenantId: string): Promise<Record<string, string[]>> {
  const printed: Record<string, string[]> = {};
  await admin.query("set extra_float_digits = 1; set timezone = 'UTC'");
  for (const { identifier } of made.tables) {
    const { rows } = await admin.query<{ line: string }>(
      `select t::text as line from ${identifier} t where tenant_id = $1 order by t::text collate "C"`,
      [tenantId],
    );
    printed[identifier] = rows.map(({ line }) => line.replaceAll(tenantId, "tenant"));
  }
  return printed;
}

async function differences(database: TestDatabase["database"], tenant: Tenant): Promise<unknown> {
  const [archive, live] = [await openArchiveSide(path, {}), await openTenantSide(database, tenant)];
  try {
    const { equal, tables, onlyFirst, onlySecond } = await diffSides(archive, live);
    return {
      equal,
      onlyFirst,
      onlySecond,
      tables: tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0),
    };
  } finally {
    await Promise.all([archive.close(), live.close()]);
  }
}
const SAME = { equal: true, onlyFirst: [], onlySecond: [], tables: [] };

describe(`a generated schema (seed ${SEED})`, () => {
  test("has more than 30 tables, and a column of every built-in type that a value can be given to", () => {
    expect(made.tables.length).toBeGreaterThanOrEqual(40);
    expect(made.sealed).toEqual([
      "gtsvector",
      "pg_brin_bloom_summary",
      "pg_brin_minmax_multi_summary",
      "pg_dependencies",
      "pg_mcv_list",
      "pg_ndistinct",
      "pg_node_tree",
    ]);
    expect(made.refused).toEqual(major >= 17 ? [] : ["interval infinity", "interval -infinity"]);
  });

  test("is exported whole: every table, every row", async () => {
    const { tables } = await verifyArchive(path);
    const rows = new Map(
      tables.map(({ schema, name, rows: count }) => [`${schema}."${name.replaceAll('"', '""')}"`, count]),
    );
    expect(made.tables.map(({ identifier }) => rows.get(identifier) ?? 0)).toEqual(
      made.tables.map((table) => table.rows),
    );
  });

  test("comes back beside its tenant: the diff is empty, and so is that of what a superuser reads", async () => {
    const { tenant } = await restoreArchive(db.database, path, { as: "generated" });
    expect(await differences(db.database, tenant)).toEqual(SAME);
    expect(await readShared(db.database, tenant)).toEqual(await readShared(db.database, source));
    expect(await print(db.admin, tenant.id)).toEqual(await print(db.admin, source.id));
  });

  test("comes back a second time from the copy's archive, byte by byte the same", async () => {
    const copy = await db.archive("generated");
    const rawOf = async (file: string) =>
      (await verifyArchive(file)).tables
        .filter(({ schema, name }) => !isWithheld(`${schema}.${name}`))
        .map(({ name, rowHash, rows }) => ({ name, rowHash, rows }));
    expect(await rawOf(copy)).toEqual(await rawOf(path));
  });

  test("comes back in another database by tar, zstd and psql alone", async ({ skip }) => {
    skip(missing.length > 0, `not installed here: ${missing.join(", ")}`);
    const dir = await mkdtemp(join(db.dir, "stock-"));
    await run("tar", ["-xf", path, "-C", dir]);
    await run("psql", ["-X", "-q", other.url, "-f", "restore.sql"], { cwd: dir });
    await migrate(other.database, { appDir: SALES });
    const tenant = await other.tenant("globex");
    expect(await differences(other.database, tenant)).toEqual(SAME);
    expect(await print(other.admin, tenant.id)).toEqual(await print(db.admin, source.id));
  });

  test("comes back beside itself by tar, zstd and psql alone", async ({ skip }) => {
    skip(missing.length > 0, `not installed here: ${missing.join(", ")}`);
    const [dir, id] = [await mkdtemp(join(db.dir, "stock-")), randomUUID()];
    await run("tar", ["-xf", path, "-C", dir]);
    const args = ["-v", `tenant_id=${id}`, "-v", "slug=generated-stock", "-f", "restore.sql"];
    await run("psql", ["-X", "-q", db.url, ...args], { cwd: dir });
    expect(await print(db.admin, id)).toEqual(await print(db.admin, source.id));
  });
});
