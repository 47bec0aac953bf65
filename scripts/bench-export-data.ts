/** The rows that scripts/bench-export.ts exports: four tables of different width, of one large tenant and its neighbours. */
import { join } from "node:path";
import type { Database } from "../src/db/connections.ts";
import { migrate } from "../src/db/migrate.ts";
import { createTenant } from "../src/tenant/create.ts";
import type { Tenant } from "../src/tenant/tenant.ts";

const APP = join(import.meta.dirname, "../examples/sales");

/** Clustered: each tenant's rows lie together, as after `cluster`. Interleaved: in the order in which all of them came. */
export type Layout = "clustered" | "interleaved";

/** Share of the tenant's bytes, bytes of text COPY per row, columns beside tenant_id, and one row made of a number `n`. */
const TABLES = [
  {
    name: "bench_invoices",
    share: 0.5,
    width: 229,
    columns: `id uuid not null, number text not null, customer_id uuid not null, status text not null, amount_cents bigint not null,
      due_on date, note text, created_at timestamptz not null`,
    row: `md5('i' || n)::uuid, 'I-' || n, md5('c' || n % 5000)::uuid, (array['draft','sent','paid'])[1 + n % 3], n * 37 % 1000000,
      date '2026-01-01' + (n % 300)::int, 'note ' || md5('n' || n) || repeat(' lorem ipsum', 3), timestamptz '2026-01-01' + n * interval '1 second'`,
  },
  {
    name: "bench_events",
    share: 0.3,
    width: 130,
    columns: "id bigint not null, kind text not null, at timestamptz not null, payload jsonb not null",
    row: `n, (array['created','changed','sent','paid'])[1 + n % 4], timestamptz '2026-01-01' + n * interval '1 second',
      jsonb_build_object('n', n, 'by', md5('u' || n % 100), 'ok', n % 2 = 0)`,
  },
  {
    name: "bench_texts",
    share: 0.15,
    width: 1100,
    columns: "id bigint not null, body text not null",
    row: "n, (select string_agg(md5(n || '-' || w), ' ') from generate_series(1, 32) w)",
  },
  {
    name: "bench_links",
    share: 0.05,
    width: 12,
    columns: "id bigint not null, other bigint not null",
    row: "n, n % 977",
  },
] as const;

/** Rows of each table for so many bytes of text COPY. */
function rowsOf({ share, width }: (typeof TABLES)[number], bytes: number): number {
  return Math.ceil((bytes * share) / width);
}

async function fill(
  database: Database,
  tenants: readonly Tenant[],
  bytes: readonly number[],
  layout: Layout,
): Promise<void> {
  const owner = await database.connectOwner();
  try {
    for (const table of TABLES) {
      const name = `app.${table.name}`;
      await owner.query(
        `create table ${name} (tenant_id uuid not null default platform.current_tenant(), ${table.columns})`,
      );
      const counts = bytes.map((size) => rowsOf(table, size));
      await owner.query(
        `insert into ${name} select t.id, ${table.row} from unnest($1::uuid[], $2::bigint[]) with ordinality t (id, count, place)
           cross join generate_series(1, t.count) n order by ${layout === "clustered" ? "t.place, n" : "n, t.place"}`,
        [tenants.map(({ id }) => id), counts],
      );
      await owner.query(
        `alter table ${name} add primary key (tenant_id, id); alter table ${name} owner to rowhouse_owner`,
      );
      await owner.query(`select platform.protect_table('${name}')`);
    }
    await owner.query("vacuum analyze");
    await owner.query("checkpoint");
  } finally {
    await owner.end();
  }
}

/**
 * Fills an empty database.
 * @param bytes of text COPY of each tenant, the one that is exported first
 * @returns that one
 */
export async function makeTenants(database: Database, bytes: readonly number[], layout: Layout): Promise<Tenant> {
  await migrate(database, { appDir: APP });
  const platform = database.openPool("rowhouse_platform", { max: 1 });
  const tenants: Tenant[] = [];
  for (const index of bytes.keys()) {
    const { tenant } = await createTenant(
      platform,
      database.keyring,
      { slug: `bench-${index}`, name: "Bench" },
      "bench",
    );
    tenants.push(tenant);
  }
  await platform.end();
  await fill(database, tenants, bytes, layout);
  return tenants[0]!;
}
