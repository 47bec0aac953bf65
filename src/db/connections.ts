import pg from "pg";
import { RowhouseError } from "../errors.ts";
import { openKeyring, type Keyring } from "./keyring.ts";

/** A role of the database that may log in; see `policies/roles.sql`. */
export type DbRole = "rowhouse_api" | "rowhouse_platform" | "rowhouse_exporter" | "rowhouse_importer";
export type ConnectionPool = pg.Pool;
export type DbClient = pg.ClientBase;

export interface PoolOptions {
  readonly max: number;
  readonly waitMs?: number;
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

/**
 * @param url owner's connection URL
 * @param secret ROWHOUSE_SECRET; the URL's password when left out
 * @throws RowhouseError configInvalid without any secret
 */
export function openDatabase(url: string, secret?: string): Database {
  const parsed = new URL(url);
  const keyring = openKeyring(secret ?? decodeURIComponent(parsed.password));
  const address = `${parsed.host}${parsed.pathname}`;
  const urlOf = (role: DbRole) => {
    const own = new URL(url);
    own.username = role;
    own.password = encodeURIComponent(keyring.rolePassword(role));
    return own.href;
  };
  const connectTo = async (connectionString: string, role: string) => {
    const client = new pg.Client({
      connectionString,
      application_name: `rowhouse ${role}`,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
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
    openPool: (role, { max, waitMs = 5000, statementTimeoutMs = 0 }) => {
      const pool = new pg.Pool({
        connectionString: urlOf(role),
        application_name: `rowhouse ${role}`,
        max,
        connectionTimeoutMillis: waitMs,
        idleTimeoutMillis: 30_000,
        keepAlive: true,
        ...(statementTimeoutMs > 0 && { statement_timeout: statementTimeoutMs }),
      });
      pool.on("error", () => {});
      // The pool listens only while a client is idle; one that breaks in use rejects its query, and must not end the process.
      pool.on("connect", (client) => client.on("error", () => {}));
      return pool;
    },
  };
}
