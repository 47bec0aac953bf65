import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import type { Move } from "./move.ts";
import { takenOver } from "./store.ts";

export type ResourceKind = "publication" | "slot" | "subscription";

/** Something that a move has made, or is about to make, in a database. */
export interface MoveResource {
  readonly kind: ResourceKind;
  readonly name: string;
  /** Name of the database that has it. */
  readonly database: string;
}

/**
 * Before it is made: whatever happens then, somebody knows that it may be there.
 * @throws RowhouseError moveRunning when another run has taken the move over, which makes its own
 */
export async function noteResource(pool: ConnectionPool, move: Move, resource: MoveResource): Promise<void> {
  const rows = await queryRows(pool, {
    text: `insert into platform.move_resources (move_id, kind, name, database)
      select m.id, $3, $4, $5 from platform.moves m where m.id = $1 and m.token = $2
      on conflict (database, kind, name) do update set move_id = excluded.move_id returning 1`,
    values: [move.id, move.token, resource.kind, resource.name, resource.database],
  });
  if (rows.length === 0) throw takenOver(move);
}

/** After it was dropped. */
export async function forgetResource(pool: ConnectionPool, resource: MoveResource): Promise<void> {
  await queryRows(pool, {
    text: "delete from platform.move_resources where database = $1 and kind = $2 and name = $3",
    values: [resource.database, resource.kind, resource.name],
  });
}

/** All of a move, whose database is gone. */
export async function forgetResources(pool: ConnectionPool, moveId: string): Promise<void> {
  await queryRows(pool, { text: "delete from platform.move_resources where move_id = $1", values: [moveId] });
}

export function listResources(pool: ConnectionPool, moveId: string): Promise<MoveResource[]> {
  return queryRows<MoveResource>(pool, {
    text: "select kind, name, database from platform.move_resources where move_id = $1 order by created_at, kind, name",
    values: [moveId],
  });
}
