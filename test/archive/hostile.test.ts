import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportTenant } from "../../src/archive/export.ts";
import type { Manifest } from "../../src/archive/manifest.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { openSigner } from "../../src/archive/sign.ts";
import { verifyArchive } from "../../src/archive/verify.ts";
import type { ErrorKind } from "../../src/errors.ts";
import { joinParts, readParts, withManifest, withRows, type Part } from "./forge.ts";
import { openWorkspace, refusal, type Workspace } from "./workspace.ts";

/*
 * Archives that somebody made to do harm, with digests and hashes that fit. What happens by accident is in damage.test.ts. Each
 * test says which threat of threats.md it is about; nothing of any of them may be written.
 */

let db: Workspace;
let parts: Part[];
let bad: string;
beforeAll(async () => {
  db = await openWorkspace();
  await db.admin.query(`set role rowhouse_owner;
    create table app.numbered (tenant_id uuid not null default platform.current_tenant(), id bigserial, v text, primary key (tenant_id, id));
    select platform.protect_table('app.numbered'); reset role`);
  await db.admin.query("insert into app.numbered (tenant_id, v) select id, 'v' from platform.tenants");
  parts = await readParts(await db.archive("globex"));
  bad = join(db.dir, "bad.rowhouse");
});
afterAll(() => db.close());

/**
 * Everything that a restore may touch: tenants, domains, sequences and all rows. The audit trail tells of an attempt that got as far
 * as the rows.
 */
async function everything(kind: ErrorKind): Promise<unknown> {
  const isTold = kind === "archiveSchema";
  const { rows: tables } = await db.admin.query<{ name: string }>(
    "select c.oid::regclass::text as name from pg_class c where c.relnamespace in ('app'::regnamespace, 'tenant'::regnamespace, 'platform'::regnamespace) and c.relkind in ('r', 'p') and not ($1 and c.relname = 'audit_events') order by 1",
    [isTold],
  );
  const counts = tables.map(
    ({ name }) =>
      `select '${name.replaceAll("'", "''")}' as name, count(*)::text || coalesce(md5(string_agg(t::text, ',' order by t::text)), '') as content from ${name} t`,
  );
  const { rows } = await db.admin.query(`${counts.join(" union all ")} order by 1`);
  const { rows: sequences } = await db.admin.query(
    "select schemaname, sequencename, last_value from pg_sequences where not ($1 and sequencename = 'audit_events_id_seq') order by 1, 2",
    [isTold],
  );
  return { rows, sequences };
}

/** Verify or, where only the database can tell, restore refuses it; nothing at all is written. */
async function refused(
  kind: ErrorKind,
  when: "verify" | "restore",
  content: Buffer,
  publicKeys: string[] = [],
): Promise<string> {
  await writeFile(bad, content);
  const before = await everything(kind);
  const keys = { publicKeys };
  const error = await refusal(kind, restoreArchive(db.database, bad, { as: "refused", keys }));
  if (when === "verify" && publicKeys.length === 0) await refusal(kind, verifyArchive(bad));
  expect(await everything(kind)).toEqual(before);
  return `${error.message}\n${error.details ?? ""}`;
}

const table = (manifest: Manifest, name: string) => manifest.tables.find((one) => one.name === name)!;
const rowsOf = (name: string) =>
  zstdDecompressSync(parts.find((part) => part.name.includes(`app.${name}.`))!.data).toString();
const changed = (change: (manifest: Manifest) => void) => joinParts(withManifest(parts, change));

