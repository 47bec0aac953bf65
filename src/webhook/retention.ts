import type { ConnectionPool } from "../db/connections.ts";
import { claimJob, endJob } from "../db/job.ts";
import { withConnection } from "../db/transaction.ts";

export const WEBHOOK_RETENTION_JOB = "webhook_retention";
const EVERY_SECONDS = 3600;

/**
 * Removes events that are older than that, delivered or not, and their deliveries, when an hour has gone by since any server did so.
 * @param pool connections of rowhouse_platform of the registry's database
 * @returns how many events there were; null when it was not due
 */
export async function purgeDue(pool: ConnectionPool, keptDays: number): Promise<number | null> {
  if (!(await claimJob(pool, WEBHOOK_RETENTION_JOB, EVERY_SECONDS))) return null;
  const { rowCount } = await withConnection(pool, (client) =>
    client.query("delete from platform.webhook_events where created_at < now() - make_interval(days => $1)", [
      keptDays,
    ]),
  );
  await endJob(pool, WEBHOOK_RETENTION_JOB);
  return rowCount ?? 0;
}
