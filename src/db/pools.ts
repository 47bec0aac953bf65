import type pg from "pg";
import { RowhouseError } from "../errors.ts";
import { openCircuit } from "./circuit.ts";
import { cutOff, type Connections, type ConnectionPool, type Database, type DbRole } from "./connections.ts";
import { openTurnstile } from "./turnstile.ts";

export interface PoolsOptions {
  /** Connections of all pools together. */
  readonly total: number;
  /** Connections of one pool. */
  readonly each: number;
  /** Longest wait for one of them to become free. */
  readonly waitMs: number;
  /** How long a server may take to open one; {@link CONNECT_MS} when left out. */
  readonly connectMs?: number | undefined;
  /** How long one that nobody uses stays open. */
  readonly idleMs: number;
  /** 0 for no limit. */
  readonly statementTimeoutMs: number;
}

/** A pool of one database and role, which shares a number of connections with others. */
export interface SharedPool extends Connections {
  /** @throws RowhouseError busy; databaseUnavailable, at once while the server is known to be gone */
  connect(): Promise<pg.PoolClient>;
  /** Connections that are open. */
  size(): number;
  /** Waits for those in use. */
  end(): Promise<void>;
}

export interface Pools {
  /** @param most connections of this pool; {@link PoolsOptions.each} when left out */
  open(database: Database, role: DbRole, most?: number): SharedPool;
  /** Connections that are open, of all pools. */
  size(): number;
  end(): Promise<void>;
}

/** Short, because requests wait for it: a server on the same network answers in milliseconds. */
const CONNECT_MS = 2000;
/** How much longer than its statement timeout a server may be silent before it is taken for gone. */
const SILENCE_MS = 2000;

function unavailable(address: string, cause: unknown): RowhouseError {
  const reason = cause instanceof Error ? cause.message || String((cause as { code?: string }).code) : String(cause);
  return new RowhouseError("databaseUnavailable", {
    message: `Can't connect to PostgreSQL at ${address}: ${reason}`,
    cause,
  });
}

/** Destroys a connection that nobody uses, so that another pool may open one. */
async function evictOne(pools: Iterable<ConnectionPool>): Promise<void> {
  const [idlest] = [...pools].toSorted((one, other) => other.idleCount - one.idleCount);
  if (idlest === undefined || idlest.idleCount === 0) return;
  const client = await idlest.connect().catch(() => undefined);
  client?.release(true);
}

/** Whoever is done with it gives back the place as well. A server that stays silent for too long is cut off. */
function lend(client: pg.PoolClient, limitMs: number, onSilence: () => void, onReturn: () => void): pg.PoolClient {
  const release = client.release.bind(client);
  const limit =
    limitMs === 0
      ? undefined
      : setTimeout(() => {
          cutOff(client);
          onSilence();
        }, limitMs);
  client.release = (broken) => {
    clearTimeout(limit);
    release(broken);
    onReturn();
  };
  return client;
}

/**
 * Pools of many databases that share a number of connections. Each opens what it needs and closes what it has not used for a while;
 * when all are open, one that is idle gives way to another's. A server that is gone costs its own users a refusal, and nobody else
 * a wait.
 */
export function openPools({
  total,
  each,
  waitMs,
  connectMs = CONNECT_MS,
  idleMs,
  statementTimeoutMs,
}: PoolsOptions): Pools {
  const turnstile = openTurnstile(total, waitMs);
  const pools = new Set<ConnectionPool>();
  const sizeOf = () => [...pools].reduce((sum, { totalCount }) => sum + totalCount, 0);
  const limitMs = statementTimeoutMs === 0 ? 0 : statementTimeoutMs + SILENCE_MS;

  const open = (database: Database, role: DbRole, most = each): SharedPool => {
    const pool = database.openPool(role, { max: most, waitMs: connectMs, idleMs, statementTimeoutMs });
    const line = turnstile.openLine(most);
    const circuit = openCircuit((error) => line.refuse(error));
    pools.add(pool);
    // With a place taken, either fewer are open than may be, or one of those is idle.
    const attempt = async () => {
      if (pool.idleCount === 0 && sizeOf() >= total) await evictOne(pools);
      return pool.connect().catch((cause: unknown) => {
        throw unavailable(database.address, cause);
      });
    };
    const onSilence = () => circuit.trip(unavailable(database.address, "it does not answer"));
    return {
      connect: async () => {
        circuit.check();
        await line.enter();
        try {
          return lend(await circuit.try(attempt), limitMs, onSilence, () => line.leave());
        } catch (error) {
          line.leave();
          throw error;
        }
      },
      size: () => pool.totalCount,
      end: async () => {
        pools.delete(pool);
        line.close();
        await pool.end();
      },
    };
  };
  return {
    open,
    size: sizeOf,
    end: async () => {
      await Promise.all([...pools].map((pool) => pool.end()));
    },
  };
}