describe("C03: a bomb", () => {
  /** So many bytes of zeros, compressed. */
  async function bomb(bytes: number, params: Record<number, number> = {}): Promise<Buffer> {
    const path = join(db.dir, "bomb.zst");
    const zeros = Buffer.alloc(1 << 20);
    const source = Readable.from(
      (function* () {
        for (let made = 0; made < bytes; made += zeros.length) yield zeros;
      })(),
    );
    await pipeline(source, createZstdCompress({ params }), createWriteStream(path));
    const packed = await readFile(path);
    await rm(path);
    return packed;
  }
  const withPacked = (data: Buffer) =>
    withManifest(
      parts.map((part) => (part.name.includes("app.customers.") ? { ...part, data } : part)),
      (manifest) =>
        Object.assign(table(manifest, "customers"), {
          fileBytes: data.length,
          fileSha256: createHash("sha256").update(data).digest("hex"),
        }),
    );

  test("of 4 GB in a table that says 20 kB stops there, in flat memory", async () => {
    const data = await bomb(4 * 2 ** 30);
    expect(data.length).toBeLessThan(1 << 20);
    await writeFile(bad, joinParts(withPacked(data)));
    const before = process.memoryUsage.rss();
    let most = 0;
    const onProgress = ({ table: name, bytes }: { table: string; bytes: number }) => {
      if (name === "app.customers") most = Math.max(most, bytes);
    };
    const { message } = await refusal("archiveDamaged", verifyArchive(bad, { onProgress }));
    expect(message).toContain("unpacks to more than");
    expect(most).toBeLessThan(1 << 20);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20);
    await refused("archiveDamaged", "verify", joinParts(withPacked(data)));
  });

  test("that asks for a window of 128 MB gets none", async () => {
    const data = await bomb(2 ** 28, {
      [constants.ZSTD_c_windowLog]: 27,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
    });
    expect(await refused("archiveDamaged", "verify", joinParts(withPacked(data)))).toContain("zstd");
  });

  test.each<[string, (depth: number) => string]>([
    ["arrays", (depth) => "[".repeat(depth) + "]".repeat(depth)],
    ["objects", (depth) => '{"a":'.repeat(depth) + "1" + "}".repeat(depth)],
    ["arrays as the format", (depth) => `{"format":${"[".repeat(depth)}${"]".repeat(depth)},"version":1}`],
    ["a manifest whose format is a text of megabytes", (depth) => `{"format":"${"x".repeat(depth * 50)}","version":1}`],
    [
      "arrays in a table",
      (depth) =>
        parts
          .find(({ name }) => name === "manifest.json")!
          .data.toString()
          .replace('"tables": [', `"tables": [${"[".repeat(depth)}${"]".repeat(depth)},`),
    ],
  ])("of JSON: %s, a hundred thousand deep", async (_what, make) => {
    const data = Buffer.from(make(100_000));
    const digest = Buffer.from(`${createHash("sha256").update(data).digest("hex")}  manifest.json\n`);
    const forged = parts.map((part) =>
      part.name === "manifest.json"
        ? { ...part, data }
        : part.name === "manifest.sha256"
          ? { ...part, data: digest }
          : part,
    );
    await writeFile(bad, joinParts(forged));
    const error = await verifyArchive(bad).catch((caught: unknown) => caught);
    expect(["archiveDamaged", "archiveVersion"]).toContain((error as { kind: string }).kind);
    expect((error as Error).message.length).toBeLessThan(1000);
  });
});

