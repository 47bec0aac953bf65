import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import type { Endpoint } from "./endpoint.ts";
import type { MoveResource } from "./resource.ts";

/** What a move has left in a database, and how to be rid of it. */
export interface OrphanResource extends MoveResource {
  /** SQL for the owner of the database. */
  readonly fix: string;
}

/** By the names that `makeName()` gives; of this database, though other databases of the server show some as well. */
const OURS = `
  select 'subscription' as kind, subname::text as name,
    format('alter subscription %1$I disable; alter subscription %1$I set (slot_name = none); drop subscription %1$I', subname) as fix
  from pg_subscription where subname ~ '^rowhouse_move_' and subdbid = (select oid from pg_database where datname = current_database())
  union all
  select 'slot', slot_name::text, format('select pg_drop_replication_slot(%L)', slot_name)
  from pg_replication_slots where slot_name ~ '^rowhouse_move_' and database = current_database()
  union all
  select 'publication', pubname::text, format('drop publication %I', pubname) from pg_publication where pubname ~ '^rowhouse_move_'`;

/**
 * Slots, publications and subscriptions that no move has written down. There should be none; a slot that nobody reads keeps WAL for
 * ever.
 * @param platform of the registry's database
 */
export async function findOrphans({ name, owner }: Endpoint, platform: ConnectionPool): Promise<OrphanResource[]> {
  const { rows: there } = await owner.query<Omit<OrphanResource, "database">>(OURS);
  const noted = await queryRows<MoveResource>(platform, {
    text: "select kind, name, database from platform.move_resources where database = $1",
    values: [name],
  });
  const known = new Set(noted.map((resource) => `${resource.kind} ${resource.name}`));
  return there
    .filter(({ kind, name: own }) => !known.has(`${kind} ${own}`))
    .map((found) => ({ ...found, database: name }));
}
