import { mailLimits } from "../auth/attempts.ts";
import { readEmail } from "../auth/email.ts";
import { recover, resendConfirmation } from "../auth/links.ts";
import { inviteMember } from "../auth/members.ts";
import { asActor } from "../auth/principal.ts";
import { readProfile } from "../auth/profile.ts";
import { signUp } from "../auth/sign-up.ts";
import { RowhouseError } from "../errors.ts";
import { sendJson, sessionBody, userBody } from "./auth-answer.ts";
import { placeOf, requireText, type AuthRequest } from "./auth-request.ts";
import type { KnownRequest } from "./auth-user.ts";

/** What has a mail sent is counted first, whether there is such a user or not. */
async function countMail({ sources, tenant, visitor }: AuthRequest, email: string): Promise<void> {
  await sources.attempts.count(mailLimits(tenant.id, email, visitor.address));
}

/**
 * `POST /signup`: a session, or the user alone while the address is to be confirmed; the same for an address that is taken.
 * @throws RowhouseError bodyInvalid, attemptsExceeded, and as `signUp`
 */
export async function answerSignUp(request: AuthRequest): Promise<void> {
  const { ctx, sources, tenant, desk, visitor, body } = request;
  const email = readEmail(body["email"]);
  const password = requireText(body, "password", 1024);
  await countMail(request, email);
  const place = await placeOf(request);
  const asked = { tenantId: tenant.id, email, password, data: body["data"], visitor, place };
  const { user, session } = await signUp(desk, asked);
  sendJson(ctx, 200, session === null ? userBody(user, tenant) : await sessionBody(sources, tenant, session));
}

/**
 * `POST /recover`: answers the same and does the same whether there is such a user or not (threats.md H24).
 * @throws RowhouseError bodyInvalid, attemptsExceeded
 */
export async function answerRecover(request: AuthRequest): Promise<void> {
  const email = readEmail(request.body["email"]);
  await countMail(request, email);
  await recover(request.desk, email, await placeOf(request));
  sendJson(request.ctx, 200, {});
}

/**
 * `POST /resend` of `type: signup`, the same answer whether somebody waits for that mail or not.
 * @throws RowhouseError bodyInvalid, attemptsExceeded
 */
export async function answerResend(request: AuthRequest): Promise<void> {
  if (request.body["type"] !== "signup")
    throw new RowhouseError("bodyInvalid", { message: "Only the mail of a sign-up is sent again: type signup" });
  const email = readEmail(request.body["email"]);
  await countMail(request, email);
  await resendConfirmation(request.desk, email, await placeOf(request));
  sendJson(request.ctx, 200, {});
}

/**
 * `POST /invite`: `data.role` is the membership role, `member` when left out; what else `data` holds is the user's profile.
 * @throws RowhouseError bodyInvalid, roleUnknown, attemptsExceeded, and as `inviteMember`
 */
export async function answerInvite(request: KnownRequest): Promise<void> {
  const { ctx, tenant, desk, principal, body } = request;
  const email = readEmail(body["email"]);
  const { name, custom } = readProfile(body["data"]);
  const { role = "member", ...rest } = custom;
  if (typeof role !== "string")
    throw new RowhouseError("roleUnknown", { message: "data.role is not a membership role" });
  await countMail(request, email);
  const profile = { ...(name !== undefined && { name }), custom: rest };
  const user = await inviteMember(desk, asActor(principal), { email, role, profile }, await placeOf(request));
  sendJson(ctx, 200, userBody(user, tenant));
}