describe("C04: a forged manifest", () => {
  test.each<[string, (manifest: Manifest) => void]>([
    ["more rows than there are", (manifest) => (table(manifest, "customers").rows += 1)],
    ["rows beyond what a number can be", (manifest) => (table(manifest, "customers").rows = 2 ** 60)],
    ["bytes beyond all bounds", (manifest) => (table(manifest, "customers").rawBytes = Number.MAX_VALUE)],
    ["half a row", (manifest) => (table(manifest, "customers").rows = 0.5)],
    ["a hash that is no number", (manifest) => (table(manifest, "customers").rowHash = "1; drop table app.customers")],
    [
      "a maximum that is SQL",
      (manifest) => (table(manifest, "numbered").maxima = { id: "1); drop table app.customers; --" }),
    ],
    ["the platform's tables", (manifest) => Object.assign(table(manifest, "customers"), { schema: "platform" })],
    [
      "a table of the catalog",
      (manifest) => Object.assign(table(manifest, "customers"), { schema: "pg_catalog", name: "pg_authid" }),
    ],
    [
      "tenant_id as a column",
      (manifest) => table(manifest, "customers").columns.push({ name: "tenant_id", type: "uuid", nullable: false }),
    ],
    [
      "more columns than a table can have",
      (manifest) => {
        table(manifest, "customers").columns = Array.from({ length: 1601 }, (_, index) => ({
          name: `c${index}`,
          type: "text",
          nullable: true,
        }));
      },
    ],
    ["an id that is SQL", (manifest) => (manifest.tenant.id = "' or true --")],
    ["a status that opens nothing", (manifest) => Object.assign(manifest.tenant, { status: "deleting" })],
    [
      "a prototype",
      (manifest) => Object.defineProperty(manifest, "__proto__", { value: { admin: true }, enumerable: true }),
    ],
  ])("that says %s is refused by reading it", async (_what, change) => {
    expect(await refused("archiveDamaged", "verify", changed(change))).toContain("damaged");
  });

  test.each<[string, (manifest: Manifest) => void, string]>([
    [
      "a table that is not here",
      (manifest) => (table(manifest, "numbered").name = "nothing"),
      "there is no table app.nothing",
    ],
    [
      "a name that is SQL",
      (manifest) => (table(manifest, "numbered").columns[0]!.name = 'id"; drop table app.customers; --'),
      "does not exist",
    ],
    [
      "a name that runs psql",
      (manifest) => (table(manifest, "numbered").columns[0]!.name = "id\n\\! touch /tmp/rowhouse-evil"),
      "does not exist",
    ],
    ["another type", (manifest) => (table(manifest, "numbered").columns[0]!.type = "text"), "in the archive text"],
    [
      "a type that is SQL",
      (manifest) => (table(manifest, "numbered").columns[0]!.type = "bigint); drop table app.customers; --"),
      "in the archive",
    ],
    ["columns in another order", (manifest) => table(manifest, "customers").columns.reverse(), "app.customers"],
    ["another row hash", (manifest) => (table(manifest, "customers").rowHash = "1"), "differ"],
    [
      "a maximum that would use up everybody's numbers",
      (manifest) => (table(manifest, "numbered").maxima = { id: "9223372036854775806" }),
      "app.numbered",
    ],
    [
      "a maximum beyond all numbers",
      (manifest) => (table(manifest, "numbered").maxima = { id: "9".repeat(40) }),
      "app.numbered",
    ],
  ])("that says %s is refused by this database", async (_what, change, said) => {
    // The file of a table is named by its number where the name is odd, so that what is refused is not the file's name.
    const forged = changed((manifest) => {
      change(manifest);
      const own = manifest.tables.find(({ name }) => name === "nothing");
      if (own !== undefined) own.file = "data/app.nothing.copy.zst";
    });
    const renamed = said.includes("app.nothing")
      ? joinParts(
          withManifest(
            parts.map((part) =>
              part.name.includes("app.numbered.") ? { ...part, name: "data/app.nothing.copy.zst" } : part,
            ),
            (manifest) =>
              Object.assign(table(manifest, "numbered"), { name: "nothing", file: "data/app.nothing.copy.zst" }),
          ),
        )
      : forged;
    expect(await refused("archiveSchema", "restore", renamed)).toContain(said);
  });

  test("without its signature, or with another's, is refused where a key is wanted", async () => {
    const path = join(db.dir, "signed.rowhouse");
    await exportTenant(db.database, { slug: "globex" }, { path, sign: true, overwrite: true });
    const signed = await readParts(path);
    const own = openSigner(db.database.keyring).key.text;
    expect(await refused("signatureInvalid", "verify", joinParts(signed.slice(0, -1)), [own])).not.toBe("");
    const changedAfter = withManifest(signed, (manifest) => (manifest.tenant.name = "Mine"));
    await refused("signatureInvalid", "verify", joinParts(changedAfter), [own]);
    await exportTenant(db.database, { slug: "initech" }, { path, sign: true, overwrite: true });
    const others = await readParts(path);
    await refused("signatureInvalid", "verify", joinParts(signed.with(-1, others.at(-1)!)), [own]);
  });

  test("with a restore.sql of one's own is refused, also by its size", async () => {
    const evil = (content: string) =>
      joinParts(parts.map((part) => (part.name === "restore.sql" ? { ...part, data: Buffer.from(content) } : part)));
    const own = parts.find(({ name }) => name === "restore.sql")!.data.toString();
    for (const content of [`\\! id\n${own}`, own.replace("begin;", "begin "), "", own.slice(0, -1)])
      expect(await refused("archiveDamaged", "verify", evil(content))).toContain("restore.sql");
  });
});

