import { createHash } from "node:crypto";
import type { TestDatabase } from "../../harness.ts";
import { newApiKey } from "../../../src/auth/api-key.ts";

const table = (name: string, options: object | null) => `
  create table app.${name} (tenant_id uuid, id uuid not null default gen_random_uuid(), body text not null default 'x',
    customer_id uuid, created_by text, primary key (tenant_id, id),
    foreign key (tenant_id, customer_id) references app.customers (tenant_id, id));
  select platform.protect_table('app.${name}', ${options === null ? "null" : `'${JSON.stringify(options)}'`});`;

/** Tables of each option, functions that touch them, and one that touches nothing; before the server starts. */
export async function makeShop(db: TestDatabase): Promise<void> {
  await db.admin.query(`set role rowhouse_owner;
    ${table("drafts", { own_rows: "write" })} ${table("diaries", { own_rows: "all" })} ${table("notes", null)}
    create function app.count_customers() returns bigint language sql stable as 'select count(*) from app.customers';
    create function app.rename_customers() returns void language sql volatile as $$ update app.customers set name = 'x' $$;
    create function app.ping() returns text language sql stable as $$ select 'pong' $$;
    grant execute on function app.count_customers(), app.rename_customers(), app.ping() to rowhouse_api;
    reset role`);
}

/** A role of the tenant's own. @param may table and verb */
export async function giveRole(db: TestDatabase, slug: string, role: string, may: readonly (readonly string[])[]) {
  const { id } = await db.tenant(slug);
  await db.admin.query("insert into tenant.roles (tenant_id, name) values ($1, $2) on conflict do nothing", [id, role]);
  for (const [name, verb] of may) {
    await db.admin.query("insert into tenant.permissions (tenant_id, role, table_name, verb) values ($1, $2, $3, $4)", [
      id,
      role,
      name,
      verb,
    ]);
  }
}

/** An API key that may do what its scopes say. */
export async function giveKey(db: TestDatabase, slug: string, scopes: object): Promise<string> {
  const { id } = await db.tenant(slug);
  const { key, prefix } = newApiKey(id);
  await db.admin.query(
    "insert into tenant.api_keys (tenant_id, name, prefix, hash, scopes, created_by) values ($1, 'test', $2, $3, $4, 'test')",
    [id, prefix, createHash("sha256").update(key).digest(), JSON.stringify(scopes)],
  );
  return key;
}
