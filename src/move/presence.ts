import type { Endpoint } from "./endpoint.ts";
import type { Run } from "./run.ts";

/** What a database says about the tenant: the truth that the record of a move is a note about. */
export interface Presence {
  /** Null: it lives there. */
  readonly movedTo: string | null;
  readonly arriving: string | null;
  readonly fence: string | null;
  readonly epoch: string;
}

/** Undefined where the tenant never was. */
export async function readPresence(
  { mover }: Pick<Endpoint, "mover">,
  tenantId: string,
): Promise<Presence | undefined> {
  const { rows } = await mover.query<Presence>(
    `select moved_to as "movedTo", arriving, fence, epoch::text as epoch from platform.tenants where id = $1`,
    [tenantId],
  );
  return rows[0];
}

/** Whether the source has let the tenant go, whatever the record of the move says. */
export async function hasCommitted({ source, move }: Run): Promise<boolean> {
  const presence = await readPresence(source, move.tenantId);
  return presence !== undefined && presence.movedTo === move.to && BigInt(presence.epoch) > BigInt(move.epoch);
}

/** Lifts whatever fence a stopped run left. */
export async function liftFence({ mover }: Endpoint, tenantId: string): Promise<void> {
  await mover.query(
    "select platform.unfence_tenant(id, fence) from platform.tenants where id = $1 and fence is not null",
    [tenantId],
  );
}
