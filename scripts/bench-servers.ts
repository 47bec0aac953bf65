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

/**
 * What a team writes by hand: Koa, pg, BEGIN, SET LOCAL in its function form, one fixed query, COMMIT. No dialect, no token, no
 * host; tables with a policy on a plain setting. The context is set by a wrapper because migrate took set_config from PUBLIC.
 */
export function plainHandler(pool: ConnectionPool, tenantId: string): Koa {
  const app = new Koa();
  app.use(async (ctx) => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query({ name: "set", text: "select plain.set_tenant($1)", values: [tenantId] });
      const { rows } = await client.query({
        name: "by_id",
        text: "select coalesce(json_agg(t), '[]')::text as body from (select * from plain.customers where id = $1) t",
        values: [ctx.query["id"]],
      });
      await client.query("commit");
      ctx.type = "application/json";
      ctx.body = rows[0].body;
    } finally {
      client.release();
    }
  });
  return app;
}

/** What {@link plainHandler} reads: a copy of the customers, isolated by a setting that any SQL may write. */
export const PLAIN_TABLES = `
  create schema plain;
  create function plain.set_tenant(in_id text) returns text language sql volatile security definer
    as 'select set_config(''plain.tenant_id'', in_id, true)';
  create table plain.customers as select * from app.customers;
  alter table plain.customers add primary key (tenant_id, id);
  alter table plain.customers enable row level security;
  create policy tenant on plain.customers to rowhouse_api
    using (tenant_id = (select nullif(current_setting('plain.tenant_id', true), '')::uuid));
  grant usage on schema plain to rowhouse_api;
  grant execute on function plain.set_tenant(text) to rowhouse_api;
  grant select on plain.customers to rowhouse_api;
  analyze plain.customers`;

/**
 * Takes the walls out of a copy of the database; what is left is the same tables, indexes and queries. A server refuses to serve
 * such a database, so the copy is also made to say that nothing is unprotected.
 */
export const DROP_TENANCY = `
  create or replace function platform.unprotected_tables() returns setof regclass language sql stable
    as 'select null::regclass where false';
  do $$
  declare
    target record;
  begin
    for target in select c.oid::regclass as name from pg_class c where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' loop
      execute format('alter table %s disable row level security', target.name);
      execute format('alter table %s alter column tenant_id set default %L', target.name, current_setting('bench.tenant_id'));
      execute format('grant all on %s to rowhouse_api', target.name);
    end loop;
  end $$`;
