import { readTenantTables, type TenantTable } from "../db/tables.ts";
import { inTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { Endpoint, MoveSession } from "./endpoint.ts";
import type { Move } from "./move.ts";

/**
 * The tenant's row at the target, made from the source's where there is none, under the token of this run. Secrets that open the
 * tenant are the same in both: they are derived from the deployment's.
 * @param formerTokens of the runs that this one takes over from
 * @throws RowhouseError moveState when the tenant lives at the target
 */
export async function beginArrival(
  source: Endpoint,
  target: Endpoint,
  move: Move,
  formerTokens: readonly string[],
): Promise<void> {
  const { rows } = await source.mover.query<Record<string, unknown>>(
    "select id, slug, name, status, epoch, seal from platform.tenants where id = $1",
    [move.tenantId],
  );
  const { id, slug, name, status, epoch, seal } = rows[0] ?? {};
  const made = await target.mover.query(
    `insert into platform.tenants (id, slug, name, status, epoch, seal, moved_to, arriving) values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (id) do nothing`,
    [id, slug, name, status, epoch, seal, move.from, move.token],
  );
  if (made.rowCount === 1) return;
  const begun = await target.mover.query<{ begun: boolean }>("select platform.begin_arrival($1, $2, $3) as begun", [
    move.tenantId,
    formerTokens,
    move.token,
  ]);
  if (begun.rows[0]?.begun === true) return;
  throw new RowhouseError("moveState", {
    message: `${move.slug} can't arrive at ${move.to}: it lives there, or another move fills it`,
    hint: `\`rowhouse moves show ${move.slug}\` tells where it stands.`,
  });
}

/** The move is given up, whichever of its runs the tenant was arriving under. */
export async function endArrival({ mover }: Endpoint, move: Move, formerTokens: readonly string[]): Promise<void> {
  await mover.query("select platform.begin_arrival($1, $2, $3)", [move.tenantId, formerTokens, move.token]);
  await mover.query("select platform.end_arrival($1, $2)", [move.tenantId, move.token]);
}

/**
 * Inside a transaction of the mover's: rows are loaded and deleted as they are, firing no trigger and checking no foreign key,
 * because the source's have been through both.
 */
export async function holdArrival(session: MoveSession, { tenantId, token }: Move): Promise<void> {
  await session.query("set local session_replication_role = replica");
  await session.query("select platform.hold_arrival($1, $2)", [tenantId, token]);
}

/** Takes back the row that {@link beginArrival} made. */
export async function forgetArrival({ mover }: Endpoint, move: Move): Promise<void> {
  await mover.query("select platform.forget_arrival($1, $2)", [move.tenantId, move.token]);
}

/** Empties the target of what an earlier attempt of this move loaded. */
export async function clearArrival({ mover }: Endpoint, move: Move): Promise<void> {
  const tables = await readTenantTables(mover);
  await inTransaction(mover, async () => {
    await holdArrival(mover, move);
    for (const { identifier } of tables.toReversed())
      await mover.query(`delete from ${identifier} where tenant_id = $1`, [move.tenantId]);
    await mover.query("delete from platform.move_watermarks where tenant_id = $1", [move.tenantId]);
  });
}

/** Tables of the database in which the tenant has rows. */
export async function tablesWithRows(
  session: MoveSession,
  tables: readonly TenantTable[],
  tenantId: string,
): Promise<string[]> {
  const found: string[] = [];
  for (const { identifier } of tables) {
    const { rowCount } = await session.query(`select from ${identifier} where tenant_id = $1 limit 1`, [tenantId]);
    if (rowCount !== 0) found.push(identifier);
  }
  return found;
}
