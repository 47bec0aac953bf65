import { followLink, LINK_TYPES, type LinkKind } from "../auth/links.ts";
import { RowhouseError } from "../errors.ts";
import { sendJson, sessionBody } from "./auth-answer.ts";
import { placeOf, requireText, type AuthRequest } from "./auth-request.ts";
import { sendPage } from "./page.ts";

/** @throws RowhouseError bodyInvalid */
function kindOf(type: unknown): LinkKind {
  const kind = typeof type === "string" && Object.hasOwn(LINK_TYPES, type) ? LINK_TYPES[type] : undefined;
  if (kind !== undefined) return kind;
  const hint = `One of ${Object.keys(LINK_TYPES).join(", ")}.`;
  throw new RowhouseError("bodyInvalid", { message: "The type of the link is not known", hint });
}

/**
 * `GET /verify?token=…&type=…&redirect_to=…`, what the mails link to: a page with one button. The link itself is not used up by it,
 * since programs that look through mail follow links before people do.
 */
export async function answerLink(request: AuthRequest): Promise<void> {
  const { ctx, tenant } = request;
  const kind = kindOf(ctx.query["type"]);
  const token = requireText(ctx.query, "token");
  const { redirectTo } = await placeOf(request);
  const fields = { token, type: String(ctx.query["type"]), ...(redirectTo !== null && { redirect_to: redirectTo }) };
  const page = await request.sources.linkPage(tenant, kind, fields);
  const onward = redirectTo === null ? "" : ` ${new URL(redirectTo).origin}`;
  sendPage(ctx, { ...page, formAction: `'self'${onward}` });
}

/** In the fragment, as supabase's clients read it: that part of an address is sent to no server and stands in no log. */
function leadOn({ ctx }: AuthRequest, to: string, fields: Readonly<Record<string, string | number>>): void {
  const url = new URL(to);
  url.hash = new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)])).toString();
  ctx.status = 303;
  ctx.set("Location", url.href);
  ctx.body = "";
}

/**
 * The page's own form, and no other site's, which would sign a visitor in as whoever made the link. Its Origin is `null`, since the page
 * sends no referrer (Fetch 3.1): what counts is what browsers say besides.
 * @throws RowhouseError originRefused
 */
function requireOwnForm({ ctx }: AuthRequest): void {
  const site = ctx.req.headers["sec-fetch-site"];
  if (site === undefined || site === "same-origin") return;
  throw new RowhouseError("originRefused", { message: "The form is not of this site", hint: "Follow the link again." });
}

async function followForm(request: AuthRequest): Promise<void> {
  requireOwnForm(request);
  const { sources, tenant, desk, visitor, body } = request;
  const { redirectTo, origin } = await placeOf(request);
  const to = redirectTo ?? origin;
  try {
    const opened = await followLink(desk, { token: requireText(body, "token"), kind: kindOf(body["type"]), visitor });
    const { user: _, ...session } = await sessionBody(sources, tenant, opened);
    leadOn(request, to, { ...session, type: String(body["type"]) });
  } catch (error) {
    if (!(error instanceof RowhouseError) || error.kind !== "linkInvalid") throw error;
    leadOn(request, to, { error: "access_denied", error_code: "otp_expired", error_description: error.message });
  }
}

/** `POST /verify` of `verifyOtp({token_hash, type})`, or of the page's form, which is led on to where the link wanted. */
export async function answerVerify(request: AuthRequest): Promise<void> {
  if (request.isForm) return followForm(request);
  const { ctx, sources, tenant, desk, visitor, body } = request;
  const token = requireText(body["token_hash"] === undefined ? body : { token: body["token_hash"] }, "token");
  const opened = await followLink(desk, { token, kind: kindOf(body["type"]), visitor });
  sendJson(ctx, 200, await sessionBody(sources, tenant, opened));
}
