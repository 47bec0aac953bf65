import { randomBytes } from "node:crypto";
import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";

/** Who besides this deployment signs tokens for one tenant. */
export interface Issuer {
  /** uuid */
  readonly id: string;
  readonly tenantId: string;
  /** `iss` of its tokens. */
  readonly issuer: string;
  readonly kind: "jwks" | "secret";
  /** Where its key set is; null for a shared secret. */
  readonly jwksUrl: string | null;
  /** `aud` that its tokens must carry. */
  readonly audience: string;
  /** The claim that names the membership role; null: everybody has `defaultRole`. */
  readonly roleClaim: string | null;
  readonly defaultRole: string;
  readonly isActive: boolean;
  /** ISO 8601 */
  readonly createdAt: string;
}

export type NewIssuer = Pick<Issuer, "issuer" | "audience"> &
  Partial<Pick<Issuer, "jwksUrl" | "roleClaim" | "defaultRole">>;

/** An issuer, and of one by a shared secret the secret, which is shown this once. */
export interface AddedIssuer extends Issuer {
  readonly secret: string | null;
}

const COLUMNS = `i.id, i.tenant_id as "tenantId", i.issuer, i.kind, i.jwks_url as "jwksUrl", i.audience, i.role_claim as "roleClaim",
  i.default_role as "defaultRole", i.is_active as "isActive",
  to_char(i.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt"`;

export function listIssuers(pool: ConnectionPool, tenantId: string): Promise<Issuer[]> {
  return queryRows<Issuer>(pool, {
    text: `select ${COLUMNS} from platform.issuers i where i.tenant_id = $1 order by i.issuer`,
    values: [tenantId],
  });
}

/**
 * With `jwksUrl` one that signs by keys of its own, without by a secret that is made here.
 * @throws RowhouseError issuerExists
 */
export async function addIssuer(
  pool: ConnectionPool,
  tenantId: string,
  wanted: NewIssuer,
  actor: string,
): Promise<AddedIssuer> {
  const { issuer, audience, jwksUrl = null, roleClaim = null, defaultRole = "viewer" } = wanted;
  const secret = jwksUrl === null ? randomBytes(48).toString("base64url") : null;
  return inPlatformTransaction(pool, actor, async (client) => {
    const { rows } = await client.query<Issuer>(
      `insert into platform.issuers as i (tenant_id, issuer, kind, jwks_url, secret, audience, role_claim, default_role)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (tenant_id, issuer) do nothing returning ${COLUMNS}`,
      [
        tenantId,
        issuer,
        secret === null ? "jwks" : "secret",
        jwksUrl,
        secret === null ? null : Buffer.from(secret),
        audience,
        roleClaim,
        defaultRole,
      ],
    );
    if (rows[0] !== undefined) return { ...rows[0], secret };
    throw new RowhouseError("issuerExists", { message: `The tenant has the issuer ${issuer} already` });
  });
}

/** @throws RowhouseError issuerUnknown */
export async function removeIssuer(pool: ConnectionPool, tenantId: string, id: string, actor: string): Promise<void> {
  const { rowCount } = await inPlatformTransaction(pool, actor, (client) =>
    client.query("delete from platform.issuers where tenant_id = $1 and id::text = $2", [tenantId, id]),
  );
  if (rowCount === 0) throw new RowhouseError("issuerUnknown");
}
