import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { HOME } from "../tenant/databases.ts";
import type { Endpoint } from "./endpoint.ts";
import type { MoveSite } from "./run.ts";

interface DomainRow {
  name: string;
  kind: string;
  verified_at: Date | null;
}

/**
 * The tenant's addresses, and who signs tokens for it besides the deployment, into the database that it moves to: served alone,
 * that is a whole Rowhouse with one tenant. Requests are routed by the registry's, which stay where they are. Not the deployment's
 * signing keys, which speak for every tenant.
 */
export async function copyAddresses({ platform }: MoveSite, target: Endpoint, tenantId: string): Promise<void> {
  if (target.name === HOME) return;
  await removeAddresses(target, tenantId);
  const domains = await queryRows<DomainRow>(platform, {
    text: "select name, kind, verified_at from platform.domains where tenant_id = $1 and verified_at is not null",
    values: [tenantId],
  });
  for (const { name, kind, verified_at } of domains) {
    await target.mover.query(
      `insert into platform.domains (name, kind, tenant_id, verified_at) values ($1, $2, $3, $4) on conflict (name) do nothing`,
      [name, kind, tenantId, verified_at],
    );
  }
  const secrets = await queryRows<{ secret: Buffer }>(platform, {
    text: "select secret from platform.token_secrets where tenant_id = $1",
    values: [tenantId],
  });
  for (const { secret } of secrets)
    await target.mover.query("insert into platform.token_secrets (tenant_id, secret) values ($1, $2)", [
      tenantId,
      secret,
    ]);
  await copyIssuers(platform, target, tenantId);
}

const ISSUER_COLUMNS =
  "id, tenant_id, issuer, kind, jwks_url, secret, audience, role_claim, roles, default_role, allows_owner, users, is_active, created_at";

/** Who else signs tokens for the tenant, as JSON: a row of the registry is one of the target's, whose columns are the same. */
async function copyIssuers(platform: ConnectionPool, { mover }: Endpoint, tenantId: string): Promise<void> {
  const [found] = await queryRows<{ rows: string }>(platform, {
    text: `select coalesce(json_agg(i), '[]')::text as rows from platform.issuers i where i.tenant_id = $1`,
    values: [tenantId],
  });
  await mover.query(
    `insert into platform.issuers (${ISSUER_COLUMNS}) select ${ISSUER_COLUMNS} from json_populate_recordset(null::platform.issuers, $1::json)
     on conflict do nothing`,
    [found!.rows],
  );
}

/** Takes {@link copyAddresses} back. */
export async function removeAddresses({ name, mover }: Endpoint, tenantId: string): Promise<void> {
  if (name === HOME) return;
  await mover.query("delete from platform.domains where tenant_id = $1", [tenantId]);
  await mover.query("delete from platform.token_secrets where tenant_id = $1", [tenantId]);
  await mover.query("delete from platform.issuers where tenant_id = $1", [tenantId]);
}
