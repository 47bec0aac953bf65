import type { Socket } from "node:net";
import pg, { type Connection } from "pg";
import { RowhouseError } from "../errors.ts";
import { openKeyring, type Keyring } from "./keyring.ts";
import { neverPrepare } from "./prepared.ts";

/** A role of the database that may log in; see `policies/roles.sql`. */
export type DbRole =
  | "rowhouse_api"
  | "rowhouse_platform"
  | "rowhouse_exporter"
  | "rowhouse_importer"
  | "rowhouse_mover";
export type ConnectionPool = pg.Pool;
export type DbClient = pg.ClientBase;

/** Where a connection can be had for a while: a pool, or one of several that share a number of connections. */
export interface Connections {
  connect(): Promise<pg.PoolClient>;
  /** The same for one tenant's work, in turn with the others'; where they are shared so (`shareFairly`). */
  connectFor?(tenantId: string): Promise<pg.PoolClient>;
}

export interface PoolOptions {
  readonly max: number;
  readonly waitMs?: number;
  /** How long a connection that nobody uses stays open. */
  readonly idleMs?: number;
  readonly statementTimeoutMs?: number;
}

/** One PostgreSQL database, and the ways to connect to it. */
export interface Database {
  readonly keyring: Keyring;
  /** Host, port and database name, for people. Never a password. */
  readonly address: string;
  /** A connection of the owner's URL: migrations, policies, checks. The caller ends it. */
  connectOwner(): Promise<pg.Client>;
  /** A connection of its own, out of any pool. The caller ends it. */
  connect(role: DbRole): Promise<pg.Client>;
  /** A connection that speaks the streaming replication protocol (manual, 55.4), as rowhouse_mover. The caller ends it. */
  connectReplication(): Promise<pg.Client>;
  /**
   * What a subscription of another database connects with, as libpq takes it (manual, 34.1.1). Holds a password.
   * @param peer host:port where the other server reaches this one, when that is not the URL's
   */
  replicationConninfo(peer: string | null): string;
  /** Another database of the same deployment: the same secret, so the same tenants' secrets and roles' passwords. */
  sibling(url: string): Database;
  /** The database of this name on the same server, of the same owner. */
  neighbour(name: string): Database;
  openPool(role: DbRole, options: PoolOptions): ConnectionPool;
}

function unreachable(address: string, cause: unknown): RowhouseError {
  const reason = cause instanceof Error ? cause.message || String((cause as { code?: string }).code) : String(cause);
  return new RowhouseError("databaseUnavailable", {
    message: `Can't connect to PostgreSQL at ${address}: ${reason}`,
    hint: "Is it running, and is DATABASE_URL right? `rowhouse migrate` sets up the roles.",
    cause,
  });
}

/** `key='value'`, with what libpq wants escaped. */
function formatConninfo(parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts)
    .map(([key, value]) => `${key}='${value.replaceAll(/[\\']/g, "\\$&")}'`)
    .join(" ");
}

/** Parameters of the URL that a subscription needs to reach the server in the same way. */
const TLS_PARAMETERS = ["sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding"];

function conninfoOf(url: URL, password: string, peer: string | null): string {
  const [host = "", port = ""] = peer === null ? [url.hostname, url.port] : peer.split(/:(?=\d+$)/);
  const tls = TLS_PARAMETERS.flatMap((name) => {
    const value = url.searchParams.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return formatConninfo({
    host: host.replaceAll(/^\[|\]$/g, ""),
    port: port || "5432",
    dbname: decodeURIComponent(url.pathname.slice(1)),
    user: "rowhouse_mover",
    password,
    // An apply worker that lost its peer notices soon, and tries again.
    connect_timeout: "5",
    keepalives_idle: "5",
    keepalives_interval: "2",
    keepalives_count: "3",
    ...Object.fromEntries(tls),
  });
}

export interface DatabaseOptions {
  /** PREPARED_STATEMENTS: whether pools keep statements under names. */
  readonly prepares: boolean;
  /** Longest wait for a connection, in milliseconds, where a pool has no limit of its own; when left out 10 s, and 5 s of a pool. */
  readonly waitMs?: number;
}

/**
 * @param url owner's connection URL
 * @param secret ROWHOUSE_SECRET; the URL's password when left out
 * @throws RowhouseError configInvalid without any secret
 */
export function openDatabase(url: string, secret?: string, options: DatabaseOptions = { prepares: true }): Database {
  return openWithKeyring(url, openKeyring(secret ?? decodeURIComponent(new URL(url).password)), options);
}

function openWithKeyring(url: string, keyring: Keyring, database: DatabaseOptions): Database {
  const { prepares, waitMs } = database;
  const parsed = new URL(url);
  const address = `${parsed.host}${parsed.pathname}`;
  const urlOf = (role: DbRole) => {
    const own = new URL(url);
    own.username = role;
    own.password = encodeURIComponent(keyring.rolePassword(role));
    return own.href;
  };
  const connectTo = async (connectionString: string, role: string, replication?: "database") => {
    const client = new pg.Client({
      connectionString,
      application_name: `rowhouse ${role}`,
      keepAlive: true,
      connectionTimeoutMillis: waitMs ?? 10_000,
      ...(replication !== undefined && { replication }),
    });
    // A connection that breaks while idle rejects its next query; without a listener it would end the process.
    client.on("error", () => {});
    await client.connect().catch((error: unknown) => {
      throw unreachable(address, error);
    });
    return client;
  };
  return {
    keyring,
    address,
    connectOwner: () => connectTo(url, "owner"),
    connect: (role) => connectTo(urlOf(role), role),
    connectReplication: () => connectTo(urlOf("rowhouse_mover"), "rowhouse_mover", "database"),
    replicationConninfo: (peer) => conninfoOf(parsed, keyring.rolePassword("rowhouse_mover"), peer),
    sibling: (other) => openWithKeyring(other, keyring, database),
    neighbour: (name) => {
      const own = new URL(url);
      own.pathname = `/${encodeURIComponent(name)}`;
      return openWithKeyring(own.href, keyring, database);
    },
    openPool: (role, options) => {
      const pool = openPool(urlOf(role), role, { waitMs, ...options });
      if (!prepares) prepareNothing(pool);
      return pool;
    },
  };
}

/** Without waiting for a peer that may be gone: whoever waits for an answer is told that the connection is lost. */
export function cutOff(client: DbClient): void {
  (client as DbClient & { connection: { stream: Socket } }).connection.stream.destroy();
}

const unprepared = new WeakSet<ConnectionPool>();

function prepareNothing(pool: ConnectionPool): void {
  unprepared.add(pool);
  pool.on("connect", (client) => neverPrepare((client as DbClient & { connection: Connection }).connection));
}

/** Whether a statement that is given a name may be prepared under it. */
export function preparesNames(pool: ConnectionPool): boolean {
  return !unprepared.has(pool);
}

function openPool(
  connectionString: string,
  role: DbRole,
  { max, waitMs = 5000, idleMs = 30_000, statementTimeoutMs = 0 }: PoolOptions,
): ConnectionPool {
  const pool = new pg.Pool({
    connectionString,
    application_name: `rowhouse ${role}`,
    max,
    connectionTimeoutMillis: waitMs,
    idleTimeoutMillis: idleMs,
    keepAlive: true,
    ...(statementTimeoutMs > 0 && { statement_timeout: statementTimeoutMs }),
  });
  pool.on("error", () => {});
  // The pool listens only while a client is idle; one that breaks in use rejects its query, and must not end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}
