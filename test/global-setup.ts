import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { openDatabase, type Database } from "../src/db/connections.ts";
import { migrate } from "../src/db/migrate.ts";
import { startEmbedded } from "../src/embedded/server.ts";
import { openLog } from "../src/log.ts";
import { createTenant } from "../src/tenant/create.ts";
import { seedTenant } from "../src/tenant/seed.ts";
import { DEMO_TENANTS, generate } from "../examples/sales/seed.ts";
import { grantsOf, PATIENCE_MS, SALES, TEST_SECRET, withDatabase } from "./harness.ts";
import { addMembers } from "./members.ts";

declare module "vitest" {
  interface ProvidedContext {
    adminUrl: string;
    template: string;
    /** Like `template`, without tenants. */
    bareTemplate: string;
  }
}

/** The server under test: TEST_DATABASE_URL, or one made of TEST_PG_BIN's binaries, or the embedded one. */
async function openServer(): Promise<{ url: string; close(): Promise<void> }> {
  const given = process.env["TEST_DATABASE_URL"];
  if (given !== undefined) return { url: given, close: async () => {} };
  const dataDir = await mkdtemp(join(tmpdir(), "rowhouse-test-"));
  const server = await startEmbedded({
    dataDir,
    log: openLog("silent"),
    binDir: process.env["TEST_PG_BIN"],
    settings: {
      fsync: "off",
      full_page_writes: "off",
      max_connections: "300",
      // Nothing happens to tables, to their statistics or in a template but what a test does.
      autovacuum: "off",
      // Test files that move tenants run side by side.
      max_replication_slots: "60",
      max_wal_senders: "60",
      max_logical_replication_workers: "40",
      max_worker_processes: "60",
      // PostgreSQL 15 starts the process of a subscription no sooner after the last one.
      wal_retrieve_retry_interval: "100ms",
    },
  });
  const close = async () => {
    await server.stop();
    await rm(server.dataDir, { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  };
  return { url: server.url, close };
}

async function fillTemplate(database: Database): Promise<void> {
  const pool = database.openPool("rowhouse_platform", { max: 1, waitMs: PATIENCE_MS });
  const importer = await database.connect("rowhouse_importer");
  const owner = await database.connectOwner();
  for (const { slug, name, scale } of DEMO_TENANTS) {
    const { tenant } = await createTenant(
      pool,
      database.keyring,
      { slug, name, adminEmail: `admin@${slug}.example` },
      "test",
    );
    await seedTenant(importer, database.keyring, tenant, generate(slug, scale / 10));
    await addMembers(owner, tenant.id);
  }
  await owner.end();
  await importer.end();
  await pool.end();
}

/** Two template databases for the whole run: migrated, with the sales app; one with its three tenants at a tenth of their size. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await openServer();
  const compiled = await mkdtemp(join(tmpdir(), "rowhouse-compiled-"));
  process.env["NODE_COMPILE_CACHE"] ??= compiled; // commands and servers of tests are processes of their own
  const template = `rowhouse_template_${process.pid}`;
  const bareTemplate = `rowhouse_bare_${process.pid}`;
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  const close = async () => {
    for (const name of [template, bareTemplate]) await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
    await server.close();
    await rm(compiled, { recursive: true, force: true });
  };
  try {
    await admin.query(`create database ${bareTemplate}`);
    await migrate(openDatabase(withDatabase(server.url, bareTemplate), TEST_SECRET), { appDir: SALES });
    await admin.query(`create database ${template} template ${bareTemplate}`);
    await admin.query(grantsOf(template));
    await fillTemplate(openDatabase(withDatabase(server.url, template), TEST_SECRET));
  } catch (error) {
    await close();
    throw error;
  }
  project.provide("adminUrl", server.url);
  project.provide("template", template);
  project.provide("bareTemplate", bareTemplate);
  return close;
}
