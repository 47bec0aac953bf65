import { setTimeout as sleep } from "node:timers/promises";
import { makeApp, type AppSources } from "./app.ts";
import { startRetention } from "./boot/retention.ts";
import { startMail, startWebhooks } from "./boot/senders.ts";
import { openDenials } from "./audit/denials.ts";
import { openAttempts } from "./auth/attempts.ts";
import { openVerifier, type Verifier } from "./auth/verifier.ts";
import { openVerifyingKeys } from "./auth/verifying-keys.ts";
import { loadServed, type CatalogQuery } from "./catalog/introspect.ts";
import { openLiveCatalog, type LiveCatalog } from "./catalog/live.ts";
import type { Config } from "./config.ts";
import type { ConnectionPool, Database, PoolOptions } from "./db/connections.ts";
import {
  CATALOG_CHANNEL,
  DATABASES_CHANNEL,
  KEYS_CHANNEL,
  listen,
  POSTGREST_CHANNEL,
  TENANTS_CHANNEL,
} from "./db/listen.ts";
import { migrationSets } from "./db/migrate.ts";
import { shareFairly } from "./db/shared-pool.ts";
import { openPools } from "./db/pools.ts";
import { queryRows } from "./db/query.ts";
import { readFailing, type Failing } from "./db/readiness.ts";
import { askSchemaVersion, refuseNewer, type SchemaVersion } from "./db/schema-version.ts";
import { runScoped } from "./db/transaction.ts";
import { RowhouseError } from "./errors.ts";
import { openCheckedFetch } from "./net/checked-fetch.ts";
import { listenHttp } from "./http/listener.ts";
import { openReadiness, type Readiness } from "./http/readiness.ts";
import type { Run } from "./http/run.ts";
import type { Log } from "./log.ts";
import { listTenants } from "./tenant/change.ts";
import { examineDatabase } from "./tenant/examine.ts";
import { hearOfDatabase, openPlacements, type Placements } from "./tenant/placements.ts";
import { openReach } from "./tenant/reach.ts";
import { openRegistry, type Registry } from "./tenant/registry.ts";

export interface ServerOptions {
  readonly config: Config;
  readonly database: Database;
  readonly log: Log;
  /** Folder of the app; config's when left out. */
  readonly appDir?: string | null;
  /** How long other databases, identity providers and receivers may take to answer, for tests; limits of their own when left out. */
  readonly answerMs?: number | undefined;
  /** Another way to run statements, for benchmarks to compare. */
  readonly run?: Run;
}

export interface RunningServer {
  /** Public address of BASE_DOMAIN; a tenant's has its slug in front of the host. */
  readonly url: string;
  readonly port: number;
  /** As bound: `127.0.0.1:3000`. */
  readonly address: string;
  /** What keeps it from being ready; empty when it is. */
  ready(): Promise<readonly Failing[]>;
  /** Ends the running requests and releases everything. Calling it again waits for the same end. */
  close(): Promise<void>;
}

/** A statement that still runs holds its connection; its server notices soon that nobody is left. */
const POOL_END_MS = 2000;

interface HomePools {
  readonly api: ConnectionPool;
  readonly platform: ConnectionPool;
  /** Version of the database that the catalog was read from. */
  readonly served: () => SchemaVersion;
}

type Sources = Omit<AppSources, "publicUrl" | "isDraining">;
type Timing = Pick<PoolOptions, "waitMs" | "statementTimeoutMs">;

/** Opens a pool that closes with the stack, and of which no tenant has all. */
function openPool(
  stack: AsyncDisposableStack,
  ...[database, role, options]: [Database, ...Parameters<Database["openPool"]>]
): ConnectionPool {
  const { max, waitMs = 5000 } = options;
  const hint =
    role === "rowhouse_api" ? "Try again; raise CONNECTION_POOL_SIZE when it goes on." : "Try again in a moment.";
  const pool = shareFairly(database.openPool(role, options), max, waitMs, hint);
  stack.defer(() => Promise.race([pool.end(), sleep(POOL_END_MS, undefined, { ref: false })]));
  return pool;
}

