import { setTimeout as sleep } from "node:timers/promises";
import type { DbClient } from "../src/db/connections.ts";

/**
 * Until somebody waits for a lock that the holder's transaction has. Asks pg_locks, which tells of now: of pg_stat_activity a transaction
 * keeps the connections that it saw first (manual, 27.2.2).
 * @param admin may be the holder
 */
export async function untilBlocked(admin: DbClient, holder: DbClient): Promise<void> {
  const { rows } = await holder.query<{ pid: number }>("select pg_backend_pid() as pid");
  for (;;) {
    const { rowCount } = await admin.query(
      "select from pg_locks where not granted and $1::integer = any (pg_blocking_pids(pid)) limit 1",
      [rows[0]!.pid],
    );
    if (rowCount !== 0) return;
    await sleep(10);
  }
}
