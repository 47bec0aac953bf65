import type { ConnectionPool } from "../../db/connections.ts";
import { HOME, listDatabases, openEntry } from "../../tenant/databases.ts";
import type { Session } from "../session.ts";

/** Asks the outbox of each database of the deployment: a mail is written where its tenant lives. */
export async function eachOutbox<T>(session: Session, ask: (pool: ConnectionPool) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (const entry of await listDatabases(session.platform)) {
    if (entry.name === HOME) {
      answers.push(await ask(session.platform));
      continue;
    }
    const pool = openEntry(session.database, entry).openPool("rowhouse_platform", { max: 1 });
    try {
      answers.push(await ask(pool));
    } finally {
      await pool.end();
    }
  }
  return answers;
}
