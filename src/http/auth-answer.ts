import { ACCESS_TOKEN_SECONDS, signAccessToken } from "../auth/access-token.ts";
import type { Keyset } from "../auth/keyset.ts";
import type { OpenedSession } from "../auth/sessions.ts";
import type { TokenPolicy } from "../auth/token.ts";
import type { User } from "../auth/user.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { RequestContext } from "./request-state.ts";

export interface Signing {
  readonly keyset: Keyset;
  readonly policy: TokenPolicy;
}

const time = (text: string | null) => (text === null ? undefined : new Date(text).toISOString());

/** A user as supabase's clients know one. The membership role is in `app_metadata`: `role` there is always the same word. Pure. */
export function userBody(user: User, tenant: Tenant, newEmail: string | null = null) {
  const { id, email, name, role, custom } = user;
  return {
    id,
    aud: "authenticated",
    role: "authenticated",
    email,
    ...(newEmail !== null && { new_email: newEmail }),
    phone: "",
    email_confirmed_at: time(user.confirmedAt),
    confirmed_at: time(user.confirmedAt),
    last_sign_in_at: time(user.lastSignInAt),
    app_metadata: { provider: "email", providers: ["email"], role, tenant: tenant.slug, tenant_id: tenant.id },
    user_metadata: { ...custom, ...(name !== null && { name }) },
    identities: [],
    is_anonymous: false,
    created_at: time(user.createdAt),
    updated_at: time(user.updatedAt),
  };
}

/** A session with its access token, as the clients keep it. */
export async function sessionBody({ keyset, policy }: Signing, tenant: Tenant, opened: OpenedSession) {
  const { token, expiresAt } = await signAccessToken(keyset, policy, { tenantId: tenant.id, ...opened });
  return {
    access_token: token,
    token_type: "bearer",
    expires_in: ACCESS_TOKEN_SECONDS,
    expires_at: expiresAt,
    refresh_token: opened.token,
    user: userBody(opened.user, tenant),
  };
}

/** Answers with `body` as JSON text; to HEAD Koa sends its length alone. */
export function sendJson(ctx: RequestContext, status: number, body: unknown): void {
  ctx.status = status;
  ctx.set("Content-Type", "application/json; charset=utf-8");
  ctx.body = JSON.stringify(body);
}
