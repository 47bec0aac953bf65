import type { Keyset } from "./keyset.ts";
import { mintToken, type TokenPolicy } from "./token.ts";
import type { User } from "./user.ts";

/** A role that was lowered counts at once, whatever the token says; what front ends read from it is an hour old at most. */
export const ACCESS_TOKEN_SECONDS = 3600;

export interface AccessToken {
  readonly token: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** The access token of a session. */
export async function signAccessToken(
  keyset: Keyset,
  policy: TokenPolicy,
  { tenantId, sessionId, user }: { readonly tenantId: string; readonly sessionId: string; readonly user: User },
): Promise<AccessToken> {
  const expiresAt = Math.floor(Date.now() / 1000) + ACCESS_TOKEN_SECONDS;
  const claims = { session_id: sessionId, email: user.email, aal: "aal1" };
  const request = { tenantId, sub: user.id, role: user.role, ttlSeconds: ACCESS_TOKEN_SECONDS, claims };
  return { token: await mintToken(keyset, policy, request), expiresAt };
}
