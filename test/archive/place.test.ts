import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cloneTenant } from "../../src/archive/clone.ts";
import { previewRestore, replaceRows } from "../../src/archive/replace.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { migrate } from "../../src/db/migrate.ts";
import { deleteMovedTenant, deleteTenant } from "../../src/tenant/delete.ts";
import { locateTenant } from "../../src/tenant/locate.ts";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";
import { openWorkspace, refusal, type Workspace, readShared } from "./workspace.ts";

let home: Workspace;
let big: TestDatabase;
let path: string;
beforeAll(async () => {
  home = await openWorkspace();
  big = await testDatabase("empty");
  await migrate(big.database, { appDir: SALES });
  const secret = join(home.dir, "big1.url");
  await writeFile(secret, big.url);
  await home.admin.query(
    "insert into platform.databases (name, kind, secret_ref, address) values ('big1', 'dedicated', $1, 'big1')",
    [`file:${secret}`],
  );
  path = await home.archive("globex");
});
afterAll(async () => {
  await big.close();
  await home.close();
});

const entry = async (db: TestDatabase, slug: string) =>
  (await db.admin.query("select status, moved_to, epoch from platform.tenants where slug = $1", [slug])).rows[0];

describe("into a database of its own", () => {
  test("go the rows; the registry keeps the entry and the address", async () => {
    const { tenant, created } = await restoreArchive(home.database, path, { as: "roomy", place: "big1" });
    expect(created).toBe(true);
    expect(tenant).toMatchObject({ movedTo: "big1", status: "active" });
    expect(await entry(home, "roomy")).toEqual({ status: "active", moved_to: "big1", epoch: "1" });
    expect(await entry(big, "roomy")).toEqual({ status: "active", moved_to: null, epoch: "1" });
    const there = await readShared(big.database, { id: tenant.id, epoch: "1" });
    expect(there).toEqual(await readShared(home.database, await home.tenant("globex")));
    const { rows } = await home.admin.query("select count(*)::int as rows from app.invoices where tenant_id = $1", [
      tenant.id,
    ]);
    expect(rows[0]).toEqual({ rows: 0 });
  });

  test("a restore that fails leaves no entry in either", async () => {
    await big.admin.query("alter table app.expenses add constraint cheap check (amount_cents < 2) not valid");
    await refusal("archiveSchema", restoreArchive(home.database, path, { as: "misfit", place: "big1" }));
    await big.admin.query("alter table app.expenses drop constraint cheap");
    expect([await entry(home, "misfit"), await entry(big, "misfit")]).toEqual([undefined, undefined]);
  });

  test("a restore that was cut off between its commits is taken up by the next", async () => {
    await restoreArchive(home.database, path, { as: "resumed", place: "big1" });
    await home.admin.query("update platform.tenants set status = 'importing' where slug = 'resumed'");
    await big.admin.query("update platform.tenants set status = 'importing' where slug = 'resumed'");
    const { created, tenant } = await restoreArchive(home.database, path, { as: "resumed", place: "big1" });
    expect(created).toBe(false);
    expect(tenant.status).toBe("active");
    expect(await entry(big, "resumed")).toMatchObject({ status: "active" });
  });

  test("is refused where there is no such database, or the tenant lives elsewhere", async () => {
    await refusal("databaseUnknown", restoreArchive(home.database, path, { as: "lost", place: "nowhere" }));
    expect((await refusal("tenantExists", restoreArchive(home.database, path, { place: "big1" }))).message).toContain(
      "shared",
    );
    expect((await refusal("tenantExists", restoreArchive(home.database, path, { as: "roomy" }))).message).toContain(
      "big1",
    );
  });
});

describe("a tenant that lives in a database of its own", () => {
  test("is compared, written to and cloned where it lives", async () => {
    const { tenant, place } = await locateTenant(home.database, home.platform, "roomy");
    expect(place).toBe("big1");
    await big.admin.query("update app.customers set name = 'x' where tenant_id = $1 and number = 'C-00001'", [
      tenant.id,
    ]);
    const only = ["customers"];
    const { changes } = await previewRestore(home.database, path, { as: "roomy", only });
    expect(changes).toEqual([{ table: "app.customers", inserts: 0, updates: 1, deletes: 0 }]);
    await replaceRows(home.database, path, { as: "roomy", only });
    const copy = await cloneTenant(home.database, "roomy", "roomy-copy");
    expect(copy.tenant.movedTo).toBeNull();
    expect(await readShared(home.database, copy.tenant)).toEqual(await readShared(big.database, tenant));
  });

  test("is deleted there, then in the registry, and again when that was interrupted", async () => {
    const { tenant } = await locateTenant(home.database, home.platform, "roomy");
    await refusal("tenantMoved", deleteTenant(home.platform, home.database.keyring, "roomy", "test"));
    await home.admin.query("begin; lock table platform.tenants in share mode");
    const cut = deleteMovedTenant(home.platform, big.platform, home.database.keyring, "roomy", "test").then(
      () => null,
      (error: unknown) => error,
    );
    await expect.poll(() => entry(big, "roomy")).toBeUndefined();
    const cutOff = async () => {
      const { rowCount } = await home.admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowhouse_platform' and wait_event_type = 'Lock' and datname = current_database()",
      );
      return rowCount;
    };
    await expect.poll(cutOff).toBe(1);
    expect(await cut).toMatchObject({ code: expect.any(String) });
    await home.admin.query("rollback");
    expect(await entry(home, "roomy")).toMatchObject({ moved_to: "big1" });
    const again = await deleteMovedTenant(home.platform, big.platform, home.database.keyring, "roomy", "test");
    expect(again.tables).toEqual([]);
    expect([await entry(home, "roomy"), await entry(big, "roomy")]).toEqual([undefined, undefined]);
    const { rows } = await big.admin.query("select count(*)::int as rows from app.customers where tenant_id = $1", [
      tenant.id,
    ]);
    expect(rows[0]).toEqual({ rows: 0 });
  });
});
