import type { ConnectionPool } from "./connections.ts";
import { queryRows } from "./query.ts";

/** One statement, so that of several servers that find it due one gets it. */
const CLAIM = `insert into platform.jobs as j (name) values ($1)
  on conflict (name) do update set started_at = now(), ended_at = null
  where j.started_at <= now() - make_interval(secs => $2::bigint)
  returning true as ours`;

/**
 * Takes a job that is done now and then by one of the servers for all of them. Whoever takes it and dies leaves it until it is due again.
 * @returns whether it was due, and is the caller's now
 */
export async function claimJob(pool: ConnectionPool, name: string, everySeconds: number): Promise<boolean> {
  const rows = await queryRows(pool, { text: CLAIM, values: [name, String(everySeconds)] });
  return rows.length > 0;
}

/** Notes that it is done. */
export async function endJob(pool: ConnectionPool, name: string): Promise<void> {
  await queryRows(pool, { text: "update platform.jobs set ended_at = now() where name = $1", values: [name] });
}
