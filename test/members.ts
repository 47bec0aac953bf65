import type pg from "pg";

/** Ids of the rows that {@link addMembers} makes, the same in every tenant. */
export const MEMBERS = {
  user: "00000000-0000-4000-8000-000000000001",
  session: "00000000-0000-4000-8000-000000000002",
  key: "00000000-0000-4000-8000-000000000003",
  impersonation: "00000000-0000-4000-8000-000000000004",
} as const;

const HASH = "sha256(uuid_send($1::uuid))";

/** One row for each table that Rowhouse keeps per tenant, besides those that `tenant create` makes. */
const ROWS = [
  `insert into tenant.users (tenant_id, id, email, name, role, email_confirmed_at)
   values ($1, '${MEMBERS.user}', 'clerk@members.example', 'Clerk', 'member', now())`,
  `insert into tenant.credentials (tenant_id, user_id, password) values ($1, '${MEMBERS.user}', '$scrypt$not-a-hash')`,
  `insert into tenant.sessions (tenant_id, id, user_id, expires_at) values ($1, '${MEMBERS.session}', '${MEMBERS.user}', now() + interval '1 day')`,
  `insert into tenant.refresh_tokens (tenant_id, hash, session_id) values ($1, ${HASH}, '${MEMBERS.session}')`,
  `insert into tenant.one_time_links (tenant_id, hash, kind, user_id, email, expires_at)
   values ($1, ${HASH}, 'recovery', '${MEMBERS.user}', 'clerk@members.example', now() + interval '1 day')`,
  `insert into tenant.roles (tenant_id, name, description) values ($1, 'clerk', 'Enters customers')`,
  `insert into tenant.permissions (tenant_id, role, table_name, verb) values ($1, 'clerk', 'customers', 'insert')`,
  `insert into tenant.api_keys (tenant_id, id, name, prefix, hash, role, created_by)
   values ($1, '${MEMBERS.key}', 'till', 'rh_live_abc123', ${HASH}, 'viewer', 'test')`,
  `insert into tenant.locations (tenant_id, code, name) values ($1, 'hq', 'Headquarters')`,
  `insert into tenant.feature_flags (tenant_id, name, is_enabled) values ($1, 'beta', true)`,
  `insert into tenant.subscription (tenant_id, plan) values ($1, 'standard')`,
  `insert into tenant.impersonations (tenant_id, id, operator, reason, role, expires_at)
   values ($1, '${MEMBERS.impersonation}', 'ops', 'ticket 7', 'viewer', now() + interval '1 hour')`,
  `insert into tenant.identities (tenant_id, user_id, issuer, subject) values ($1, '${MEMBERS.user}', 'https://id.example', 'clerk')`,
];

/** As a superuser, and so without a trace. */
export async function addMembers(admin: pg.ClientBase, tenantId: string): Promise<void> {
  for (const text of ROWS) await admin.query(text, [tenantId]);
}
