import { randomBytes } from "node:crypto";
import { join } from "node:path";
import pg from "pg";
import { inject } from "vitest";
import { openDatabase, type ConnectionPool, type Database } from "../src/db/connections.ts";
import { makeScope, type Scope } from "../src/db/scope.ts";
import { findTenant } from "../src/tenant/change.ts";
import type { Tenant } from "../src/tenant/tenant.ts";

export const SALES = join(import.meta.dirname, "../examples/sales");
/** Roles belong to the cluster, so every database of a test run has to derive the same passwords. */
export const TEST_SECRET = "a-secret-for-tests-only";

export function withDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  /** Control plane. */
  readonly platform: ConnectionPool;
  /** Requests. */
  readonly api: ConnectionPool;
  tenant(slug: string): Promise<Tenant>;
  scope(slug: string, role?: string): Promise<Scope>;
  /** As the superuser who runs the tests: sees every row, so only for looking and for breaking things. */
  admin: pg.Client;
  close(): Promise<void>;
}

/**
 * A database for this test file alone, copied from the template: tenants acme (ten times the rows), globex and initech.
 * @param from `template` for that, `empty` for a new one without anything in it
 */
export async function testDatabase(from: "template" | "empty" = "template"): Promise<TestDatabase> {
  const adminUrl = inject("adminUrl");
  const name = `rowhouse_test_${randomBytes(6).toString("hex")}`;
  const root = new pg.Client({ connectionString: adminUrl });
  await root.connect();
  await root.query(`create database ${name}${from === "template" ? ` template ${inject("template")}` : ""}`);
  // Grants on a database are not copied with it (CREATE DATABASE, Notes), and roles.sql would give them on a migrate.
  if (from === "template")
    await root.query(
      `revoke all on database ${name} from public; grant connect on database ${name} to rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer; grant temporary on database ${name} to rowhouse_importer; grant create on database ${name} to rowhouse_owner`,
    );
  const url = withDatabase(adminUrl, name);
  const database = openDatabase(url, TEST_SECRET);
  const platform = database.openPool("rowhouse_platform", { max: 4 });
  const api = database.openPool("rowhouse_api", { max: 4, statementTimeoutMs: 8000 });
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const close = async () => {
    await Promise.all([platform.end(), api.end(), admin.end()]);
    await root.query(`drop database ${name} with (force)`);
    await root.end();
  };
  const tenant = (slug: string) => findTenant(platform, slug);
  return {
    url,
    database,
    platform,
    api,
    admin,
    tenant,
    scope: async (slug, role = "admin") => {
      const { id, epoch } = await tenant(slug);
      return makeScope({ tenantId: id, epoch, principal: "test", role }, database.keyring);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
