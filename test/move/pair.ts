import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/db/connections.ts";
import { migrate } from "../../src/db/migrate.ts";
import { makeScope } from "../../src/db/scope.ts";
import type { MoveSite } from "../../src/move/run.ts";
import { findTenant } from "../../src/tenant/change.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { seedTenant } from "../../src/tenant/seed.ts";
import { generate } from "../../examples/sales/seed.ts";
import { SALES, TEST_SECRET, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "../http/server.ts";
import { openCluster, type Cluster } from "./cluster.ts";
import { openLink, type Link } from "./link.ts";
import { startLoad, type Load } from "./load.ts";
import { makePatient, PATIENT } from "./patience.ts";

/**
 * Two servers of PostgreSQL: the registry and the tenant `acme` in one, the database `big1` in the other. What they replicate to each
 * other goes through links that a test can cut.
 */
export interface Pair extends AsyncDisposable {
  readonly db: TestDatabase;
  readonly big: DedicatedDatabase;
  readonly site: MoveSite;
  readonly home: Cluster;
  readonly far: Cluster;
  readonly links: { readonly toHome: Link; readonly toBig: Link };
  /** Clients of `acme`, through two servers that don't know of each other. */
  write(perSecond: number, writers?: number): Promise<Load>;
}

export const SLUG = "acme";

/** Both clusters' settings: short waits, so that a crash is over soon. */
const SETTINGS = { wal_retrieve_retry_interval: "200ms", wal_receiver_timeout: "4s", wal_sender_timeout: "4s" };

async function fill(url: string, scale: number): Promise<void> {
  const database = openDatabase(url, TEST_SECRET);
  await migrate(database, { appDir: SALES });
  if (scale === 0) return;
  const pool = database.openPool("rowhouse_platform", { max: 1 });
  const importer = await database.connect("rowhouse_importer");
  const wanted = { slug: SLUG, name: "Acme", adminEmail: `admin@${SLUG}.example` };
  const { tenant } = await createTenant(pool, database.keyring, wanted, "test");
  await seedTenant(importer, database.keyring, tenant, generate(SLUG, scale));
  await importer.end();
  await pool.end();
}

function openDb(home: Cluster): TestDatabase {
  const database = openDatabase(home.url, TEST_SECRET);
  const platform = database.openPool("rowhouse_platform", { max: 4 });
  const api = database.openPool("rowhouse_api", { max: 2 });
  const tenant = (slug: string) => findTenant(platform, slug);
  const close = async () => void (await Promise.allSettled([platform.end(), api.end()]));
  return {
    url: home.url,
    database,
    platform,
    api,
    tenant,
    scope: async (slug, role = "admin") => {
      const { id, epoch } = await tenant(slug);
      return makeScope({ tenantId: id, epoch, principal: "test", role }, database.keyring);
    },
    get admin() {
      return home.admin;
    },
    dedicated: () => Promise.reject(new Error("A pair has one")),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** @param scale of acme's rows; the demo's is 1 */
export async function openPair(scale = 0.05, settings: Readonly<Record<string, string>> = {}): Promise<Pair> {
  const all = { ...SETTINGS, ...settings };
  const [home, far] = await Promise.all([openCluster(all), openCluster(all)]);
  await Promise.all([fill(home.url, scale), fill(far.url, 0)]);
  for (const { admin } of [home, far]) await makePatient(admin);
  const links = { toHome: await openLink(home.port), toBig: await openLink(far.port) };
  const db = openDb(home);
  const folder = await mkdtemp(join(tmpdir(), "rowhouse-secret-"));
  await writeFile(join(folder, "big1"), far.url, { mode: 0o600 });
  const secretRef = `file:${join(folder, "big1")}`;
  const database = db.database.sibling(far.url);
  const platform = database.openPool("rowhouse_platform", { max: 2 });
  await home.admin.query(
    "insert into platform.databases (name, kind, secret_ref, address, peer) values ('big1', 'dedicated', $1, $2, $3)",
    [secretRef, database.address, links.toBig.address],
  );
  await home.admin.query("update platform.databases set peer = $1 where name = 'shared'", [links.toHome.address]);
  const big = {
    name: "big1",
    url: far.url,
    secretRef,
    database,
    platform,
    get admin() {
      return far.admin;
    },
  };
  const servers: TestServer[] = [];
  return {
    db,
    big,
    home,
    far,
    links,
    site: { home: db.database, platform: db.platform, actor: "operator:test" },
    write: async (perSecond, writers = 4) => {
      while (servers.length < 2) servers.push(await testServer(db, PATIENT));
      const token = await servers[0]!.token(SLUG, "admin", 3600);
      const ports = servers.map(({ port }) => port);
      return startLoad({ ports, host: `${SLUG}.localhost`, token, writers, perSecond });
    },
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) await server.close();
      await platform.end();
      await db.close();
      for (const one of [links.toHome, links.toBig, home, far]) await one[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
