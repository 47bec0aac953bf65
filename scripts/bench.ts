/**
 * `npm run bench`: what isolation costs. Requests a second and latency of four endpoints, for Rowhouse, for the same server with
 * four round trips a request, for the same server without any tenancy, and for a hand-written handler; in one run, interleaved,
 * with the ratios and the processor time that each took. Rowhouse keeps its audit trail meanwhile, as it does by default, and those without
 * tenancy and by hand keep none; beside it runs Rowhouse without the trail, and on writes also without the policies that ask what a role
 * may do, so that what each of them costs is printed too. Prints what it measured and judges nothing.
 *
 *   BENCH_SECONDS (2) a round   BENCH_ROUNDS (5)   BENCH_CONNECTIONS (16)   BENCH_ONLY (all): part of endpoints' names, as `P` for writes
 */
import { fork, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { openKeyset } from "../src/auth/keyset.ts";
import { mintToken } from "../src/auth/token.ts";
import { openServer, type RunningServer } from "../src/boot.ts";
import { readConfig } from "../src/config.ts";
import { openDatabase, type Database } from "../src/db/connections.ts";
import { migrate } from "../src/db/migrate.ts";
import { startEmbedded } from "../src/embedded/server.ts";
import { openLog } from "../src/log.ts";
import { createTenant } from "../src/tenant/create.ts";
import { seedTenant } from "../src/tenant/seed.ts";
import type { Tenant } from "../src/tenant/tenant.ts";
import { DEMO_TENANTS, generate } from "../examples/sales/seed.ts";
import { readCpu } from "./bench-cpu.ts";
import { keyOf, NAMES, report, reportExtras, WRITES, type Measured, type Results } from "./bench-report.ts";
import type { Measured as Load, Round } from "./bench-load.ts";
import {
  DROP_AUDIT,
  DROP_PERMISSIONS,
  DROP_TENANCY,
  plainHandler,
  PLAIN_TABLES,
  runInFourTrips,
  runWithoutTenancy,
} from "./bench-servers.ts";

const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 2);
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const CONNECTIONS = Number(process.env["BENCH_CONNECTIONS"] ?? 16);
const ONLY = process.env["BENCH_ONLY"] ?? "";
const APP = join(import.meta.dirname, "../examples/sales");

const say = (line: string) => process.stderr.write(`${line}\n`);
async function seed(database: Database): Promise<Tenant> {
  await migrate(database, { appDir: APP });
  const platform = database.openPool("rowhouse_platform", { max: 1 });
  let first: Tenant | undefined;
  for (const { slug, name, scale } of DEMO_TENANTS) {
    const { tenant } = await createTenant(platform, database.keyring, { slug, name }, "bench");
    const importer = await database.connect("rowhouse_importer");
    await seedTenant(importer, database.keyring, tenant, generate(slug, scale));
    await importer.end();
    first ??= tenant;
  }
  await openKeyset(platform).current(); // one signing key, for the copy as well
  await platform.end();
  return first!;
}

const SECRET = "a secret for benchmarks only";

/** A copy of the database with something taken out of it. */
async function copy(url: string, name: string, tenant: Tenant, steps: readonly string[]): Promise<Database> {
  const named = (other: string) => Object.assign(new URL(url), { pathname: `/${other}` }).href;
  const admin = await openDatabase(named("postgres"), SECRET).connectOwner();
  await admin.query(`create database ${name} template rowhouse`);
  await admin.end();
  const database = openDatabase(named(name), SECRET);
  const owner = await database.connectOwner();
  await owner.query("select set_config('bench.tenant_id', $1, false)", [tenant.id]);
  for (const step of steps) await owner.query(step);
  await owner.query("vacuum analyze");
  await owner.end();
  return database;
}

interface Prepared {
  readonly tenant: Tenant;
  readonly ids: string[];
  /** As Rowhouse keeps it, and copies of it: with less and less. */
  readonly walled: Database;
  readonly silent: Database;
  readonly bare: Database;
  readonly open: Database;
}

