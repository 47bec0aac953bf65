import type pg from "pg";
import type { Database } from "../../src/db/connections.ts";
import { enterStatement, makeScope, type Scope } from "../../src/db/scope.ts";
import { findTenant } from "../../src/tenant/change.ts";

/** Which of the two ways of `policies/context.sql` keeps the context. */
export type Mode = "protected" | "fallback";

/** A database with two tenants: A attacks, B must not notice. */
export interface Arena {
  readonly mode: Mode;
  readonly database: Database;
  /** A superuser, who sees everything: to look at what the attacks did. */
  readonly admin: pg.Client;
  readonly a: Scope;
  readonly b: Scope;
  close(): Promise<void>;
}

/** Stands in rows of B alone, so that an answer or an error text which holds it has leaked. */
export const MARKER = "B-SECRET-7f3a";

export async function scopeOf(database: Database, slug: string): Promise<Scope> {
  const pool = database.openPool("rowhouse_platform", { max: 1 });
  const { id, epoch } = await findTenant(pool, slug);
  await pool.end();
  return makeScope({ tenantId: id, epoch, principal: `user@${slug}`, role: "admin" }, database.keyring);
}

/** Puts the marker into rows of B. */
export async function plantMarker(admin: pg.Client, b: Scope): Promise<void> {
  // The sales example has none of its own.
  await admin.query(
    "insert into tenant.idempotency_keys (tenant_id, principal, key, fingerprint, answer) select id, 'p', 'k', 'x', '[]' from platform.tenants",
  );
  await admin.query(
    `update app.customers set name = '${MARKER}', email = '${MARKER}@b.example', number = '${MARKER}'
     where tenant_id = $1 and id = (select min(id::text)::uuid from app.customers where tenant_id = $1)`,
    [b.tenantId],
  );
}

/** Begins a transaction and enters the tenant, as the server does. */
export async function enter(client: pg.Client, scope: Scope, access: "read" | "write" = "write"): Promise<void> {
  const { text, values } = enterStatement(scope, access);
  await client.query("begin");
  await client.query(text, [...values]);
}

/** What a statement came to: the rows it touched or returned, or the SQLSTATE that refused it. */
export async function outcome(client: pg.ClientBase, text: string, values: unknown[] = []): Promise<number | string> {
  try {
    return (await client.query(text, values)).rowCount ?? 0;
  } catch (error) {
    return (error as pg.DatabaseError).code ?? String(error);
  }
}

/** Digest of everything that a tenant has in the table, as the superuser sees it. */
export async function fingerprint(admin: pg.Client, table: string, tenantId: string): Promise<string> {
  const { rows } = await admin.query<{ digest: string }>(
    `select count(*) || ' ' || md5(coalesce(string_agg(t::text, e'\\n' order by t::text), '')) as digest
     from ${table} t where tenant_id = $1`,
    [tenantId],
  );
  return rows[0]!.digest;
}
