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
export async function hasCommitted({ source, move }: Pick<Run, "source" | "move">): Promise<boolean> {
  const presence = await readPresence(source, move.tenantId);
  return presence !== undefined && presence.movedTo === move.to && BigInt(presence.epoch) > BigInt(move.epoch);
}

/**
 * Lifts whatever fence a stopped run left: a commit point that it has sent already finds none. One statement decides, so that nothing
 * fits between the question and what follows from its answer.
 * @returns false when the tenant has left: then there is no way but forward
 */
export async function keepTenant({ mover }: Endpoint, tenantId: string): Promise<boolean> {
  const { rows } = await mover.query<{ kept: boolean }>("select platform.keep_tenant($1) as kept", [tenantId]);
  return rows[0]?.kept === true;
}
