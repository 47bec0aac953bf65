import { randomBytes } from "node:crypto";
import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction, isDatabaseError } from "../db/transaction.ts";
import { UUID } from "../db/uuid.ts";
import { RowhouseError } from "../errors.ts";

/** Who its subjects are here: nobody, the users of their e-mail addresses, or users who are made when there is none. */
export type IssuerUsers = "none" | "match" | "create";

/** What an operator says about an issuer, and may change. */
export interface IssuerRules {
  /** Where its key set is; null for a shared secret. */
  readonly jwksUrl: string | null;
  /** `aud` that its tokens must carry. */
  readonly audience: string;
  /** The claim that names the membership role, or the way to it by dots; null: everybody has `defaultRole`. */
  readonly roleClaim: string | null;
  /** Membership role by a value of that claim; when empty, built-in roles go by their own names. */
  readonly roles: Readonly<Record<string, string>>;
  /** Of those whom the claim gives none. */
  readonly defaultRole: string;
  /** Whether somebody may be an owner by its word. */
  readonly allowsOwner: boolean;
  readonly users: IssuerUsers;
  readonly isActive: boolean;
}

/** Who besides this deployment signs tokens for one tenant. */
export interface Issuer extends IssuerRules {
  /** uuid */
  readonly id: string;
  readonly tenantId: string;
  /** `iss` of its tokens. */
  readonly issuer: string;
  readonly kind: "jwks" | "secret";
  /** ISO 8601 */
  readonly createdAt: string;
}

export type NewIssuer = Pick<Issuer, "issuer" | "kind" | "audience"> & Partial<IssuerRules>;

/** An issuer, and of one by a shared secret the secret, which is shown this once. */
export interface AddedIssuer extends Issuer {
  readonly secret: string | null;
}

const COLUMNS = `i.id, i.tenant_id as "tenantId", i.issuer, i.kind, i.jwks_url as "jwksUrl", i.audience, i.role_claim as "roleClaim",
  i.roles, i.default_role as "defaultRole", i.allows_owner as "allowsOwner", i.users, i.is_active as "isActive",
  platform.time_text(i.created_at) as "createdAt"`;

/** All of one tenant, by `iss` and audience; none of a tenant that there is not. @param pool connections of rowhouse_platform */
export function listIssuers(pool: ConnectionPool, tenantId: string): Promise<Issuer[]> {
  return queryRows<Issuer>(pool, {
    text: `select ${COLUMNS} from platform.issuers i where i.tenant_id = $1 order by i.issuer, i.audience`,
    values: [tenantId],
  });
}

/**
 * @param name its id, or its `iss` where the tenant has one registration of that
 * @throws RowhouseError issuerUnknown
 */
export async function findIssuer(pool: ConnectionPool, tenantId: string, name: string): Promise<Issuer> {
  const isId = UUID.test(name);
  const found = (await listIssuers(pool, tenantId)).filter(({ id, issuer }) => (isId ? id === name : issuer === name));
  if (found.length === 1) return found[0]!;
  const message = found.length > 1 ? `The tenant has ${found.length} of ${name}` : undefined;
  throw new RowhouseError("issuerUnknown", { message, hint: "`rowhouse issuer list` shows them with their ids." });
}

/** 23505 of one of the three unique keys of platform.issuers. */
function explain(error: unknown, issuer: string): unknown {
  if (!isDatabaseError(error) || error.code !== "23505" || error.table !== "issuers") return error;
  if (error.constraint !== "issuers_speaker")
    return new RowhouseError("issuerExists", { message: `The tenant has the issuer ${issuer} already` });
  return new RowhouseError("issuerTaken", {
    hint: "Give each tenant a client, and so an audience, of its own at the issuer.",
  });
}

/**
 * Trusts what it signs from now on: by the key set at `jwksUrl`, or by a secret that is made here.
 * @throws RowhouseError issuerExists, issuerTaken
 */
export async function addIssuer(
  pool: ConnectionPool,
  tenantId: string,
  wanted: NewIssuer,
  actor: string,
): Promise<AddedIssuer> {
  const { issuer, kind, audience, jwksUrl = null, roleClaim = null, roles = {}, defaultRole = "viewer" } = wanted;
  const secret = kind === "secret" ? randomBytes(48).toString("base64url") : null;
  return inPlatformTransaction(pool, actor, async (client) => {
    const { rows } = await client.query<Issuer>(
      `insert into platform.issuers as i (tenant_id, issuer, kind, jwks_url, secret, audience, role_claim, roles, default_role, allows_owner,
         users, is_active)
       values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12) returning ${COLUMNS}`,
      [
        tenantId,
        issuer,
        kind,
        jwksUrl,
        secret === null ? null : Buffer.from(secret),
        audience,
        roleClaim,
        JSON.stringify(roles),
        defaultRole,
        wanted.allowsOwner ?? false,
        wanted.users ?? "none",
        wanted.isActive ?? true,
      ],
    );
    return { ...rows[0]!, secret };
  }).catch((error: unknown) => {
    throw explain(error, issuer);
  });
}

/**
 * Takes effect at the next request, for tokens that are out as well.
 * @throws RowhouseError issuerUnknown, issuerTaken, issuerExists
 */
export async function updateIssuer(
  pool: ConnectionPool,
  { id, tenantId, issuer, ...now }: Issuer,
  change: Partial<IssuerRules>,
  actor: string,
): Promise<Issuer> {
  const next = { ...now, ...change };
  const rows = await inPlatformTransaction(pool, actor, async (client) => {
    const updated = await client.query<Issuer>(
      `update platform.issuers i set jwks_url = $3, audience = $4, role_claim = $5, roles = $6::jsonb, default_role = $7, allows_owner = $8,
         users = $9, is_active = $10, updated_at = now()
       where i.tenant_id = $1 and i.id = $2 returning ${COLUMNS}`,
      [
        tenantId,
        id,
        next.jwksUrl,
        next.audience,
        next.roleClaim,
        JSON.stringify(next.roles),
        next.defaultRole,
        next.allowsOwner,
        next.users,
        next.isActive,
      ],
    );
    return updated.rows;
  }).catch((error: unknown) => {
    throw explain(error, issuer);
  });
  if (rows[0] === undefined) throw new RowhouseError("issuerUnknown");
  return rows[0];
}

/** @throws RowhouseError issuerUnknown */
export async function removeIssuer(pool: ConnectionPool, tenantId: string, id: string, actor: string): Promise<void> {
  const { rowCount } = await inPlatformTransaction(pool, actor, (client) =>
    client.query("delete from platform.issuers where tenant_id = $1 and id::text = $2", [tenantId, id]),
  );
  if (rowCount === 0) throw new RowhouseError("issuerUnknown");
}