describe("C05: rows that are not the tenant's", () => {
  test("a foreign key to another tenant's row, in an archive that is whole", async () => {
    const [globex, acme] = [await db.tenant("globex"), await db.tenant("acme")];
    const move = `update app.invoices set customer_id = (select id from app.customers where tenant_id = $2 order by id limit 1)
      where tenant_id = $1 and id = (select min(id::text)::uuid from app.invoices where tenant_id = $1) returning id`;
    await db.admin.query("begin");
    await db.admin.query("set local session_replication_role = replica");
    const { rows } = await db.admin.query<{ id: string }>(
      "select id, customer_id from app.invoices where tenant_id = $1 and id = (select min(id::text)::uuid from app.invoices where tenant_id = $1)",
      [globex.id],
    );
    await db.admin.query(move, [globex.id, acme.id]);
    await db.admin.query("commit");
    const content = await readFile(await db.archive("globex", "foreign.rowhouse"));
    await db.admin.query("begin; set local session_replication_role = replica");
    await db.admin.query("update app.invoices set customer_id = $3 where tenant_id = $1 and id = $2", [
      globex.id,
      rows[0]!.id,
      (rows[0] as unknown as { customer_id: string }).customer_id,
    ]);
    await db.admin.query("commit");
    expect(await refused("archiveSchema", "restore", content)).toContain("invoices");
  });

  test("ids that another tenant has stay apart: a restore beside it changes no row of it", async () => {
    await writeFile(bad, joinParts(parts));
    const { id } = await db.tenant("globex");
    const own = async () =>
      (
        await db.admin.query(
          "select md5(string_agg(t::text, ',' order by id)) from app.customers t where tenant_id = $1",
          [id],
        )
      ).rows;
    const before = await own();
    await restoreArchive(db.database, bad, { as: "beside" });
    expect(await own()).toEqual(before);
  });
});

describe("C06: SQL and tricks in the rows", () => {
  test.each<[string, () => string]>([
    ["one value more", () => rowsOf("tax_rates").replace("\n", "\textra\n")],
    ["one value less", () => rowsOf("tax_rates").replace(/\t[^\t\n]*\n/, "\n")],
    ["a tenant_id in front", () => `00000000-0000-0000-0000-000000000000\t${rowsOf("tax_rates")}`],
    ["the end of COPY, and SQL after it", () => `${rowsOf("tax_rates")}\\.\ndrop table app.customers;\n`],
    ["a line of SQL", () => `drop table app.customers;\n${rowsOf("tax_rates")}`],
    ["bytes that are no UTF-8", () => rowsOf("tax_rates").replace("\n", "\\377\\376\n")],
    ["a NUL", () => rowsOf("tax_rates").replace("\n", "\\000\n")],
    ["the same row twice", () => rowsOf("tax_rates").replace(/^[^\n]*\n/, (line) => line + line)],
    ["no rows where rows are said", () => ""],
    [
      "a value that is another type's",
      () => rowsOf("tax_rates").replace(/^[^\t]*/, "'); drop table app.customers; --"),
    ],
  ])("%s", async (_what, make) => {
    expect(await refused("archiveSchema", "restore", joinParts(withRows(parts, "tax_rates", make())))).toContain(
      "tax_rates",
    );
  });

  test("SQL in a text is a text", async () => {
    const text = "'); drop table app.numbered; --";
    const { id } = await db.tenant("initech");
    await db.admin.query("update app.numbered set v = $2 where tenant_id = $1", [id, text]);
    const { tenant } = await restoreArchive(db.database, await db.archive("initech"), { as: "texts" });
    const { rows } = await db.admin.query("select v from app.numbered where tenant_id = $1", [tenant.id]);
    expect(rows).toEqual([{ v: text }]);
  });
});
