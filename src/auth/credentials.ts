import { RowhouseError } from "../errors.ts";
import { singleHeader } from "../tenant/host.ts";
import { TenantDisagreement } from "../tenant/resolve.ts";
import type { Principal } from "./principal.ts";
import type { Verifier } from "./verifier.ts";

/** Header values as they came, one per header line: `IncomingMessage.headersDistinct` has them. */
export interface CredentialHeaders {
  readonly authorization?: readonly string[];
  readonly apikey?: readonly string[];
}

/** Tokens that a request carries. supabase-js sends its key as `apikey` and, until someone signs in, as the bearer as well. */
export interface Credentials {
  /** Names the principal. */
  readonly token: string;
  /** A second token that has to be good as well; null when there is none, or it is the same. */
  readonly apikey: string | null;
}

/** RFC 6750 2.1; the scheme in any case (RFC 9110 11.1). */
const BEARER = /^bearer +([\w~+/.-]+=*)$/i;

function bearerOf(header: string | undefined): string | null {
  if (header === undefined) return null;
  const match = BEARER.exec(header.trim());
  if (match !== null) return match[1]!;
  throw new RowhouseError("tokenInvalid", {
    message: "The Authorization header is not a bearer token",
    hint: "Authorization: Bearer <token>",
  });
}

/**
 * The tokens of a request. From headers only: a token in a URL ends up in logs (RFC 6750 5.3). Pure.
 * @returns null when the request carries none
 * @throws RowhouseError tokenInvalid for a malformed or doubled header
 */
export function readCredentials(headers: CredentialHeaders): Credentials | null {
  const bearer = bearerOf(singleHeader(headers.authorization, "tokenInvalid"));
  const apikey = singleHeader(headers.apikey, "tokenInvalid")?.trim() ?? null;
  const token = bearer ?? apikey;
  return token === null ? null : { token, apikey: apikey === token ? null : apikey };
}

/** Who was authenticated. */
export interface Authenticated {
  readonly principal: Principal;
  /** An API key that came besides: it has to hold, too, which the database is asked at each request. */
  readonly besides: Principal | null;
}

/**
 * Who sends the request. Both tokens must be good and of the same tenant; the bearer is the principal.
 * @param selected the tenant that the request is addressed to. Where it is to none, an API key says whose issuers to ask: it names its tenant
 * @throws RowhouseError credentialsMissing, tokenInvalid, claimsInvalid, issuerUnavailable; TenantDisagreement
 */
export async function authenticate(
  verifier: Verifier,
  credentials: Credentials | null,
  selected: string | null = null,
): Promise<Authenticated> {
  if (credentials === null) {
    throw new RowhouseError("credentialsMissing", {
      hint: "Authorization: Bearer <token>, as `rowhouse token` prints it.",
    });
  }
  const { token, apikey } = credentials;
  const other = apikey === null ? null : await verifier.verify(apikey, selected);
  const principal = await verifier.verify(token, selected ?? other?.tenantId);
  if (other === null) return { principal, besides: null };
  if (other.tenantId !== principal.tenantId)
    throw new TenantDisagreement({ token: principal.tenantId, apikey: other.tenantId });
  return { principal, besides: other.grant === undefined ? null : other };
}
