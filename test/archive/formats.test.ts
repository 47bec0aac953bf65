import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { unpackTar } from "modern-tar";
import { from as copyFrom } from "pg-copy-streams";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportTenant } from "../../src/archive/export.ts";
import type { Format } from "../../src/archive/format.ts";
import { openWorkspace, refusal, type Workspace } from "./workspace.ts";

const TEXTS = [
  "",
  " ",
  "a,b",
  'say "hi"',
  "line\nbreak",
  "cr\r\nlf",
  "tab\there",
  "\\",
  "\\N",
  "\\.",
  "NULL",
  "ü€😀",
  "\u0001\b\v\f",
];
const SETUP = [
  `create table app.kinds (tenant_id uuid, id bigint, small smallint, int integer, big bigint, num numeric, r real, d double precision,
     flag boolean, bytes bytea, word text, at timestamptz, day date, js json, jb jsonb, list text[], "Case" text, "case" text,
     primary key (tenant_id, id))`,
  "select platform.protect_table('app.kinds')",
  `create table app.keys (tenant_id uuid, id integer, note text not null, primary key (tenant_id, id))`,
  "select platform.protect_table('app.keys')",
];

let db: Workspace;
let tenantId: string;

beforeAll(async () => {
  db = await openWorkspace();
  ({ id: tenantId } = await db.tenant("globex"));
  await db.admin.query("set role rowhouse_owner");
  for (const statement of SETUP) await db.admin.query(statement);
  await db.admin.query("reset role");
  await db.admin.query(
    `insert into app.kinds select $1, n, -n, 2147483647, 9007199254740993, '12345678901234567890.1234567890', 'NaN', 'Infinity',
       n % 2 = 0, decode('00ff5c0a', 'hex'), t, '2026-01-02 03:04:05.678901+02', '0044-03-15 BC', E'{"a":\\n 1.0}', '{"b":"x\\ny"}', array['x', null, 'y"z'], 'A', 'a'
     from unnest($2::text[]) with ordinality u (t, n)`,
    [tenantId, TEXTS],
  );
  await db.admin.query("insert into app.kinds (tenant_id, id, d) values ($1, 100, 0.1), ($1, 101, -0.0)", [tenantId]);
  await db.admin.query("insert into app.keys values ($1, 7, 'seven')", [tenantId]);
});
afterAll(() => db.close());

async function exported(format: Format, name: string): Promise<string> {
  const path = join(db.dir, name);
  await exportTenant(db.database, { slug: "globex" }, { path, format });
  return path;
}

/** What an export writes into a pipe. */
async function piped(format: Format): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const path = new Writable({ write: (chunk: Buffer, _encoding, done) => (chunks.push(chunk), done()) });
  await exportTenant(db.database, { slug: "globex" }, { path, format });
  return Buffer.concat(chunks);
}

const rowsOf = async (table: string, columns = "*", order = "id") =>
  (
    await db.admin.query({
      text: `select ${columns} from ${table} where tenant_id = '${tenantId}' order by ${order}`,
      rowMode: "array",
    })
  ).rows;