/** What there is no use to start with; whatever else fails, an operator sees at /readyz. */
function refuseStart(failing: readonly Failing[]): void {
  // A migration that waits may bring the function.
  const isMigrated = !failing.some(({ fact }) => fact === "migrations_pending");
  for (const { fact, problem, fix, isolation } of failing) {
    if (fact === "database_unreachable")
      throw new RowhouseError("databaseUnavailable", { message: problem, hint: fix });
    if (fact === "migrations_pending" && isolation)
      throw new RowhouseError("migrationPending", { message: problem, hint: fix });
    if (fact === "pre_request_missing" && isMigrated)
      throw new RowhouseError("configInvalid", { message: problem, hint: fix });
  }
}

/** On connections of its own, so that a busy server does not look like a broken one. */
function openLook(
  stack: AsyncDisposableStack,
  { config, database, log, appDir }: ServerOptions,
  timing: Timing,
): Readiness {
  const sources = {
    api: openPool(stack, database, "rowhouse_api", { max: 1, ...timing }),
    platform: openPool(stack, database, "rowhouse_platform", { max: 1, ...timing }),
    keyring: database.keyring,
    migrationSets: migrationSets(appDir === undefined ? config.appDir : appDir),
    preRequest: config.PRE_REQUEST ?? null,
  };
  return openReadiness(() => readFailing(sources), log);
}

interface Caches {
  readonly registry: Registry;
  readonly verifier: Verifier;
  readonly live: LiveCatalog;
  readonly placements: Placements;
}

/** Opens the databases besides the registry's as tenants want them. */
function openOthers(
  stack: AsyncDisposableStack,
  { config, database, log, answerMs }: ServerOptions,
  home: HomePools,
): Placements {
  const pools = openPools({
    total: config.DEDICATED_CONNECTIONS,
    // Half at most, so that no database keeps all others out, whatever becomes of it.
    each: Math.min(config.CONNECTION_POOL_SIZE, Math.ceil(config.DEDICATED_CONNECTIONS / 2)),
    waitMs: config.CONNECTION_WAIT_MS,
    connectMs: answerMs,
    idleMs: config.DEDICATED_IDLE_MS,
    statementTimeoutMs: config.STATEMENT_TIMEOUT_MS,
  });
  const placements = openPlacements({
    home: database,
    homeResidence: home,
    pools,
    answerMs,
    examine: (name, look) => examineDatabase(name, look, home.platform, database.keyring, home.served()),
    onChange: (name, refusal) => {
      if (refusal === null) log.info({ database: name }, "the database serves its tenants");
      else
        log.error(
          { database: name, problem: refusal.message, fix: refusal.hint },
          "the database can't serve its tenants",
        );
    },
  });
  stack.defer(() => Promise.race([placements.close(), sleep(POOL_END_MS, undefined, { ref: false })]));
  return placements;
}

/** Drops what changes: each on its notification, all of it when notifications may have been missed. */
async function keepFresh(stack: AsyncDisposableStack, { database, log }: ServerOptions, caches: Caches): Promise<void> {
  const { registry, verifier, live, placements } = caches;
  /** The databases are measured by the catalog, and so once more after it. */
  const reload = () => {
    placements.clear();
    void live.reload().then(() => placements.clear());
  };
  const forgetAll = () => {
    registry.clear();
    verifier.clear();
    reload();
  };
  const listener = await listen(database, {
    channels: {
      [TENANTS_CHANNEL]: (id) => {
        registry.invalidate(id);
        verifier.invalidate(id);
      },
      [KEYS_CHANNEL]: () => verifier.clear(),
      [DATABASES_CHANNEL]: (payload) => hearOfDatabase(placements, payload),
      [CATALOG_CHANNEL]: reload,
      [POSTGREST_CHANNEL]: (said) => said !== "reload config" && reload(),
    },
    onReconnect: forgetAll,
    onLost: (err) => log.warn({ err }, "the connection that listens was lost"),
  });
  stack.defer(() => listener.close());
  forgetAll(); // what changed before it listened
}

