import { execFile, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { exportTenant } from "../../src/archive/export.ts";
import { openSigner } from "../../src/archive/sign.ts";
import { migrate } from "../../src/db/migrate.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";
import { openWorkspace, type Workspace, readShared } from "./workspace.ts";

const run = promisify(execFile);
const missing = ["tar", "zstd", "psql", "sha256sum"].filter((tool) => spawnSync(tool, ["--version"]).status !== 0);
const why = `not installed here: ${missing.join(", ")}`;

/** Names that want quoting, break lines, and mean something to psql. */
const ODD = [
  `create table app."Odd ""one"": :tenant_id \\! $$" (
     "the 'id'" bigint generated always as identity, "a\nb" text, ":'slug'" text, tenant_id uuid,
     primary key (tenant_id, "the 'id'"))`,
  `select platform.protect_table('app."Odd ""one"": :tenant_id \\! $$"')`,
];
const ROWS = String.raw`insert into app."Odd ""one"": :tenant_id \! $$" (tenant_id, "a${"\n"}b", ":'slug'")
  select $1, v, v from unnest(array[null, '', '\.', '\N', E'\\\n\t\r', ':tenant_id', E'\\! touch /tmp/x', '$$', 'ü€😀']) v`;

/** A tenant may call itself what it likes. */
const NAME = "Globex'; \n\\! touch pwned\n\\q :tenant_id $$ --";

let db: Workspace;
let other: TestDatabase;
let dir: string;

async function addOdd({ admin }: TestDatabase): Promise<void> {
  await admin.query("set role rowhouse_owner");
  for (const statement of ODD) await admin.query(statement);
  await admin.query("reset role");
}

beforeAll(async () => {
  db = await openWorkspace();
  other = await testDatabase("empty");
  await migrate(other.database, { appDir: SALES });
  await addOdd(db);
  await addOdd(other);
  await db.admin.query(ROWS, [(await db.tenant("globex")).id]);
  await db.admin.query("update platform.tenants set name = $1 where slug = 'globex'", [NAME]);
});
afterAll(async () => {
  await other.close();
  await db.close();
});
beforeEach(async ({ skip }) => {
  skip(missing.length > 0, why);
  dir = await mkdtemp(join(db.dir, "stock-"));
  return () => rm(dir, { recursive: true });
});

const psql = (url: string, ...args: string[]) => run("psql", ["-X", "-q", url, ...args], { cwd: dir });
const unpack = async () => {
  await run("tar", ["-xf", await db.archive("globex"), "-C", dir]);
  await run("sha256sum", ["-c", "manifest.sha256"], { cwd: dir });
};

describe("the three documented commands", () => {
  test("bring the tenant into another database of Rowhouse, equal row by row, and migrate opens it", async () => {
    await unpack();
    const { stdout } = await psql(other.url, "-f", "restore.sql");
    expect(stdout).toContain("rowhouse migrate");
    await migrate(other.database, { appDir: SALES });
    const [source, copy] = [await db.tenant("globex"), await other.tenant("globex")];
    expect({ id: copy.id, name: copy.name, status: copy.status }).toEqual({
      id: source.id,
      name: source.name,
      status: "active",
    });
    const content = await readShared(db.database, source);
    expect(content.find(({ table }) => table.includes("Odd"))).toMatchObject({ rows: 9 });
    expect(await readShared(other.database, copy)).toEqual(content);
    expect({ name: copy.name, files: await readdir(dir) }).toMatchObject({
      name: NAME,
      files: expect.not.arrayContaining(["pwned"]),
    });
    const { rows } = await other.admin.query("select name from platform.domains where tenant_id = $1", [copy.id]);
    expect(rows).toEqual([{ name: "globex" }]);
  });

  test("leave sequences beyond what came, and the tenant can be written to", async () => {
    const [result] = await runScoped(other.api, await other.scope("globex"), "write", [
      {
        text: `insert into app."Odd ""one"": :tenant_id \\! $$" ("a\nb") values ('next') returning "the 'id'"::text`,
        values: [],
      },
    ]);
    expect(result!.rows).toEqual([["10"]]);
  });

  test("bring it in as another tenant, beside the first", async () => {
    await unpack();
    const id = randomUUID();
    await psql(db.url, "-v", `tenant_id=${id}`, "-v", "slug=globex-2", "-f", "restore.sql");
    await migrate(db.database, { appDir: SALES });
    const copy = await db.tenant("globex-2");
    expect(copy.id).toBe(id);
    expect(await readShared(db.database, copy)).toEqual(await readShared(db.database, await db.tenant("globex")));
  });
});

test("the signature and every file are checked by the commands of the page", async ({ skip }) => {
  const wanted = ["ssh-keygen", "jq", "bash"].filter((tool) => spawnSync(tool, ["--help"]).error !== undefined);
  skip(wanted.length > 0, `not installed here: ${wanted.join(", ")}`);
  const path = join(dir, "signed.rowhouse");
  await exportTenant(db.database, { slug: "globex" }, { path, sign: true });
  await run("tar", ["-xf", path, "-C", dir]);
  await writeFile(join(dir, "rowhouse.pub"), `${openSigner(db.database.keyring).key.text}\n`);
  const page = await readFile(join(import.meta.dirname, "../../docs/how-to/restore-with-stock-tools.md"), "utf8");
  const block = /```sh no-test\n([^`]*ssh-keygen[^`]*)```/.exec(page)![1]!;
  const check = () => run("bash", ["-euo", "pipefail", "-c", block], { cwd: dir });
  const { stdout } = await check();
  expect(stdout).toContain('Good "rowhouse-archive" signature');
  expect(stdout).toContain("restore.sql: OK");
  expect(stdout.match(/^data\/\S+: OK$/gm)).toHaveLength(
    (await readContent(db.database, await db.tenant("globex"))).length,
  );
  await writeFile(join(dir, "restore.sql"), "select 1;\n");
  await expect(check()).rejects.toThrow("did NOT match");
});

describe("nothing is written", () => {
  const counts = async () => [
    await readShared(db.database, await db.tenant("globex")),
    (await db.admin.query("select count(*) from platform.tenants")).rows,
  ];
  const refused = async (...args: string[]) => {
    const before = await counts();
    const failure = await psql(db.url, ...args, "-f", "restore.sql").then(
      () => "no refusal at all",
      (error: { code: number; stderr: string }) => `${error.code} ${error.stderr}`,
    );
    expect(await counts()).toEqual(before);
    return failure;
  };

  test("when the tenant has rows", async () => {
    await unpack();
    expect(await refused()).toMatch(/^3 .*(?:duplicate key|rows of the tenant)/s);
  });

  test("when a file is missing, or lacks rows", async () => {
    await unpack();
    const as = ["-v", `tenant_id=${randomUUID()}`, "-v", "slug=globex-3"];
    const path = join(dir, "data/app.invoices.copy.zst");
    const { stdout } = await run("zstd", ["-dcq", path], { maxBuffer: 1 << 26 });
    const short = stdout.slice(0, stdout.lastIndexOf("\n", stdout.length - 2) + 1);
    await writeFile(join(dir, "short"), short);
    await run("zstd", ["-qf", join(dir, "short"), "-o", path]);
    expect(await refused(...as)).toMatch(/^3 .*app\.invoices has \d+ rows of the tenant, the archive \d+/s);
    await rm(path);
    expect(await refused(...as)).toMatch(/^3 .*app\.invoices\.copy\.zst/s);
  });

  test("when the tenant lives in another database", async () => {
    await unpack();
    const { id } = await db.tenant("initech");
    await db.admin.query("update platform.tenants set moved_to = 'big1' where id = $1", [id]);
    expect(await refused("-v", `tenant_id=${id}`)).toMatch(/^3 .*The tenant initech lives in the database big1/s);
    await db.admin.query("update platform.tenants set moved_to = null where id = $1", [id]);
  });

  test("when the role is under row-level security", async () => {
    await unpack();
    const url = new URL(db.url);
    url.username = "rowhouse_exporter";
    url.password = db.database.keyring.rolePassword("rowhouse_exporter");
    const failure = await psql(url.href, "-f", "restore.sql").catch((error: { code: number }) => error.code);
    expect(failure).toBe(3);
  });
});

test("the tables of any PostgreSQL will do", async () => {
  await unpack();
  await using plain = await testDatabase("empty");
  const manifest = JSON.parse(await readFile(join(dir, "manifest.json"), "utf8")) as {
    tables: { schema: string; name: string; rows: number; columns: { name: string; type: string }[] }[];
  };
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  await plain.admin.query("create schema app; create schema tenant");
  for (const { schema, name, columns } of manifest.tables) {
    const list = columns.map((column) => `, ${quote(column.name)} ${column.type}`).join("");
    await plain.admin.query(`create table ${schema}.${quote(name)} (tenant_id uuid${list})`);
  }
  // However long it takes: of the limits that the database has, none holds while the rows come in.
  const limits =
    "select name, setting from pg_settings where name in ('statement_timeout', 'transaction_timeout', 'lock_timeout')";
  await plain.admin.query(`
    create function app.assert_unhurried() returns trigger language plpgsql as $$
    begin
      if exists (select from (${limits}) s where setting <> '0') then
        raise exception 'a limit of time';
      end if;
      return new;
    end $$;
    create trigger unhurried before insert on app.customers for each row execute function app.assert_unhurried();
    alter table app.customers enable always trigger unhurried`);
  for (const { name } of (await plain.admin.query<{ name: string }>(limits)).rows) {
    await plain.admin.query(`alter database ${new URL(plain.url).pathname.slice(1)} set ${name} = '7min'`);
  }
  await psql(plain.url, "-f", "restore.sql");
  for (const { schema, name, rows } of manifest.tables) {
    const found = await plain.admin.query(`select from ${schema}.${quote(name)}`);
    expect(found.rowCount).toBe(rows);
  }
});

test("--format sql is one file that psql loads alone", async () => {
  const path = join(dir, "globex.sql");
  await exportTenant(db.database, { slug: "globex" }, { path, format: "sql" });
  const id = randomUUID();
  await psql(db.url, "-v", `tenant_id=${id}`, "-v", "slug=globex-sql", "-f", path);
  await migrate(db.database, { appDir: SALES });
  const copy = await db.tenant("globex-sql");
  expect(await readShared(db.database, copy)).toEqual(await readShared(db.database, await db.tenant("globex")));
  expect(await readFile(path, "utf8")).toContain((await db.tenant("globex")).id); // as the default of tenant_id alone
});
