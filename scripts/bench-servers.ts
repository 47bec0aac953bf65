/** The servers that scripts/bench.ts compares. All but the last are Rowhouse itself, and differ only in how statements run. */
import Koa from "koa";
import type { ConnectionPool } from "../src/db/connections.ts";
import { enterStatement, type Scope } from "../src/db/scope.ts";
import type { Statement, StatementResult } from "../src/db/statement.ts";
import { runBatch } from "../src/db/transaction.ts";
import type { Run } from "../src/http/run.ts";

/** One statement, as `pg` runs it by itself. */
async function query(
  client: { query(config: object): Promise<unknown> },
  { name, text, values }: Statement,
): Promise<StatementResult> {
  const result = (await client.query({
    name: name === undefined ? undefined : `q_${name}`,
    text,
    values,
    rowMode: "array",
  })) as {
    rows: (string | null)[][];
    rowCount: number | null;
  };
  return { rows: result.rows, rowCount: result.rowCount ?? 0 };
}

/** BEGIN, context, query, COMMIT: each waits for the answer of the one before. */
export const runInFourTrips: Run = async (pool, scope, access, statements) => {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await query(client, enterStatement(scope, access));
    const results: StatementResult[] = [];
    for (const statement of statements) results.push(await query(client, statement));
    await client.query("commit");
    return results;
  } finally {
    client.release();
  }
};

/** The same query and nothing else: the tables of this database have no row-level security. */
export const runWithoutTenancy: Run = (pool, _scope: Scope, _access, statements) => runBatch(pool, statements);

/** The fixed queries of {@link plainHandler}, by path. */
const PLAIN_QUERIES: Readonly<Record<string, { readonly text: string; readonly takes: readonly string[] }>> = {
  "/customer": {
    text: "select coalesce(json_agg(t), '[]')::text as body from (select * from plain.customers where id = $1) t",
    takes: ["id"],
  },
  "/invoices": {
    text: `select coalesce(json_agg(t), '[]')::text as body from (
      select i.id, i.number, (select row_to_json(c) from (select name from plain.customers c where c.id = i.customer_id) c) as customers,
        (select coalesce(json_agg(m), '[]') from (select description, quantity from plain.invoice_items m where m.invoice_id = i.id) m) as invoice_items
      from plain.invoices i order by i.number limit 20 offset $1) t`,
    takes: ["offset"],
  },
  "/upsert": {
    text: `with written as (
        insert into plain.customers (tenant_id, id, number, name) select current_setting('plain.tenant_id')::uuid, r.id, r.number, r.name
        from json_to_recordset($1::json) r (id uuid, number text, name text)
        on conflict (tenant_id, id) do update set number = excluded.number, name = excluded.name returning 1)
      select count(*)::text as body from written`,
    takes: ["rows"],
  },
};

/**
 * What a team writes by hand: Koa, pg, BEGIN, SET LOCAL in its function form, one fixed query, COMMIT. No dialect, no token, no
 * host; tables with a policy on a plain setting. The context is set by a wrapper because migrate took set_config from PUBLIC.
 */
export function plainHandler(pool: ConnectionPool, tenantId: string): Koa {
  const app = new Koa();
  app.use(async (ctx) => {
    const { text, takes } = PLAIN_QUERIES[ctx.path]!;
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query({ name: "set", text: "select plain.set_tenant($1)", values: [tenantId] });
      const { rows } = await client.query({ name: ctx.path, text, values: takes.map((name) => ctx.query[name]) });
      await client.query("commit");
      ctx.type = "application/json";
      ctx.body = rows[0].body;
    } finally {
      client.release();
    }
  });
  return app;
}

/** What {@link plainHandler} reads and writes: copies of three tables, isolated by a setting that any SQL may write. */
export const PLAIN_TABLES = `
  create schema plain;
  create function plain.set_tenant(in_id text) returns text language sql volatile security definer
    as 'select pg_catalog.set_config(''plain.tenant_id'', in_id, true)';
  grant usage on schema plain to rowhouse_api;
  grant execute on function plain.set_tenant(text) to rowhouse_api;
  do $$
  declare
    name text;
  begin
    foreach name in array array['customers', 'invoices', 'invoice_items'] loop
      execute format('create table plain.%I as select * from app.%1$I', name);
      execute format('alter table plain.%I add primary key (tenant_id, id)', name);
      execute format('alter table plain.%I enable row level security', name);
      execute format('create policy tenant on plain.%I to rowhouse_api
        using (tenant_id = (select nullif(current_setting(''plain.tenant_id'', true), '''')::uuid))', name);
      execute format('grant select, insert, update on plain.%I to rowhouse_api', name);
    end loop;
  end $$;
  create index on plain.invoices (tenant_id, number);
  create index on plain.invoice_items (tenant_id, invoice_id);
  analyze plain.customers, plain.invoices, plain.invoice_items`;

/** A copy of the database in which no table of the app keeps an audit trail, by the option that every app has. */
export const DROP_AUDIT = `
  select platform.protect_table(c.oid::regclass, '{"audit": false}') from pg_class c
  where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`;

/** A server refuses to serve a database that lacks anything of the law, so such a copy is made to say that nothing is lacking. */
const SILENCE_CHECK = `
  create or replace function platform.unprotected_tables() returns setof regclass language sql stable
    as 'select null::regclass where false';`;

/** After {@link DROP_AUDIT}: takes the policies that ask what a role may do out as well, and leaves those that keep tenants apart. */
export const DROP_PERMISSIONS = `${SILENCE_CHECK}
  do $$
  declare
    target record;
  begin
    for target in select p.polname as name, p.polrelid::regclass as of from pg_policy p join pg_class c on c.oid = p.polrelid
      where c.relnamespace = 'app'::regnamespace and not p.polpermissive and starts_with(p.polname, 'member_') loop
      execute format('drop policy %I on %s', target.name, target.of);
    end loop;
  end $$`;

/** Takes the walls, the audit trail and the stamps out of a copy of the database; what is left is the same tables, indexes and queries. */
export const DROP_TENANCY = `${SILENCE_CHECK}
  do $$
  declare
    target record;
  begin
    for target in select c.oid::regclass as name from pg_class c where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' loop
      execute format('alter table %s disable row level security', target.name);
      execute format('alter table %s alter column tenant_id set default %L', target.name, current_setting('bench.tenant_id'));
      execute format('grant all on %s to rowhouse_api', target.name);
    end loop;
    for target in select t.tgname as name, t.tgrelid::regclass as of from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where c.relnamespace = 'app'::regnamespace and not t.tgisinternal and starts_with(t.tgname, 'rowhouse_') loop
      execute format('drop trigger %I on %s', target.name, target.of);
    end loop;
  end $$`;
