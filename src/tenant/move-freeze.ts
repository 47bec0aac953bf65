import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";

/** A move that has not ended, between this database and another. */
export interface UnfinishedMove {
  readonly id: string;
  readonly slug: string;
  readonly state: string;
  readonly from: string;
  readonly to: string;
}

const EXISTS = "select to_regclass('platform.moves') is not null as exists";
const UNFINISHED = `select id, slug, state, from_database as "from", to_database as "to" from platform.moves
  where finished_at is null and $1 in (from_database, to_database) order by created_at`;

/** @param registry the registry's database; it may be older than moves are */
async function readMoves(registry: DbClient | ConnectionPool, database: string): Promise<UnfinishedMove[]> {
  const { rows: found } = await registry.query<{ exists: boolean }>(EXISTS);
  if (found[0]?.exists !== true) return [];
  const { rows } = await registry.query<UnfinishedMove>(UNFINISHED, [database]);
  return rows;
}

const describe = ({ slug, from, to, state }: UnfinishedMove) => `${slug} from ${from} to ${to} (${state})`;

/**
 * Keeps the schema as it is while a move copies rows: its replication stops at the first row with a column that the other side has
 * not got. A move that has taken place and only keeps the way back open is no reason to wait a day: both sides catch up once both
 * are migrated, but a table that is new has no way back.
 * @returns what to be warned of
 * @throws RowhouseError moveRunning
 */
export async function assertNoMove(
  registry: DbClient | ConnectionPool,
  database: string,
  migrations: readonly string[],
): Promise<string[]> {
  const moves = await readMoves(registry, database);
  const copying = moves.filter(({ state }) => state !== "observing");
  if (copying.length > 0) {
    throw new RowhouseError("moveRunning", {
      message: `A tenant is being moved, and the schema of ${database} has to stay as it is: ${copying.map(describe).join(", ")}`,
      details: `pending: ${migrations.join(", ")}`,
      hint: "Run it again when the move has taken place (`rowhouse moves list`). With --force it runs now, and may stop the move.",
    });
  }
  return moves.map(
    (move) =>
      `${move.slug} can still be taken back from ${move.to} to ${move.from}: migrate both; rows of new tables don't go back with it`,
  );
}
