import { readPasswordLink, setPasswordByLink, type PasswordLink } from "../auth/link-password.ts";
import { RowhouseError } from "../errors.ts";
import { parseBrand } from "../tenant/brand.ts";
import { siteOf, type AuthRequest } from "./auth-request.ts";
import { sendPage } from "./page.ts";

interface Link extends PasswordLink {
  /** As the link says it. */
  readonly type: string;
}

/** As a sentence. */
const sentence = (text: string | null) => (text === null ? "" : ` ${text.replace(/[.]?$/, ".")}`);

/**
 * The page that sets a password, with what was wrong with the one before.
 * @throws RowhouseError linkInvalid: who opens an old link is told before they think of a password
 */
export async function askPassword(request: AuthRequest, link: Link, refusal?: RowhouseError): Promise<void> {
  const { ctx, sources, tenant, desk } = request;
  const { token, type, kind } = link;
  const { email } = await readPasswordLink(desk, link);
  const { settings } = await sources.publicOf(tenant);
  const page = sources.linkPages.askPassword({
    brand: parseBrand(tenant, settings["brand"]),
    kind,
    fields: { token, type },
    email,
    problem: refusal === undefined ? null : (sentence(refusal.message) + sentence(refusal.hint)).trim(),
  });
  if (refusal !== undefined) ctx.state.code = refusal.code;
  sendPage(ctx, { ...page, formAction: "'self'" }, refusal?.status);
}

/**
 * The form of that page. It signs nobody in, and the link's token is proof enough of who sends it.
 * @throws RowhouseError linkInvalid, limitReached, busy
 */
export async function takePassword(request: AuthRequest, link: Link): Promise<void> {
  const { ctx, sources, tenant, desk, body } = request;
  const { password } = body;
  // First of all: what fails after the password is set would look as if it was not.
  const shown = await sources.publicOf(tenant);
  const [brand, site] = [parseBrand(tenant, shown.settings["brand"]), await siteOf(request, shown)];
  try {
    await setPasswordByLink(desk, tenant.id, link, typeof password === "string" ? password : "");
  } catch (error) {
    if (!(error instanceof RowhouseError) || error.kind !== "passwordWeak") throw error;
    return askPassword(request, link, error);
  }
  sendPage(ctx, sources.linkPages.passwordSet({ brand, kind: link.kind, site }));
}
