import type { TenantTable } from "../db/tables.ts";
import { inTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { MoveSession } from "./endpoint.ts";
import { emit, type Run } from "./run.ts";

const BATCH = 5000;

/** Holds the tombstone, so that nobody begins to fill the database in the middle. */
async function assertGone(session: MoveSession, tenantId: string, slug: string): Promise<void> {
  const { rowCount } = await session.query(
    "select from platform.tenants where id = $1 and moved_to is not null and arriving is null for share",
    [tenantId],
  );
  if (rowCount === 1) return;
  throw new RowhouseError("moveState", {
    message: `${slug} lives here again, or is on its way: its rows stay`,
    hint: "This is a bug of Rowhouse. Please report it with `rowhouse moves show --json`.",
  });
}

/** Columns of the key, which tells rows apart in partitions, too. */
function batchText({ identifier, primaryKey }: TenantTable): string {
  const key = ["tenant_id", ...primaryKey].join(", ");
  return `delete from ${identifier} where (${key}) in (select ${key} from ${identifier} where tenant_id = $1 limit ${BATCH})`;
}

/**
 * Removes the tenant's rows from the database that it has left, in small transactions; no trigger fires and no foreign key
 * cascades. Only where the tenant's row is a tombstone.
 * @returns rows
 */
export async function removeRows(run: Run): Promise<number> {
  const { mover } = run.source;
  const { tenantId, slug } = run.move;
  let removed = 0;
  for (const table of run.tables.toReversed()) {
    let rows = BATCH;
    while (rows === BATCH) {
      rows = await inTransaction(mover, async () => {
        await mover.query("set local session_replication_role = replica");
        await assertGone(mover, tenantId, slug);
        const { rowCount } = await mover.query(batchText(table), [tenantId]);
        return rowCount ?? 0;
      });
      removed += rows;
      emit(run, { event: "remove", table: table.identifier, rows });
    }
  }
  return removed;
}
