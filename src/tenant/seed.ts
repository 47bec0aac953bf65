import type { DbClient } from "../db/connections.ts";
import type { Keyring } from "../db/keyring.ts";
import { makeScope } from "../db/scope.ts";
import { readTenantTables, type TenantTable } from "../db/tables.ts";
import { enterScope, inTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { Tenant } from "./tenant.ts";

/** Rows of one table, in an order in which each row's references precede it. */
export interface SeedBatch {
  /** Table of the app, without its schema. */
  readonly table: string;
  readonly columns: readonly string[];
  /** JSON-safe values, by position. */
  readonly rows: readonly (readonly unknown[])[];
}

function insertText(tables: readonly TenantTable[], batch: SeedBatch): string {
  const table = tables.find(({ schema, name }) => schema !== "tenant" && name === batch.table);
  if (table === undefined) {
    throw new RowhouseError("archiveSchema", {
      message: `The seed names the table ${batch.table}, which does not exist`,
    });
  }
  const columns = batch.columns.map((wanted) => {
    const column = table.columns.find(({ name }) => name === wanted);
    if (column !== undefined) return column.identifier;
    throw new RowhouseError("archiveSchema", {
      message: `The seed names the column ${batch.table}.${wanted}, which does not exist`,
    });
  });
  const list = columns.join(", ");
  return `insert into ${table.identifier} (${list}) select ${list} from json_populate_recordset(null::${table.identifier}, $1::json)`;
}

/**
 * Inserts generated rows as the tenant, in one transaction.
 * @param client a connection of rowhouse_importer
 * @returns how many rows
 * @throws RowhouseError archiveSchema when a table or column does not exist
 */
export function seedTenant(
  client: DbClient,
  keyring: Keyring,
  tenant: Tenant,
  batches: Iterable<SeedBatch>,
): Promise<number> {
  const scope = makeScope(
    { tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:seed", role: "owner" },
    keyring,
  );
  return inTransaction(client, async () => {
    const tables = await readTenantTables(client);
    await enterScope(client, scope, "write");
    let count = 0;
    for (const batch of batches) {
      const records = batch.rows.map((row) =>
        Object.fromEntries(batch.columns.map((column, index) => [column, row[index]])),
      );
      await client.query(insertText(tables, batch), [JSON.stringify(records)]);
      count += records.length;
    }
    return count;
  });
}
