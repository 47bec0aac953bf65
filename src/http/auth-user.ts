import { changeAccount, readAccount, sessionOf, type AccountChange } from "../auth/account.ts";
import { mailLimits, signInLimits } from "../auth/attempts.ts";
import { readEmail } from "../auth/email.ts";
import { asActor, type Principal } from "../auth/principal.ts";
import { readProfile } from "../auth/profile.ts";
import { endSessions, type LogoutScope } from "../auth/sessions.ts";
import { RowhouseError } from "../errors.ts";
import { sendJson, userBody } from "./auth-answer.ts";
import { placeOf, requireText, type AuthRequest } from "./auth-request.ts";
import { clearSessionCookie } from "./cookie.ts";

export type KnownRequest = AuthRequest & { readonly principal: Principal };

/** `GET /user`: who asks. @throws as `readAccount` */
export async function answerUser({ ctx, tenant, desk, principal }: KnownRequest): Promise<void> {
  sendJson(ctx, 200, userBody(await readAccount(desk, principal), tenant));
}

/** @throws RowhouseError bodyInvalid */
function readChange(body: AuthRequest["body"]): AccountChange {
  const isGiven = (name: string) => body[name] !== undefined && body[name] !== null && body[name] !== "";
  if (isGiven("phone")) throw new RowhouseError("bodyInvalid", { message: "Users have no phone number here" });
  return {
    ...(isGiven("password") && { password: requireText(body, "password", 1024) }),
    ...(isGiven("current_password") && { currentPassword: requireText(body, "current_password", 1024) }),
    ...(isGiven("email") && { email: readEmail(body["email"]) }),
    ...(isGiven("data") && { profile: readProfile(body["data"]) }),
  };
}

/**
 * `PUT /user` with `password`, `current_password`, `email` or `data`: the user, and an address that waits for its link as `new_email`.
 * @throws RowhouseError bodyInvalid, attemptsExceeded, and as `changeAccount`
 */
export async function answerUserChange(request: KnownRequest): Promise<void> {
  const { ctx, sources, tenant, desk, principal, visitor } = request;
  const change = readChange(request.body);
  // A stolen token must not be a way to try passwords.
  if (change.currentPassword !== undefined)
    await sources.attempts.count([signInLimits(tenant.id, principal.id, visitor.address).account]);
  if (change.email !== undefined) await sources.attempts.count(mailLimits(tenant.id, change.email, visitor.address));
  const { user, newEmail } = await changeAccount(desk, principal, change, await placeOf(request));
  sendJson(ctx, 200, userBody(user, tenant, newEmail));
}

function isScope(scope: unknown): scope is LogoutScope {
  return scope === "global" || scope === "local" || scope === "others";
}

/** `POST /logout?scope=global|local|others`; all of them when left out, as supabase has it. */
export async function answerLogout({ ctx, desk, principal }: KnownRequest): Promise<void> {
  const scope = ctx.query["scope"] ?? "global";
  if (!isScope(scope)) throw new RowhouseError("bodyInvalid", { message: "scope is global, local or others" });
  await desk(asActor(principal), "write", [endSessions(principal.id, sessionOf(principal), scope)]);
  if (scope !== "others") clearSessionCookie(ctx);
  ctx.status = 204;
}