/** Everything behind the middlewares, in the order in which each needs what was opened before it. */
async function openSources(stack: AsyncDisposableStack, options: ServerOptions): Promise<Sources> {
  const { config, database, log, run = runScoped } = options;
  const timing = { waitMs: config.CONNECTION_WAIT_MS, statementTimeoutMs: config.STATEMENT_TIMEOUT_MS };
  const readiness = openLook(stack, options, timing);
  refuseStart(await readiness.current());
  const api = openPool(stack, database, "rowhouse_api", { max: config.CONNECTION_POOL_SIZE, ...timing });
  const platform = openPool(stack, database, "rowhouse_platform", { max: 4, ...timing });

  const registry = openRegistry(platform);
  const checkedFetch = openCheckedFetch({ allowed: config.OUTBOUND_ALLOWED, timeoutMs: options.answerMs });
  const keys = openVerifyingKeys(platform, {
    fetch: checkedFetch,
    onFailure: ({ issuer }, err) => log.warn({ issuer, err }, "the keys of an issuer can't be had"),
  });
  await keys.keyset.current(); // the first server of a deployment makes the first key
  const verifier = openVerifier(keys, { issuer: config.issuer, audience: config.TOKEN_AUDIENCE });
  const query: CatalogQuery = (text, values) => queryRows(platform, { text, values });
  let served = await askSchemaVersion(platform);
  await refuseNewer(served, migrationSets(options.appDir === undefined ? config.appDir : options.appDir));
  const live = await openLiveCatalog({
    load: async () => {
      const catalog = await loadServed(query, { role: "rowhouse_api" });
      served = await askSchemaVersion(platform);
      return catalog;
    },
    onError: (err) => log.error({ err }, "the catalog can't be read; the last one goes on serving"),
  });
  stack.defer(() => live.close());
  const placements = openOthers(stack, options, { api, platform, served: () => served });
  await keepFresh(stack, options, { registry, verifier, live, placements });

  for (const start of [startMail, startWebhooks]) start(stack, { config, log, platform, placements, checkedFetch });
  const reaching = { placements, registry, keyring: database.keyring, waitMs: config.FENCE_WAIT_MS };
  const onError = (err: unknown) => log.error({ err }, "an audit event was not written");
  return {
    config,
    log,
    runner: {
      run,
      reach: openReach(reaching),
      keyring: database.keyring,
    },
    registry,
    outOfService: () => placements.outOfService(),
    verifier,
    keyset: keys.keyset,
    checkedFetch,
    attempts: openAttempts(platform),
    desks: {
      reach: openReach({ ...reaching, choose: (residence) => residence.platform }),
      keyring: database.keyring,
    },
    denials: openDenials(platform, { onError }),
    home: { database, platform },
    served: live.current,
    listTenants: () => listTenants(platform),
    readiness,
  };
}

/** PUBLIC_URL, or by default the port that the system chose for PORT=0. */
function publicUrlOf(config: Config, port: number): URL {
  const url = new URL(config.publicUrl);
  if (config.PUBLIC_URL === undefined) url.port = String(port);
  return url;
}

/**
 * Opens the server: pools, caches and what keeps them fresh, catalog, port. When one fails, those before it are closed.
 * @throws RowhouseError databaseUnavailable, migrationPending, portTaken, configInvalid
 */
export async function openServer(options: ServerOptions): Promise<RunningServer> {
  await using stack = new AsyncDisposableStack();
  const { config, log } = options;
  const sources = await openSources(stack, options);
  startRetention(stack, { log, platform: sources.home.platform, desks: sources.desks });
  const http = await listenHttp(config.HOST, config.PORT, config.MAX_URL_BYTES);
  let isDraining = false;
  stack.defer(() => {
    isDraining = true;
    return http.drain(config.SHUTDOWN_TIMEOUT_MS);
  });
  const publicUrl = publicUrlOf(config, http.port);
  http.serve(makeApp({ ...sources, publicUrl, isDraining: () => isDraining }).callback());
  log.info({ address: http.address, url: publicUrl.origin }, "listening");

  const opened = stack.move();
  let closing: Promise<void> | null = null;
  return {
    url: publicUrl.origin,
    port: http.port,
    address: http.address,
    ready: () => sources.readiness.current(),
    close: () => (closing ??= opened.disposeAsync()),
  };
}
