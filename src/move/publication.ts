import type { TenantTable } from "../db/tables.ts";
import { inTransaction } from "../db/transaction.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * Publishes the tenant's rows of each table, and its watermarks, unless the publication is there. Not TRUNCATE, to which row
 * filters don't apply (CREATE PUBLICATION, Notes). A partitioned table goes as one, so that partitions may differ.
 */
export async function createPublication(
  { owner }: Endpoint,
  name: string,
  tables: readonly TenantTable[],
  tenantId: string,
): Promise<void> {
  const identifiers = [...tables.map(({ identifier }) => identifier), "platform.move_watermarks"];
  await inTransaction(owner, async (client) => {
    await client.query("set local lock_timeout = '5s'; set local role rowhouse_owner");
    const { rows } = await client.query<{ text: string }>(
      `select format('create publication %I for table %s with (publish = ''insert, update, delete'', publish_via_partition_root = true)',
         $1::text, string_agg(format('%s where (tenant_id = %L::uuid)', t.identifier, $3::uuid), ', ')) as text
       from unnest($2::text[]) t (identifier)
       where not exists (select from pg_publication where pubname = $1)
       having count(*) > 0`,
      [name, identifiers, tenantId],
    );
    if (rows[0] !== undefined) await client.query(rows[0].text);
  });
}

export async function dropPublication({ owner }: Pick<Endpoint, "owner">, name: string): Promise<void> {
  const { rows } = await owner.query<{ text: string }>(
    "select format('drop publication if exists %I', pubname) as text from pg_publication where pubname = $1",
    [name],
  );
  if (rows[0] !== undefined) await owner.query(rows[0].text);
}
