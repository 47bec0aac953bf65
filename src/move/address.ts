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
 * The tenant's addresses, and the secret by which its own backend signs tokens, into the database that it moves to: served alone,
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
}

/** Takes {@link copyAddresses} back. */
export async function removeAddresses({ name, mover }: Endpoint, tenantId: string): Promise<void> {
  if (name === HOME) return;
  await mover.query("delete from platform.domains where tenant_id = $1", [tenantId]);
  await mover.query("delete from platform.token_secrets where tenant_id = $1", [tenantId]);
}
