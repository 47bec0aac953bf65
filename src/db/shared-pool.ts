import type pg from "pg";
import type { ConnectionPool, Connections } from "./connections.ts";
import { openFairShare, type Turn } from "./fair-share.ts";

/** A connection that goes from one borrower to the next. */
interface Lent {
  readonly client: pg.PoolClient;
  /** Gives it back to the pool, or with `true` has it thrown away. */
  readonly release: (broken?: Error | boolean) => void;
}

/** Those that broke: the pool throws them away, which whoever passes one on has to leave to it. */
function watchLost(pool: ConnectionPool): WeakSet<pg.PoolClient> {
  const lost = new WeakSet<pg.PoolClient>();
  pool.on("connect", (client) => {
    for (const event of ["error", "end"] as const) client.once(event, () => lost.add(client));
  });
  return lost;
}

/**
 * Lends a pool's connections to its tenants in turn, and of a pool of four or more never all to one: statements may take long, and there
 * is one left for who comes next. Whoever waits gets the connection from its borrower's hand: giving it to the pool and asking the pool for
 * it costs the server two timers and a turn of its loop, in which the connection does nothing.
 * @param places connections of the pool
 * @param waitMs longest wait for one
 * @param hint of the refusal to whoever waited for too long
 * @returns the pool
 */
export function shareFairly(
  pool: ConnectionPool,
  places: number,
  waitMs: number,
  hint: string,
): ConnectionPool & Connections {
  const share = openFairShare<Lent>({ places, most: places < 4 ? places : places - 1, waitMs, hint });
  const lost = watchLost(pool);

  const lend = (lent: Lent, turn: Turn<Lent>): pg.PoolClient => {
    const { client, release } = lent;
    let isOver = false;
    client.release = (broken) => {
      // As the pool does: given back twice, it would be in two hands at once.
      if (isOver) throw new Error("The connection was given back already");
      isOver = true;
      const isSound = (broken === undefined || broken === false) && !lost.has(client);
      // Who asks the pool itself waits there, and comes before.
      if (isSound && !pool.ending && pool.waitingCount === 0) {
        if (!turn.end(lent)) release();
        return;
      }
      release(broken);
      turn.end();
    };
    return client;
  };
  const borrow = async (): Promise<Lent> => {
    const client = await pool.connect();
    return { client, release: client.release.bind(client) };
  };
  return Object.assign(pool, {
    connectFor: async (tenantId: string): Promise<pg.PoolClient> => {
      const turn = await share.enter(tenantId);
      try {
        return lend(turn.passed ?? (await borrow()), turn);
      } catch (error) {
        turn.end();
        throw error;
      }
    },
  });
}
