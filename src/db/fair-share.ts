import type pg from "pg";
import type { ConnectionPool, Connections } from "./connections.ts";
import { openTurnstile, type Line } from "./turnstile.ts";

/** Places that many want at once. */
export interface FairShare {
  /**
   * Waits for a place. Whoever has many wait in one line, and a place that becomes free goes to the lines in turn.
   * @param whose tenant, or whoever else is to keep nobody out
   * @returns gives the place back
   * @throws RowhouseError busy
   */
  enter(whose: string): Promise<() => void>;
}

export interface FairShareOptions {
  readonly places: number;
  /** Of them for one. */
  readonly most: number;
  /** Longest wait for a place. */
  readonly waitMs: number;
  /** Of the refusal. */
  readonly hint: string;
}

/** However much one asks for, the others have their turn (threats.md, H23). */
export function openFairShare({ places, most, waitMs, hint }: FairShareOptions): FairShare {
  const turnstile = openTurnstile(places, waitMs, hint);
  /** Of those who have or want a place now, and of nobody else. */
  const lines = new Map<string, { readonly line: Line; users: number }>();
  const leave = (whose: string) => {
    const own = lines.get(whose)!;
    own.users -= 1;
    if (own.users > 0) return;
    lines.delete(whose);
    own.line.close();
  };
  return {
    enter: async (whose) => {
      const own = lines.get(whose) ?? { line: turnstile.openLine(most), users: 0 };
      lines.set(whose, own);
      own.users += 1;
      try {
        await own.line.enter();
      } catch (error) {
        leave(whose);
        throw error;
      }
      return () => {
        own.line.leave();
        leave(whose);
      };
    },
  };
}

/** Gives the place back when its borrower gives back the connection. */
function lend(client: pg.PoolClient, onReturn: () => void): pg.PoolClient {
  const release = client.release.bind(client);
  client.release = (broken) => {
    release(broken);
    onReturn();
  };
  return client;
}

/**
 * Lends a pool's connections to its tenants in turn, and of a pool of four or more never all to one: statements may take long, and there
 * is one left for who comes next.
 * @param places connections of the pool
 * @returns the pool
 */
export function shareFairly(pool: ConnectionPool, places: number, waitMs: number): ConnectionPool & Connections {
  const hint = "Try again; raise CONNECTION_POOL_SIZE when it goes on.";
  const share = openFairShare({ places, most: places < 4 ? places : places - 1, waitMs, hint });
  return Object.assign(pool, {
    connectFor: async (tenantId: string): Promise<pg.PoolClient> => {
      const leave = await share.enter(tenantId);
      try {
        return lend(await pool.connect(), leave);
      } catch (error) {
        leave();
        throw error;
      }
    },
  });
}
