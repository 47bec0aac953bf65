import { readClockSkew } from "../../db/clock.ts";
import type { DbClient } from "../../db/connections.ts";
import { migrationSets } from "../../db/migrate.ts";
import { readFailing } from "../../db/readiness.ts";
import { readServerVersion } from "../../db/server-version.ts";
import { RowhouseError } from "../../errors.ts";
import { openSession, type Session } from "../session.ts";
import { error, ok, warn, type Fact } from "./fact.ts";

/** A token is refused when its `iat` lies more than five seconds ahead. */
const SKEW_MS = 5000;

async function examineVersion(client: DbClient): Promise<Fact> {
  const { text, floor } = await readServerVersion(client);
  if (floor === null) return ok("postgresql", text);
  return warn("postgresql", `${text} has known holes in row-level security`, `Upgrade to ${floor} or newer.`);
}

async function examineClock(client: DbClient): Promise<Fact> {
  const skew = await readClockSkew(client);
  const found = `${Math.abs(skew)} ms ${skew < 0 ? "behind" : "ahead of"} the database's`;
  return Math.abs(skew) < SKEW_MS
    ? ok("clock", found)
    : error("clock", found, "Run a time service (chrony, systemd-timesyncd) on both machines.");
}

/** The facts that decide whether the server is ready, as `/readyz` gives them. */
async function examineReadiness({ database, platform, appDir, config }: Session): Promise<Fact[]> {
  const api = database.openPool("rowhouse_api", { max: 1, waitMs: config.CONNECTION_WAIT_MS });
  try {
    const failing = await readFailing({
      api,
      platform,
      keyring: database.keyring,
      migrationSets: migrationSets(appDir),
      preRequest: config.PRE_REQUEST ?? null,
    });
    if (failing.length === 0) return [ok("isolation", "roles, tables, migrations and context are as they should be")];
    return failing.map(({ fact, problem, fix }) => error(fact, problem, fix));
  } finally {
    await api.end();
  }
}

function examineKind({ embedded, note, database, config }: Session): Fact {
  if (!embedded) return ok("database", database.address);
  const where = note ?? `data in ${config.dataDir}`;
  return warn(
    "database",
    `embedded, for evaluation only; ${where}`,
    "For anything that matters, set DATABASE_URL to a PostgreSQL of your own.",
  );
}

function refused(cause: unknown): Fact {
  if (!(cause instanceof RowhouseError))
    return error("database", cause instanceof Error ? cause.message : String(cause), "See docs/reference/errors.md.");
  const fix = cause.hint ?? "See docs/reference/errors.md.";
  return cause.kind === "databaseMissing"
    ? warn("database", "none yet", "`rowhouse serve` makes one.")
    : error("database", cause.message, fix);
}

/** What the database says. Never throws: what can't be looked at is an error among the facts. */
export async function examineDatabase(): Promise<Fact[]> {
  try {
    await using session = await openSession("doctor", { asOwner: true });
    const client = await session.database.connectOwner();
    try {
      const facts = [examineKind(session), await examineVersion(client), await examineClock(client)];
      return [...facts, ...(await examineReadiness(session))];
    } finally {
      await client.end();
    }
  } catch (cause) {
    return [refused(cause)];
  }
}
