import type { ConnectionPool } from "../db/connections.ts";
import { ROLE_NAME } from "../db/scope.ts";
import type { CheckedFetch } from "../net/checked-fetch.ts";
import {
  addIssuer,
  findIssuer,
  updateIssuer,
  type AddedIssuer,
  type Issuer,
  type IssuerRules,
  type NewIssuer,
} from "../tenant/issuers.ts";
import { discoverKeySet } from "./discovery.ts";
import { readKeySet, unfit } from "./key-set.ts";

/** Who registers, and by what. */
export interface Registrar {
  readonly pool: ConnectionPool;
  readonly fetch: CheckedFetch;
  /** For the audit trail. */
  readonly actor: string;
}

/** `kind` may be left out: it is by key set when there is a URL to find one at, and by a shared secret otherwise. */
export type WantedIssuer = Omit<NewIssuer, "kind"> & Partial<Pick<NewIssuer, "kind">>;

const NOBODYS = new Set(["anonymous", "service"]);
/** `iss` of the tokens that a tenant's own secret signs (`keys secret`). */
const RESERVED = "urn:uuid:";

function checkRoles({ roles = {}, defaultRole = "viewer", allowsOwner = false }: Partial<IssuerRules>): void {
  const named = [...Object.values(roles), defaultRole];
  const bad = named.find((role) => !ROLE_NAME.test(role) || NOBODYS.has(role));
  if (bad !== undefined) throw unfit(`${bad} is not a membership role that a token can give`);
  if (defaultRole === "owner") throw unfit("Nobody is an owner by default");
  if (Object.values(roles).includes("owner") && !allowsOwner)
    throw unfit("A value of the claim stands for owner, and owners are not allowed");
}

function kindOf({ kind, issuer, jwksUrl }: WantedIssuer): Issuer["kind"] {
  return kind ?? ((jwksUrl ?? null) !== null || /^https?:\/\//.test(issuer) ? "jwks" : "secret");
}

/**
 * Trusts an issuer for one tenant, after a look at its key set. Without a URL of that, the issuer is asked for it.
 * @throws RowhouseError outboundRefused, outboundFailed, issuerUnfit, issuerExists, issuerTaken
 */
export async function registerIssuer(
  { pool, fetch, actor }: Registrar,
  tenantId: string,
  wanted: WantedIssuer,
): Promise<AddedIssuer> {
  checkRoles(wanted);
  if (wanted.issuer.startsWith(RESERVED)) throw unfit(`${RESERVED}… names the tenants' own secrets`);
  const kind = kindOf(wanted);
  if (kind === "secret") {
    if ((wanted.jwksUrl ?? null) !== null) throw unfit("A shared secret has no key set");
    return addIssuer(pool, tenantId, { ...wanted, kind }, actor);
  }
  const jwksUrl = wanted.jwksUrl ?? (await discoverKeySet(fetch, wanted.issuer));
  await readKeySet(fetch, jwksUrl);
  return addIssuer(pool, tenantId, { ...wanted, kind, jwksUrl }, actor);
}

/**
 * @param name its id, or its `iss`
 * @throws RowhouseError issuerUnknown, outboundRefused, outboundFailed, issuerUnfit, issuerExists, issuerTaken
 */
export async function changeIssuer(
  { pool, fetch, actor }: Registrar,
  tenantId: string,
  name: string,
  change: Partial<IssuerRules>,
): Promise<Issuer> {
  const issuer = await findIssuer(pool, tenantId, name);
  checkRoles({ ...issuer, ...change });
  const { jwksUrl = issuer.jwksUrl } = change;
  if ((jwksUrl === null) !== (issuer.kind === "secret"))
    throw unfit("By key set or by shared secret: that can't be changed. Remove it and add it anew.");
  if (jwksUrl !== null && jwksUrl !== issuer.jwksUrl) await readKeySet(fetch, jwksUrl);
  return updateIssuer(pool, issuer, change, actor);
}
