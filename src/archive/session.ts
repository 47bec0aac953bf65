import type { Database, DbClient } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";

/** A connection of its own, which its user ends. */
export type Session = Awaited<ReturnType<Database["connect"]>>;

/**
 * What the text of a value depends on, and what may end a long transaction: the same wherever an archive is written, read or
 * compared, whatever the role, the database or the server sets (as pg_dump does). `public` alone on the search path, so that
 * names of types print alike.
 */
const SETTINGS = `
  set local client_encoding = 'UTF8'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
  set local timezone = 'UTC'; set local extra_float_digits = 1; set local bytea_output = 'hex'; set local lc_monetary = 'C';
  set local xmloption = 'content'; set local search_path = public; set local row_security = on;
  set local statement_timeout = 0; set local lock_timeout = 0; set local idle_in_transaction_session_timeout = 0`;

/** Inside a transaction; holds until it ends. */
export async function applySettings(client: DbClient): Promise<void> {
  await client.query(SETTINGS);
}

/**
 * Runs `work` on several sessions at once, each taking the next item when it is free. The first failure ends all sessions, and
 * is thrown once they are quiet.
 */
export async function shareOut<T>(
  sessions: readonly Session[],
  items: readonly T[],
  work: (session: Session, item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  let failure: unknown;
  const run = async (session: Session) => {
    try {
      for (const [index, item] of queue) await work(session, item, index);
    } catch (error) {
      failure ??= error ?? new Error("failed");
      await endAll(sessions);
    }
  };
  await Promise.all(sessions.map(run));
  if (failure !== undefined) throw failure;
}

/** Ends the connections; one that runs a statement is cut off. Never throws. */
export async function endAll(sessions: readonly Session[]): Promise<void> {
  await Promise.allSettled(sessions.map((session) => session.end()));
}

/**
 * A connection that broke under a statement, as databaseUnavailable; anything else as it is. SQLSTATE class 08 is connections,
 * 57P01 to 57P03 a server that shuts down or cut this session off (PostgreSQL manual, Appendix A).
 */
export function translateLoss(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof RowhouseError) return error;
  const { code = "" } = error as { code?: string };
  const isLost =
    /^(?:08...|57P0[123]|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/.test(code) ||
    /^Connection terminated|is not queryable$/.test(error.message);
  if (!isLost) return error;
  return new RowhouseError("databaseUnavailable", {
    message: `The connection to the database was lost: ${error.message}`,
    hint: "Run it again when the database is back: what was begun was taken back, or will be taken up.",
    cause: error,
  });
}