async function prepare(url: string): Promise<Prepared> {
  const walled = openDatabase(url, SECRET);
  const tenant = await seed(walled);
  const owner = await walled.connectOwner();
  await owner.query(PLAIN_TABLES);
  const { rows } = await owner.query<{ id: string }>(
    "select id from app.customers where tenant_id = $1 order by md5(id::text) limit 500",
    [tenant.id],
  );
  await owner.query("vacuum analyze");
  await owner.end();
  return {
    tenant,
    ids: rows.map(({ id }) => id),
    walled,
    silent: await copy(url, "bench_silent", tenant, [DROP_AUDIT]),
    bare: await copy(url, "bench_bare", tenant, [DROP_AUDIT, DROP_PERMISSIONS]),
    open: await copy(url, "bench_open", tenant, [DROP_TENANCY]),
  };
}

/** Every endpoint with enough different requests that no cache of one row decides. */
function endpoints(token: string, ids: readonly string[]): Record<string, Round["requests"]> {
  const headers = { authorization: `Bearer ${token}`, host: "acme.localhost", "content-type": "application/json" };
  const some = ids.slice(0, 200);
  return {
    "GET by id": some.map((id) => ({ method: "GET", path: `/rest/v1/customers?id=eq.${id}`, headers })),
    "GET list of 20": [0, 1, 2, 3].map((page) => ({
      method: "GET",
      path: `/rest/v1/customers?select=id,name,email,city&order=name&limit=20&offset=${page * 20}`,
      headers,
    })),
    "GET 20 invoices, with customer and items": [0, 1, 2, 3].map((page) => ({
      method: "GET",
      path: `/rest/v1/invoices?select=id,number,customers(name),invoice_items(description,quantity)&order=number&limit=20&offset=${page * 20}`,
      headers,
    })),
    POST: some.map((_, n) => ({
      method: "POST",
      path: "/rest/v1/expenses",
      headers,
      body: JSON.stringify(newExpense(n)),
    })),
    "PATCH by id": some.map((id, n) => ({
      method: "PATCH",
      path: `/rest/v1/customers?id=eq.${id}`,
      headers,
      body: JSON.stringify({ notes: `note ${n}` }),
    })),
    "POST, an upsert": some.map((id, n) => ({
      method: "POST",
      path: "/rest/v1/customers?columns=id,number,name",
      headers: { ...headers, prefer: "resolution=merge-duplicates" },
      body: JSON.stringify(upserted(id, n)),
    })),
  };
}

function newExpense(n: number) {
  return {
    description: `bench ${n}`,
    category: "travel",
    vendor: "Bench",
    amount_cents: 100 + n,
    currency: "EUR",
    spent_on: "2026-10-01",
  };
}

const upserted = (id: string, n: number) => ({ id, number: `B-${id}`, name: `bench ${n}` });

/** The requests of the hand-written handler, by the endpoints that it has. */
function plainEndpoints(ids: readonly string[]): Record<string, Round["requests"]> {
  const get = (path: string) => ({ method: "GET" as const, path, headers: {} });
  const some = ids.slice(0, 200);
  const rows = (id: string, n: number) => encodeURIComponent(JSON.stringify([upserted(id, n)]));
  return {
    "GET by id": some.map((id) => get(`/customer?id=${id}`)),
    "GET 20 invoices, with customer and items": [0, 20, 40, 60].map((offset) => get(`/invoices?offset=${offset}`)),
    "POST, an upsert": some.map((id, n) => get(`/upsert?rows=${rows(id, n)}`)),
  };
}

/** One round of load, from a process of its own. */
function apply(load: ChildProcess, round: Round): Promise<Load> {
  return new Promise((resolve) => {
    load.once("message", (measured) => resolve(measured as Load));
    load.send(round);
  });
}

async function measure(load: ChildProcess, round: Round, postmaster: number): Promise<Measured> {
  const before = readCpu(postmaster);
  const measured = await apply(load, round);
  const after = readCpu(postmaster);
  const requests = measured.rate * round.seconds;
  return {
    ...measured,
    serverUs: (after.server - before.server) / requests,
    postgresUs: (after.postgres - before.postgres) / requests,
  };
}

interface Contestant {
  readonly name: string;
  readonly port: number;
  /** Its endpoints, where it does not have all; those of the hand-written handler are of its own form. */
  readonly only?: Readonly<Record<string, Round["requests"]>>;
}

/**
 * One endpoint after the other, reads before writes, so that no read meets what a write left behind; within an endpoint all
 * contestants side by side in each round, so that what else the machine does meets all of them. The first round warms up.
 */
