import type { RequestContext } from "./request-state.ts";

/** A page for people. The console makes them; nothing in it comes from elsewhere. */
export interface Page {
  readonly html: string;
  /** `sha256-…` of the page's one style element (CSP 3, hash-source). */
  readonly styleHash: string;
}

/** No script, no form, no frame, no request: the page is all there is. */
const policyOf = (styleHash: string) =>
  `default-src 'none'; style-src '${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export function sendPage(ctx: RequestContext, page: Page, status = 200): void {
  ctx.status = status;
  ctx.set("Content-Type", "text/html; charset=utf-8");
  ctx.set("Content-Security-Policy", policyOf(page.styleHash));
  ctx.body = page.html;
}
