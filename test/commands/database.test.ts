import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SALES, testDatabase, withDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { relocate } from "../tenant/relocate.ts";
import { run, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let big1: DedicatedDatabase;
let folder: string;
const made = `rowhouse_test_${randomBytes(6).toString("hex")}`;
/** Stands in every URL, and must never be seen. */
let secret: string;
const seen: Ended[] = [];

beforeAll(async () => {
  db = await testDatabase();
  secret = new URL(withPassword(db.url)).password;
  big1 = await db.dedicated("big1");
  folder = await mkdtemp(join(tmpdir(), "rowhouse-database-"));
});
afterAll(async () => {
  await db.admin.query(`drop database if exists ${made} with (force)`);
  await db?.close();
  await rm(folder, { recursive: true });
});

/** A server that trusts whoever comes has none in its URL. */
function withPassword(url: string): string {
  const own = new URL(url);
  own.password ||= "correct-horse-battery";
  return own.href;
}

async function rowhouse(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const ended = await run(args, { env: { DATABASE_URL: db.url, ROWHOUSE_APP: SALES, ...env } });
  seen.push(ended);
  return ended;
}

const add = (name: string, url: string, ...more: string[]) =>
  rowhouse(["database", "add", name, "--url-from", `env:TENANT_DB_${name.toUpperCase()}`, "--json", ...more], {
    [`TENANT_DB_${name.toUpperCase()}`]: withPassword(url),
  });

const codeOf = ({ stderr }: Ended) =>
  (JSON.parse(stderr.trim().split("\n").at(-1)!) as { error: { code: string; message: string } }).error;

const names = async () => {
  const { rows } = await db.platform.query<{ name: string }>("select name from platform.databases order by 1");
  return rows.map(({ name }) => name);
};

describe("database add", () => {
  test("makes, migrates, checks and registers a database, and tells the audit trail without its secret", async () => {
    const ended = await add("big2", withDatabase(db.url, made), "--create", "--peer", "db.internal:5432");
    expect(ended.stderr).not.toContain("error");
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.json()).toMatchObject({ name: "big2", kind: "dedicated", created: true, peer: "db.internal:5432" });
    expect(await names()).toEqual(["big1", "big2", "shared"]);
    const { rows } = await db.admin.query(
      "select details from platform.audit_events where action = 'database.added' and details ->> 'name' = 'big2'",
    );
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test("goes on where it was interrupted: migrated already, not registered yet", async () => {
    await db.admin.query("delete from platform.databases where name = 'big2'");
    expect((await add("big2", withDatabase(db.url, made), "--create")).json()).toMatchObject({
      created: false,
      applied: [],
    });
  });

  test.each([
    ["the registry's own", () => ["other", db.url, "RH705", /registry/]],
    [
      "one that is here under another name",
      () => ["other", big1.url.replace("127.0.0.1", "localhost"), "RH705", /as big1/],
    ],
    ["a name that is taken", () => ["big1", big1.url, "RH703", /big1/]],
    ["one that is not there", () => ["other", withDatabase(db.url, "nowhere_at_all"), "RH302", /does not exist/]],
    ["a server that is not there", () => ["other", db.url.replace(/:\d+\//, ":1/"), "RH302", /ECONNREFUSED/]],
    ["no URL", () => ["other", "", "RH401", /nothing/]],
  ] satisfies [string, () => [string, string, string, RegExp]][])("refuses %s", async (_what, given) => {
    const [name, url, code, message] = given();
    const ended =
      url === ""
        ? await rowhouse(["database", "add", name, "--url-from", "env:TENANT_DB_URL", "--json"])
        : await add(name, url);
    expect(codeOf(ended)).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(await names()).toEqual(["big1", "big2", "shared"]);
  });

  test("refuses the URL itself without showing it, and malformed names, kinds and peers", async () => {
    const shown = await rowhouse(["database", "add", "other", "--url-from", withPassword(db.url), "--json"]);
    expect([shown.code, codeOf(shown).code]).toEqual([2, "RH400"]);
    for (const bad of [["Other"], ["other", "--kind", "big"], ["other", "--peer", "db.internal"]])
      expect((await rowhouse(["database", "add", ...bad, "--url-from", "env:X", "--json"])).code).toBe(2);
  });

  test("refuses another deployment's tenants, and a copy of its own", async () => {
    const copy = await db.dedicated("copy");
    await db.admin.query("delete from platform.databases where name = 'copy'");
    const insert = "insert into platform.tenants (id, slug, name, seal) values (gen_random_uuid(), 'acme', 'Acme', $1)";
    await copy.admin.query(insert, [Buffer.alloc(32)]);
    expect(codeOf(await add("copy", copy.url))).toMatchObject({
      code: "RH705",
      message: expect.stringContaining("secret"),
    });
    const { rows } = await copy.admin.query("select seal from platform.tenants");
    expect(rows[0].seal).toEqual(Buffer.alloc(32));
    await copy.admin.query("delete from platform.tenants");
    const own = await db.admin.query("select id, seal from platform.tenants where slug = 'acme'");
    await copy.admin.query("insert into platform.tenants (id, slug, name, seal) values ($1, 'acme', 'Acme', $2)", [
      own.rows[0].id,
      own.rows[0].seal,
    ]);
    expect(codeOf(await add("copy", copy.url))).toMatchObject({
      code: "RH705",
      message: expect.stringContaining("acme"),
    });
    await copy.admin.query("delete from platform.tenants");
    await copy.admin.query(
      "insert into platform.databases (name, kind, secret_ref, address) values ('x', 'shared', 'env:X', 'x')",
    );
    expect(codeOf(await add("copy", copy.url))).toMatchObject({
      code: "RH705",
      message: expect.stringContaining("registry of another"),
    });
  });

  test("registers nothing in which a check fails", async () => {
    const holed = await db.dedicated("holed");
    await db.admin.query("delete from platform.databases where name = 'holed'");
    await holed.admin.query(
      "create function app.leak() returns int language sql security definer as 'select 1'; grant execute on function app.leak() to rowhouse_api",
    );
    const ended = await add("holed", holed.url);
    expect(codeOf(ended)).toMatchObject({ code: "RH705", message: expect.stringContaining("check") });
    expect(await names()).not.toContain("holed");
  });
});

describe("database list, test and remove", () => {
  test("list shows where the URL is found, and how many tenants live there", async () => {
    await relocate(db, "shared", big1, "big1", "acme");
    const listed = (await rowhouse(["database", "list", "--json"])).json<Record<string, unknown>[]>();
    expect(listed.map(({ name, tenants }) => [name, tenants])).toEqual([
      ["shared", 2],
      ["big1", 1],
      ["big2", 0],
    ]);
    expect((await rowhouse(["database", "list"])).stdout).toContain(big1.secretRef);
  });

  test("each is measured; one that fails is told of, the rest go on, and the exit code is 3", async () => {
    await writeFile(join(folder, "gone"), withPassword(db.url.replace(/:\d+\//, ":1/")));
    await db.admin.query(
      "insert into platform.databases (name, kind, secret_ref, address) values ('gone', 'dedicated', $1, 'gone')",
      [`file:${join(folder, "gone")}`],
    );
    await big1.admin.query("delete from platform.app_migrations where name like '0009%'");
    const ended = await rowhouse(["database", "test", "--json"], {
      TENANT_DB_BIG2: withPassword(withDatabase(db.url, made)),
    });
    expect(ended.code).toBe(3);
    const reports = ended.json<Record<string, unknown>[]>();
    expect(reports.map(({ name, version }) => [name, version])).toEqual([
      ["shared", "equal"],
      ["big1", "older"],
      ["big2", "equal"],
      ["gone", "unknown"],
    ]);
    expect(JSON.stringify(reports[1])).toContain("0009");
    expect(reports[1]).toMatchObject({ tenants: ["acme"], postgresql: expect.stringMatching(/^\d+\.\d+$/) });
    expect(reports[3]).toMatchObject({ problems: [{ problem: expect.stringContaining("ECONNREFUSED") }] });
    const text = await rowhouse(["database", "test", "shared"]);
    console.log(text.stdout);
    expect(text.stdout).toMatch(/latency +[\d.]+ ms/);
  });

  test("remove is refused while a tenant lives there or a move needs it, and for the registry's", async () => {
    expect((await rowhouse(["database", "remove", "big1", "--json"])).code).toBe(5);
    expect((await rowhouse(["database", "remove", "shared", "--json"])).code).toBe(5);
    expect((await rowhouse(["database", "remove", "nobody", "--json"])).code).toBe(4);
    const move = `insert into platform.moves (id, tenant_id, slug, from_database, to_database, state, token, epoch, forward_name, reverse_name, settings, actor)
      select gen_random_uuid(), id, slug, 'shared', 'big2', 'planned', gen_random_uuid(), 1, 'f', 'r', '{}', 'test' from platform.tenants where slug = 'globex'`;
    await db.admin.query(move);
    expect(codeOf(await rowhouse(["database", "remove", "big2", "--json"]))).toMatchObject({
      code: "RH704",
      message: expect.stringContaining("globex"),
    });
    await db.admin.query("update platform.moves set state = 'aborted', finished_at = now()");
    expect((await rowhouse(["database", "remove", "big2", "--json"])).code).toBe(0);
    expect(await names()).toEqual(["big1", "gone", "shared"]);
  });

  test("a password was never seen, whatever happened", () => {
    expect(seen.length).toBeGreaterThan(15);
    expect(seen.filter(({ stdout, stderr }) => `${stdout}${stderr}`.includes(secret))).toEqual([]);
  });
});
