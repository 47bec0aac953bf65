import { randomBytes } from "node:crypto";
import type { CryptoKey } from "jose";
import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { findTenant } from "../tenant/change.ts";
import { openLookup } from "../tenant/lookup.ts";

/** What a tenant's backend needs to sign tokens for its own tenant. */
export interface TokenSecret {
  /** The HS256 key: the bytes of this text as it stands, the way JWT libraries take a secret. Shown once. */
  readonly secret: string;
  readonly alg: "HS256";
  /** The `iss` that such a token must carry. */
  readonly issuer: string;
  /** The `tenant` claim that it must carry. */
  readonly tenantId: string;
}

/** Each issuer has a name of its own, so that no token can pass for another issuer's (RFC 8725 3.8). */
export const tenantIssuer = (tenantId: string) => `urn:uuid:${tenantId}`;

/**
 * Gives the tenant a new secret; tokens that the old one signed are refused from now on.
 * @throws RowhouseError tenantUnknown
 */
export async function setTokenSecret(pool: ConnectionPool, slug: string, actor: string): Promise<TokenSecret> {
  const { id } = await findTenant(pool, slug);
  const secret = randomBytes(48).toString("base64url");
  await inPlatformTransaction(pool, actor, (client) =>
    client.query(
      `insert into platform.token_secrets (tenant_id, secret) values ($1, $2)
       on conflict (tenant_id) do update set secret = excluded.secret, created_at = now()`,
      [id, Buffer.from(secret)],
    ),
  );
  return { secret, alg: "HS256", issuer: tenantIssuer(id), tenantId: id };
}

/**
 * @returns whether there was one
 * @throws RowhouseError tenantUnknown
 */
export async function removeTokenSecret(pool: ConnectionPool, slug: string, actor: string): Promise<boolean> {
  const { id } = await findTenant(pool, slug);
  const { rowCount } = await inPlatformTransaction(pool, actor, (client) =>
    client.query("delete from platform.token_secrets where tenant_id = $1", [id]),
  );
  return rowCount === 1;
}

/** The tenants' secrets, kept in memory for a moment. */
export interface TokenSecrets {
  find(tenantId: string): Promise<CryptoKey | undefined>;
  invalidate(tenantId: string): void;
  clear(): void;
}

/** @param pool connections of rowhouse_platform */
export function openTokenSecrets(pool: ConnectionPool): TokenSecrets {
  const lookup = openLookup<CryptoKey>(
    async (tenantId) => {
      const text = "select secret from platform.token_secrets where tenant_id = $1";
      const [row] = await queryRows<{ secret: Buffer }>(pool, {
        name: "rowhouse_token_secret",
        text,
        values: [tenantId],
      });
      if (row === undefined) return undefined;
      const hmac = { name: "HMAC", hash: "SHA-256" };
      return crypto.subtle.importKey("raw", Uint8Array.from(row.secret), hmac, false, ["verify"]);
    },
    { max: 10_000, ttlMs: 5000, missMs: 1000 },
  );
  return {
    find: (tenantId) => lookup.get(tenantId),
    invalidate: (tenantId) => lookup.drop((_, key) => key === tenantId),
    clear: () => lookup.clear(),
  };
}
