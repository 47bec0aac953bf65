import type { TestDatabase } from "../harness.ts";

/** Slots, publications, subscriptions and notes of them that moves have left in the databases, the registry's first. */
export async function leftovers(databases: readonly Pick<TestDatabase, "admin">[]): Promise<string[]> {
  const found: string[] = [];
  for (const { admin } of databases) {
    const { rows } = await admin.query<{ left: string }>(
      `select format('slot %s', slot_name) as left from pg_replication_slots where database = current_database()
       union all select format('publication %s', pubname) from pg_publication
       union all select format('subscription %s', subname) from pg_subscription s join pg_database d on d.oid = s.subdbid
         where d.datname = current_database()
       union all select format('resource %s %s %s', kind, name, database) from platform.move_resources
       union all select format('watermark %s', id) from platform.move_watermarks
       union all select format('fence or arrival of %s', slug) from platform.tenants where fence is not null or arriving is not null`,
    );
    found.push(...rows.map(({ left }) => left));
  }
  return found;
}
