import { expect } from "vitest";
import type { TestDatabase } from "../harness.ts";

/** Waits until a command waits for a lock on app.expenses. Other test files' databases have the same OIDs, being copies of the same one. */
export async function untilBlocked({ admin }: Pick<TestDatabase, "admin">): Promise<void> {
  const waiting = `select from pg_locks where not granted and relation = 'app.expenses'::regclass
    and database = (select oid from pg_database where datname = current_database())`;
  await expect.poll(async () => (await admin.query(waiting)).rowCount).toBeGreaterThan(0);
}
