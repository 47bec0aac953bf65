import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDatabase, type Database } from "../../src/db/connections.ts";
import { migrate } from "../../src/db/migrate.ts";
import { makeScope } from "../../src/db/scope.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { startEmbedded } from "../../src/embedded/server.ts";
import { openLog } from "../../src/log.ts";
import { createTenant } from "../../src/tenant/create.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { PATIENCE_MS, SALES } from "../harness.ts";

/** Whether the tenant opens with what this secret derives. Throws what the server answers where it does not. */
async function opens(database: Database, { id, epoch }: Tenant): Promise<boolean> {
  const pool = database.openPool("rowhouse_api", { max: 1, waitMs: PATIENCE_MS });
  try {
    const scope = makeScope({ tenantId: id, epoch, principal: "test", role: "admin" }, database.keyring);
    const [result] = await runScoped(pool, scope, "read", [{ text: "select count(*) from app.customers", values: [] }]);
    return result?.rows.length === 1;
  } finally {
    await pool.end();
  }
}

// A cluster of its own: the passwords of the roles belong to all of its databases.
test("after a change of the secret, migrate sets the passwords and seals the tenants anew, and the old secret opens nothing", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "rowhouse-secret-"));
  const server = await startEmbedded({ dataDir, log: openLog("silent"), binDir: process.env["TEST_PG_BIN"] });
  try {
    const first = openDatabase(server.url, "the first secret of all");
    await migrate(first, { appDir: SALES });
    const platform = first.openPool("rowhouse_platform", { max: 1, waitMs: PATIENCE_MS });
    const { tenant } = await createTenant(platform, first.keyring, { slug: "one", name: "One" }, "test");
    await platform.end();
    expect(await opens(first, tenant)).toBe(true);

    const second = openDatabase(server.url, "the second secret of all");
    await expect(opens(second, tenant)).rejects.toMatchObject({ code: "RH302" }); // the roles have the old passwords
    await migrate(second, { appDir: SALES });
    expect(await opens(second, tenant)).toBe(true);
    await expect(opens(first, tenant)).rejects.toMatchObject({ code: "RH302" });

    const mixed: Database = { ...second, keyring: first.keyring }; // logs in by the new secret, seals by the old one
    await expect(opens(mixed, tenant)).rejects.toMatchObject({ code: "RH301" });
  } finally {
    await server.stop();
    await rm(server.dataDir, { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  }
});
