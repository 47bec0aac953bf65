import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { unpackTar } from "modern-tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isWithheld } from "../../src/archive/withheld.ts";
import { exportTenant } from "../../src/archive/export.ts";
import { fingerprintOf } from "../../src/archive/manifest.ts";
import type { ArchiveProgress } from "../../src/archive/progress.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { verifyArchive } from "../../src/archive/verify.ts";
import { migrate } from "../../src/db/migrate.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { SALES, testDatabase } from "../harness.ts";
import { openWorkspace, refusal, type Workspace, readShared } from "./workspace.ts";

const run = promisify(execFile);
let db: Workspace;
beforeAll(async () => {
  db = await openWorkspace();
});
afterAll(() => db.close());

describe("an archive", () => {
  test("restored beside its tenant equals it, table by table", async () => {
    const path = await db.archive("acme");
    const { tenant, created, rows } = await restoreArchive(db.database, path, { as: "acme-copy" });
    const source = await db.tenant("acme");
    const content = await readShared(db.database, source);
    expect(await readShared(db.database, tenant)).toEqual(content);
    expect(content.filter((table) => table.rows > 0).length).toBeGreaterThan(6);
    expect(rows).toBe(content.reduce((sum, table) => sum + table.rows, 0));
    expect({ created, slug: tenant.slug, name: tenant.name, status: tenant.status }).toEqual({
      created: true,
      slug: "acme-copy",
      name: "Acme Corp",
      status: "active",
    });
    expect(tenant.id).not.toBe(source.id);
  });

  test("is served under the copy's own address at once", async () => {
    const [result] = await runScoped(db.api, await db.scope("acme-copy"), "write", [
      { text: "update app.customers set notes = 'x' returning tenant_id", values: [] },
    ]);
    const { id } = await db.tenant("acme-copy");
    expect(new Set(result!.rows.flat())).toEqual(new Set([id]));
  });

  test("restored into another deployment keeps the tenant's id", async () => {
    const path = await db.archive("globex");
    const other = await testDatabase("empty");
    try {
      await migrate(other.database, { appDir: SALES });
      const { tenant, domainsLeft } = await restoreArchive(other.database, path);
      const source = await db.tenant("globex");
      expect({ id: tenant.id, slug: tenant.slug, name: tenant.name }).toEqual({
        id: source.id,
        slug: "globex",
        name: source.name,
      });
      expect(await readShared(other.database, tenant)).toEqual(await readShared(db.database, source));
      expect(domainsLeft).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test("brings a deleted tenant back as it was", async () => {
    const { createTenant } = await import("../../src/tenant/create.ts");
    const { deleteTenant } = await import("../../src/tenant/delete.ts");
    const { tenant } = await createTenant(
      db.platform,
      db.database.keyring,
      { slug: "gone", name: "Gone Ltd", adminEmail: "a@gone.example" },
      "test",
    );
    const before = await readShared(db.database, tenant);
    const path = await db.archive("gone");
    await deleteTenant(db.platform, db.database.keyring, "gone", "test");
    const { tenant: back } = await restoreArchive(db.database, path);
    expect({ ...back, createdAt: "" }).toEqual({ ...tenant, createdAt: "" });
    expect(await readShared(db.database, back)).toEqual(before);
  });

  test("keeps a suspended tenant suspended, and lists the addresses that it leaves behind", async () => {
    const { setTenantStatus } = await import("../../src/tenant/change.ts");
    const { id } = await db.tenant("initech");
    await db.platform.query(
      "insert into platform.domains (name, kind, tenant_id, verified_at) values ('shop.example', 'custom', $1, now())",
      [id],
    );
    await setTenantStatus(db.platform, "initech", "suspended", "test");
    const { tenant, domainsLeft } = await restoreArchive(db.database, await db.archive("initech"), {
      as: "initech-2",
      name: "Two",
    });
    await setTenantStatus(db.platform, "initech", "active", "test");
    expect({ status: tenant.status, name: tenant.name, domainsLeft }).toEqual({
      status: "suspended",
      name: "Two",
      domainsLeft: ["initech", "shop.example"],
    });
  });
});

describe("the manifest", () => {
  test("says what is in it, and from when and where", async () => {
    const path = join(db.dir, "said.rowhouse");
    const started = Date.now();
    const manifest = await exportTenant(db.database, { slug: "globex" }, { path });
    const { rows: version } = await db.admin.query<{ server_version: string }>("show server_version");
    expect(await verifyArchive(path)).toEqual(manifest);
    expect(manifest).toMatchObject({
      format: "rowhouse-archive",
      version: 2,
      postgres: version[0]!.server_version.split(" ")[0],
    });
    expect(manifest.tenant).toMatchObject({
      slug: "globex",
      domains: [{ name: "globex", kind: "subdomain", verified: true }],
    });
    // The server's clock may be a minute off.
    expect(Date.parse(manifest.snapshot.at)).toBeGreaterThan(started - 60_000);
    expect(Date.parse(manifest.snapshot.at)).toBeLessThan(Date.now() + 60_000);
    expect(manifest.schema.platform[0]).toBe("0001_registry");
    expect(manifest.schema.app).toContain("0006_invoices");
    expect(manifest.schema.fingerprint).toBe(fingerprintOf(manifest.tables.toReversed()));
  });

  test("has every tenant table of the catalog, parents first, without tenant_id and generated columns", async () => {
    const { tables } = await verifyArchive(await db.archive("globex"));
    const { rows } = await db.admin.query<{ name: string }>(
      `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname in ('app', 'tenant') and c.relkind in ('r', 'p') order by 1`,
    );
    const names = tables.map(({ schema, name }) => `${schema}.${name}`);
    // Answers that are kept for a day are the one thing that stays behind.
    expect([...names, "tenant.idempotency_keys"].toSorted()).toEqual(rows.map(({ name }) => name).toSorted());
    expect(names.indexOf("app.invoices")).toBeLessThan(names.indexOf("app.invoice_items"));
    const columns = tables.flatMap((table) => table.columns.map(({ name }) => `${table.name}.${name}`));
    expect(columns).toContain("invoices.net_cents");
    expect(columns.filter((name) => name.endsWith(".tenant_id") || name === "invoices.total_cents")).toEqual([]);
  });
});

describe("the file", () => {
  test("is readable by nobody else, and leaves nothing beside it", async () => {
    const folder = join(db.dir, "alone");
    await mkdir(folder);
    await exportTenant(db.database, { slug: "globex" }, { path: join(folder, "globex.rowhouse") });
    expect(await readdir(folder)).toEqual(["globex.rowhouse"]);
    expect((await stat(join(folder, "globex.rowhouse"))).mode & 0o777).toBe(0o600);
  });

  test("is not written over unless asked to", async () => {
    const path = join(db.dir, "kept.rowhouse");
    await writeFile(path, "mine");
    await refusal("fileExists", exportTenant(db.database, { slug: "globex" }, { path }));
    expect(await readFile(path, "utf8")).toBe("mine");
    await exportTenant(db.database, { slug: "globex" }, { path, overwrite: true });
    expect((await verifyArchive(path)).tenant.slug).toBe("globex");
  });

  test("holds no row of another tenant", async () => {
    const acme = await db.admin.query<{ id: string }>(
      "select id::text from app.customers where tenant_id = $1 limit 50",
      [(await db.tenant("acme")).id],
    );
    const path = await db.archive("globex");
    const unpacked = await unpackAll(path);
    const globex = await db.admin.query<{ id: string }>(
      "select id::text from app.customers where tenant_id = $1 limit 50",
      [(await db.tenant("globex")).id],
    );
    expect(globex.rows.every(({ id }) => unpacked.includes(id))).toBe(true);
    expect(acme.rows.filter(({ id }) => unpacked.includes(id))).toEqual([]);
    expect(unpacked).not.toContain((await db.tenant("acme")).id);
  });

  test("opens with stock tar, sha256sum and zstd", async ({ skip }) => {
    const missing: string[] = [];
    for (const tool of ["tar", "sha256sum", "zstd"]) await run(tool, ["--version"]).catch(() => missing.push(tool));
    skip(missing.length > 0, `not installed here: ${missing.join(", ")}`);
    const path = await db.archive("globex");
    const { tables } = await verifyArchive(path);
    const folder = join(db.dir, "stock");
    await mkdir(folder);
    await run("tar", ["-xf", path, "-C", folder]);
    await run("sha256sum", ["-c", "manifest.sha256"], { cwd: folder });
    const invoices = tables.find(({ name }) => name === "invoices")!;
    const { stdout } = await run("zstd", ["-dcq", join(folder, invoices.file)], { maxBuffer: 1 << 26 });
    expect(createHash("sha256").update(stdout).digest("hex")).toBe(invoices.rawSha256);
    expect(stdout.split("\n").length - 1).toBe(invoices.rows);
  });

  test("opens with another tar library", async () => {
    const path = await db.archive("globex");
    const { tables } = await verifyArchive(path);
    const entries = await unpackTar(await readFile(path), { strict: true });
    expect(entries.map(({ header }) => [header.name, header.type, header.mode])).toEqual(
      [...tables.map(({ file }) => file), "restore.sql", "manifest.json", "manifest.sha256"].map((name) => [
        name,
        "file",
        0o600,
      ]),
    );
  });
});

test("progress tells every table of every phase, and ends at the manifest's numbers", async () => {
  const seen: ArchiveProgress[] = [];
  const onProgress = (progress: ArchiveProgress) => seen.push(progress);
  const path = join(db.dir, "watched.rowhouse");
  const { tables } = await exportTenant(db.database, { slug: "acme" }, { path, onProgress });
  await restoreArchive(db.database, path, { as: "watched", onProgress });
  for (const phase of ["count", "copy", "pack", "verify", "load", "compare"] as const) {
    const done = seen.filter((progress) => progress.phase === phase && progress.done);
    // What another tenant does not get is neither loaded nor compared.
    const isCopy = phase === "load" || phase === "compare";
    const wanted = tables.filter(({ schema, name }) => !(isCopy && isWithheld(`${schema}.${name}`)));
    expect(done.map(({ table, rows }) => `${table} ${rows}`).toSorted()).toEqual(
      wanted.map(({ schema, name, rows }) => `${schema}.${name} ${rows}`).toSorted(),
    );
  }
  const all = tables.reduce((sum, { rows }) => sum + rows, 0);
  // Estimated at first, then counted.
  expect(seen.findLast(({ phase }) => phase === "copy")!.allRows).toBe(all);
  expect(seen.every(({ rows, totalRows }) => rows <= totalRows!)).toBe(true);
});

/** All of the container's contents, decompressed, as one text. */
async function unpackAll(path: string): Promise<string> {
  const { zstdDecompressSync } = await import("node:zlib");
  const entries = await unpackTar(await readFile(path), { strict: true });
  return entries
    .map(({ header, data }) =>
      (header.name.endsWith(".zst") ? zstdDecompressSync(data!) : Buffer.from(data!)).toString(),
    )
    .join("\n");
}
