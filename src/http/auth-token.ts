import { readEmail } from "../auth/email.ts";
import { refreshSession } from "../auth/sessions.ts";
import { signIn } from "../auth/sign-in.ts";
import { RowhouseError } from "../errors.ts";
import { sendJson, sessionBody, userBody } from "./auth-answer.ts";
import { requireText, type AuthRequest } from "./auth-request.ts";
import { formerCookie, requireSameOrigin, setSessionCookie } from "./cookie.ts";

/** A browser's session ends with the idle time of sessions at the latest. */
const COOKIE_SECONDS = 30 * 86_400;

/** @throws RowhouseError originRefused, or when it is not the tenant's own address that is asked */
function requireOwnPage({ ctx, sources }: AuthRequest): void {
  const { site } = ctx.state;
  if (site?.kind !== "tenant" || site.via !== "host")
    throw new RowhouseError("originRefused", { message: "Cookies are given at the tenant's own address only" });
  requireSameOrigin(ctx, sources.grants.publicUrl);
}

async function byPassword(request: AuthRequest): Promise<void> {
  const { ctx, sources, tenant, desk, visitor, body } = request;
  const isCookie = ctx.query["cookie"] === "1";
  if (isCookie) requireOwnPage(request);
  const opened = await signIn(desk, sources.attempts, {
    tenantId: tenant.id,
    email: readEmail(body["email"]),
    password: requireText(body, "password", 1024),
    visitor,
    purpose: isCookie ? "cookie" : "refresh",
    replaces: isCookie ? formerCookie(ctx) : null,
  });
  ctx.state.actor = opened.user.id;
  if (!isCookie) return sendJson(ctx, 200, await sessionBody(sources, tenant, opened));
  setSessionCookie(ctx, opened.token, COOKIE_SECONDS);
  sendJson(ctx, 200, { user: userBody(opened.user, tenant) });
}

async function byRefreshToken({ ctx, sources, tenant, desk, body }: AuthRequest): Promise<void> {
  const opened = await refreshSession(desk, requireText(body, "refresh_token"));
  sendJson(ctx, 200, await sessionBody(sources, tenant, opened));
}

/** `POST /token?grant_type=…`. With `cookie=1` a page of the tenant's host gets a cookie in the place of tokens. */
export async function answerToken(request: AuthRequest): Promise<void> {
  const type = request.ctx.query["grant_type"];
  if (type === "password") return byPassword(request);
  if (type === "refresh_token") return byRefreshToken(request);
  throw new RowhouseError("bodyInvalid", {
    message: "unsupported_grant_type",
    hint: "grant_type=password or grant_type=refresh_token.",
  });
}