async function race(
  contestants: readonly Contestant[],
  all: Record<string, Round["requests"]>,
  postmaster: number,
): Promise<Results> {
  const load = fork(join(import.meta.dirname, "bench-load.ts"));
  const results: Results = new Map();
  for (const [endpoint, requests] of Object.entries(all)) {
    say(endpoint);
    for (let count = 0; count <= ROUNDS; count++) {
      for (const { name, port, only } of contestants) {
        if (only !== undefined && only[endpoint] === undefined) continue;
        const url = `http://127.0.0.1:${port}`;
        const round = { url, seconds: SECONDS, connections: CONNECTIONS, requests: only?.[endpoint] ?? requests };
        const measured = await measure(load, round, postmaster);
        if (measured.failed > 0) throw new Error(`${name}, ${endpoint}: ${measured.failed} requests failed`);
        if (count > 0) results.set(keyOf(endpoint, name), [...(results.get(keyOf(endpoint, name)) ?? []), measured]);
      }
    }
  }
  load.kill();
  return results;
}

async function listenPlain(
  database: Database,
  tenantId: string,
  max: number,
): Promise<{ server: Server; port: number; close(): Promise<void> }> {
  const pool = database.openPool("rowhouse_api", { max });
  const handle = plainHandler(pool, tenantId).callback();
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await pool.end();
  };
  return { server, port: (server.address() as AddressInfo).port, close };
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "rowhouse-bench-"));
  const log = openLog("silent");
  const embedded = await startEmbedded({ dataDir, log, settings: { shared_buffers: "256MB" } });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  stack.defer(() => embedded.stop());
  say("loading three tenants, the first ten times the others");
  const { tenant, walled, silent, bare, open, ids } = await prepare(embedded.url);

  const config = readConfig({ PORT: "0", PUBLIC_URL: "http://localhost" }, {});
  const start = async (database: Database, run?: Parameters<typeof openServer>[0]["run"]): Promise<RunningServer> => {
    const server = await openServer({ config, database, log, appDir: APP, run });
    stack.defer(() => server.close());
    return server;
  };
  const platform = walled.openPool("rowhouse_platform", { max: 1 });
  stack.defer(() => platform.end());
  const servers = {
    one: await start(walled),
    silent: await start(silent),
    bare: await start(bare),
    four: await start(walled, runInFourTrips),
    none: await start(open, runWithoutTenancy),
  };
  // As many connections as one tenant gets of the others' pools (src/db/fair-share.ts).
  const plain = await listenPlain(walled, tenant.id, config.CONNECTION_POOL_SIZE - 1);
  stack.defer(() => plain.close());
  const policy = { issuer: config.issuer, audience: config.TOKEN_AUDIENCE };
  const token = await mintToken(openKeyset(platform), policy, {
    tenantId: tenant.id,
    sub: randomUUID(),
    role: "admin",
    ttlSeconds: 86_400,
  });

  const all = Object.fromEntries(Object.entries(endpoints(token, ids)).filter(([name]) => name.includes(ONLY)));
  const writes = Object.fromEntries(Object.entries(all).filter(([name]) => WRITES.includes(name)));
  const contestants: Contestant[] = [
    { name: NAMES.whole, port: servers.one.port },
    { name: NAMES.silent, port: servers.silent.port, only: writes },
    { name: NAMES.bare, port: servers.bare.port, only: writes },
    { name: NAMES.none, port: servers.none.port },
    { name: NAMES.four, port: servers.four.port },
    { name: NAMES.plain, port: plain.port, only: plainEndpoints(ids) },
  ];
  const postmaster = Number.parseInt(readFileSync(join(embedded.dataDir, "postgres/postmaster.pid"), "utf8"), 10);
  const results = await race(contestants, all, postmaster);
  console.log(
    `Node ${process.version}, PostgreSQL ${embedded.version}, ${availableParallelism()} cores shared with the load generator, ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${SECONDS} s`,
  );
  console.log(
    "Rowhouse keeps its audit trail, as by default, also in four round trips. No tenancy, and plain: none, and no stamps.",
  );
  report(Object.values(NAMES), Object.keys(all), results);
  reportExtras(Object.keys(all), results);
}

await main();
