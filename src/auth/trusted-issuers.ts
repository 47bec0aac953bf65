import type { CryptoKey } from "jose";
import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import type { Issuer } from "../tenant/issuers.ts";
import { openLookup } from "../tenant/lookup.ts";

/** An issuer as verification wants it. */
export interface TrustedIssuer extends Omit<Issuer, "isActive" | "createdAt"> {
  /** Of a shared secret. */
  readonly key: CryptoKey | null;
}

/** The issuers of each tenant, kept in memory for a moment. */
export interface TrustedIssuers {
  /** The tenant's registrations of one `iss`; only the tenant's own, whoever else has that issuer. */
  find(tenantId: string, issuer: string): Promise<readonly TrustedIssuer[]>;
  invalidate(tenantId: string): void;
  clear(): void;
}

type Row = Omit<TrustedIssuer, "key"> & { secret: Buffer | null };

const FIND = `select i.id, i.tenant_id as "tenantId", i.issuer, i.kind, i.jwks_url as "jwksUrl", i.secret, i.audience,
    i.role_claim as "roleClaim", i.roles, i.default_role as "defaultRole", i.allows_owner as "allowsOwner", i.users
  from platform.issuers i where i.tenant_id = $1 and i.is_active`;

async function importSecret({ secret, ...issuer }: Row): Promise<TrustedIssuer> {
  if (secret === null) return { ...issuer, key: null };
  const hmac = { name: "HMAC", hash: "SHA-256" };
  return { ...issuer, key: await crypto.subtle.importKey("raw", Uint8Array.from(secret), hmac, false, ["verify"]) };
}

/** @param pool connections of rowhouse_platform */
export function openTrustedIssuers(pool: ConnectionPool): TrustedIssuers {
  const lookup = openLookup<readonly TrustedIssuer[]>(
    async (tenantId) => {
      const rows = await queryRows<Row>(pool, { name: "rowhouse_issuers", text: FIND, values: [tenantId] });
      return rows.length === 0 ? undefined : Promise.all(rows.map(importSecret));
    },
    { max: 10_000, ttlMs: 5000, missMs: 1000 },
  );
  return {
    find: async (tenantId, issuer) => {
      const all = await lookup.get(tenantId);
      return all?.filter((registered) => registered.issuer === issuer) ?? [];
    },
    invalidate: (tenantId) => lookup.drop((_, key) => key === tenantId),
    clear: () => lookup.clear(),
  };
}
