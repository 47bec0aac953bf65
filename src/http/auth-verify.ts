import { asksPassword } from "../auth/link-password.ts";
import { followLink, LINK_TYPES, type LinkKind } from "../auth/links.ts";
import { RowhouseError } from "../errors.ts";
import { parseBrand } from "../tenant/brand.ts";
import { sendJson, sessionBody } from "./auth-answer.ts";
import { askPassword, takePassword } from "./auth-password.ts";
import { placeOf, requireText, siteOf, type AuthRequest } from "./auth-request.ts";
import { sendPage } from "./page.ts";

/** @throws RowhouseError bodyInvalid */
function kindOf(type: unknown): LinkKind {
  const kind = typeof type === "string" && Object.hasOwn(LINK_TYPES, type) ? LINK_TYPES[type] : undefined;
  if (kind !== undefined) return kind;
  const hint = `One of ${Object.keys(LINK_TYPES).join(", ")}.`;
  throw new RowhouseError("bodyInvalid", { message: "The type of the link is not known", hint });
}

/** Of an address that people open. @throws RowhouseError bodyInvalid */
function readAddress({ ctx }: AuthRequest): { readonly token: string; readonly type: string; readonly kind: LinkKind } {
  const { type } = ctx.query;
  try {
    return { token: requireText(ctx.query, "token"), type: String(type), kind: kindOf(type) };
  } catch (cause) {
    const hint = "Open the whole address, as it stands in the e-mail.";
    throw new RowhouseError("bodyInvalid", { message: "The link is not whole", hint, cause });
  }
}

/**
 * `GET /verify?token=…&type=…&redirect_to=…`, what the mails link to: a page with one button. The link itself is not used up by it,
 * since programs that look through mail follow links before people do. Where no front end goes on to ask for a password, the page does.
 */
export async function answerLink(request: AuthRequest): Promise<void> {
  const { ctx, sources, tenant } = request;
  const { token, type, kind } = readAddress(request);
  const { redirectTo } = await placeOf(request);
  if (redirectTo === null && asksPassword(kind)) return askPassword(request, { token, type, kind });
  const shown = await sources.publicOf(tenant);
  const onward = redirectTo ?? (await siteOf(request, shown));
  const fields = { token, type, ...(onward !== null && { redirect_to: onward }) };
  const page = sources.linkPages.follow({ brand: parseBrand(tenant, shown.settings["brand"]), kind, fields });
  sendPage(ctx, { ...page, formAction: onward === null ? "'self'" : `'self' ${new URL(onward).origin}` });
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
  const [token, type, kind] = [requireText(body, "token"), String(body["type"]), kindOf(body["type"])];
  const { redirectTo, origin } = await placeOf(request);
  if (redirectTo === null && asksPassword(kind)) return takePassword(request, { token, type, kind });
  const to = redirectTo ?? origin;
  try {
    const opened = await followLink(desk, { token, kind, visitor });
    const { user: _, ...session } = await sessionBody(sources, tenant, opened);
    leadOn(request, to, { ...session, type });
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
