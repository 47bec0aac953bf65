import type { RequestContext } from "./request-state.ts";

/** A page for people. The console makes them; nothing in it comes from elsewhere. */
export interface Page {
  readonly html: string;
  /** `sha256-…` of the page's one style element (CSP 3, hash-source). */
  readonly styleHash: string;
  /** The same of its script, of the few that have one. Such a script may ask its own host. */
  readonly scriptHash?: string;
  /** Sources that its form may lead to, of the few that have one: browsers hold a redirect of the answer to it as well (CSP 3, form-action). */
  readonly formAction?: string;
}

/** Unless it says so no script, and no form, no frame, no request: the page is all there is. */
const policyOf = ({ styleHash, scriptHash, formAction = "'none'" }: Page) =>
  `default-src 'none'; ${scriptHash === undefined ? "" : `script-src '${scriptHash}'; connect-src 'self'; `}style-src '${styleHash}'; img-src data:; base-uri 'none'; form-action ${formAction}; frame-ancestors 'none'`;

/** Answers with the page, and the Content-Security-Policy that allows it alone. */
export function sendPage(ctx: RequestContext, page: Page, status = 200): void {
  ctx.status = status;
  ctx.set("Content-Type", "text/html; charset=utf-8");
  ctx.set("Content-Security-Policy", policyOf(page));
  ctx.body = page.html;
}