describe("csv", () => {
  test("is a folder with a file for each table, which PostgreSQL reads back as it was", async () => {
    const folder = await exported("csv", "globex-csv");
    const { rows: tables } = await db.admin.query<{ file: string }>(
      `select n.nspname || '.' || c.relname || '.csv' as file from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname in ('app', 'tenant') and c.relkind in ('r', 'p') and not c.relispartition
         and c.oid <> 'tenant.idempotency_keys'::regclass -- kept answers are no archive's`,
    );
    expect((await readdir(folder)).toSorted()).toEqual(tables.map(({ file }) => file).toSorted());
    const text = await readFile(join(folder, "app.kinds.csv"));
    expect(text.toString().split("\r\n")[0]).toBe(
      "id,small,int,big,num,r,d,flag,bytes,word,at,day,js,jb,list,Case,case",
    );
    await db.admin.query("create temporary table back (like app.kinds); alter table back drop column tenant_id");
    await pipeline(
      Readable.from(text, { objectMode: false }),
      db.admin.query(copyFrom("copy back from stdin (format csv, header match)")),
    );
    const same =
      'array(select t::text from (select id, small, int, big, num, r, d, flag, bytes, word, at, day, js, jb, list, "Case", "case"';
    const { rows } = await db.admin.query<{ was: string[]; back: string[] }>(
      `select ${same} from app.kinds where tenant_id = $1) t order by id) as was, ${same} from back) t order by id) as back`,
      [tenantId],
    );
    expect(rows[0]!.back).toEqual(rows[0]!.was);
    expect(rows[0]!.was).toHaveLength(TEXTS.length + 2);
    await db.admin.query("drop table back");
  });

  test("is RFC 4180: CR LF, quotes doubled, null and an empty text apart", async () => {
    const text = await readFile(join(db.dir, "globex-csv/app.kinds.csv"), "utf8");
    expect(
      text
        .split("\n")
        .every((line, index, all) => line.endsWith("\r") || index === all.length - 1 || line.includes('"')),
    ).toBe(true);
    expect(text).toContain(',"say ""hi""",');
    expect(text).toMatch(/^1,[^\r]*,"",2026/m);
    expect(text).toMatch(/^100,,,,,,0\.1,,,,,,,,,,\r$/m);
  });

  test("is a tar where it goes into a pipe", async () => {
    const entries = await unpackTar(await piped("csv"), { strict: true });
    const kinds = entries.find(({ header }) => header.name === "app.kinds.csv")!;
    expect(Buffer.from(kinds.data!)).toEqual(await readFile(join(db.dir, "globex-csv/app.kinds.csv")));
  });

  test("replaces a folder of its kind when told to, and no other", async () => {
    const path = join(db.dir, "globex-csv");
    const again = (overwrite: boolean, to = path) =>
      exportTenant(db.database, { slug: "globex" }, { path: to, format: "csv", overwrite });
    await refusal("fileExists", again(false));
    await writeFile(join(path, "app.old.csv"), "x");
    await again(true);
    expect(await readdir(path)).not.toContain("app.old.csv");
    const mine = join(db.dir, "mine");
    await mkdir(mine);
    await writeFile(join(mine, "thesis.txt"), "x");
    await refusal("fileExists", again(true, mine));
    expect(await readdir(mine)).toEqual(["thesis.txt"]);
    expect((await readdir(db.dir)).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("ndjson", () => {
  test("is PostgreSQL's own JSON of each row, a line each, with the name of its table", async () => {
    const text = await readFile(await exported("ndjson", "globex.ndjson"), "utf8");
    const lines = text.trimEnd().split("\n");
    const parsed = lines.map((line) => JSON.parse(line) as { table: string; row: unknown });
    const kinds = parsed.filter(({ table }) => table === "app.kinds").map(({ row }) => row);
    await db.admin.query("set timezone = 'UTC'");
    const wanted = (await rowsOf("app.kinds", "to_jsonb(kinds) - 'tenant_id'")).flat();
    expect(kinds).toEqual(wanted);
    expect(text).toContain('"num":12345678901234567890.1234567890'); // exact for whoever reads it as a decimal
    expect(text).not.toContain("tenant_id");
    expect(await piped("ndjson")).toEqual(Buffer.from(text));
  });
});

describe("sqlite", () => {
  test("holds every row, with integers, blobs and nulls as such and the rest as exact text", async () => {
    const path = await exported("sqlite", "globex.sqlite");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    using sqlite = new DatabaseSync(path, { readOnly: true, readBigInts: true });
    const kinds = sqlite.prepare("select * from kinds order by id").all();
    expect(kinds.map(({ word }) => word)).toEqual([...TEXTS, null, null]);
    expect(kinds[0]).toMatchObject({
      id: 1n,
      small: -1n,
      big: 9007199254740993n,
      num: "12345678901234567890.1234567890",
      r: "NaN",
      d: Infinity,
      flag: 0n,
      bytes: new Uint8Array([0, 255, 92, 10]),
      at: "2026-01-02 01:04:05.678901+00",
      day: "0044-03-15 BC",
      jb: '{"b": "x\\ny"}',
      list: '{x,NULL,"y\\"z"}',
      Case: "A",
      case_2: "a",
    });
    expect(kinds.at(-2)).toMatchObject({ id: 100n, d: 0.1, flag: null, bytes: null });
    expect(sqlite.prepare("select note from keys where id = 7").get()).toEqual({ note: "seven" });
    expect(sqlite.prepare("select value from rowhouse_export where name = 'tenant'").get()).toEqual({
      value: "globex",
    });
    const [[invoices]] = (await rowsOf("app.invoices", "count(*)", "1")) as [[string]];
    expect(String(sqlite.prepare("select count(*) as n from invoices").get()!["n"])).toBe(invoices);
    expect(sqlite.prepare("select name from pragma_table_info('keys') where pk = 1").all()).toEqual([{ name: "id" }]);
    expect(sqlite.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
  });
});

describe("every format", () => {
  const formats: Format[] = ["archive", "sql", "csv", "ndjson", "sqlite"];

  test.each(formats)("%s: an export that is aborted while it is packed leaves nothing", async (format) => {
    const controller = new AbortController();
    const folder = join(db.dir, `aborted-${format}`);
    await mkdir(folder);
    const onProgress = ({ phase }: { phase: string }) => phase === "pack" && controller.abort(new Error("enough"));
    const options = { path: join(folder, "x"), format, signal: controller.signal, onProgress };
    const outcome = await exportTenant(db.database, { slug: "globex" }, options).catch((error: Error) => error.message);
    expect(outcome).toBe("enough");
    expect(await readdir(folder)).toEqual([]);
  });

  test.each(formats)("%s: a pipe that breaks ends it", async (format) => {
    const path = new Writable({ write: (_chunk, _encoding, done) => done(new Error("no reader")) });
    const outcome = await exportTenant(db.database, { slug: "globex" }, { path, format }).catch(
      (error: Error) => error.message,
    );
    expect(outcome).toBe("no reader");
  });
});
