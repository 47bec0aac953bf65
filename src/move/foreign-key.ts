import { orphanText, readForeignKeys, type ForeignKey } from "../archive/foreign-key.ts";
import type { TenantTable } from "../db/tables.ts";
import type { Endpoint, MoveSession } from "./endpoint.ts";

/** A foreign key that rows of the tenant break. */
export interface Orphans {
  readonly key: ForeignKey;
  readonly rows: number;
}

/**
 * Foreign keys of the tenant's rows that do not hold, since neither a copy nor replication checks any (mobility.md, 23). Rows that
 * are those of the source may still break one: to a table that carries no tenant, and so does not move.
 * @param snapshot of the mover's, for what moved; other tables are the owner's to read
 */
export async function findOrphans(
  { owner }: Endpoint,
  snapshot: MoveSession,
  tables: readonly TenantTable[],
  tenantId: string,
): Promise<Orphans[]> {
  const moved = new Set(tables.map(({ identifier }) => identifier));
  const found: Orphans[] = [];
  for (const key of await readForeignKeys(snapshot)) {
    if (!moved.has(key.child)) continue;
    const session = moved.has(key.parent) ? snapshot : owner;
    const { rows } = await session.query<{ orphans: string }>(`${orphanText(key)} and c.tenant_id = $1`, [tenantId]);
    const orphans = Number(rows[0]!.orphans);
    if (orphans > 0) found.push({ key, rows: orphans });
  }
  return found;
}
