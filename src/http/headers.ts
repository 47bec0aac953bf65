import type { Middleware } from "./request-state.ts";

/** Nothing of an API answer may run, be framed or be guessed to be something else. Pages say their own policy. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";
/** What an answer depends on besides the URL, in case something between does cache it (threats.md H14). */
const VARY = "Origin, Authorization, Apikey, Cookie, Host, X-Tenant, Accept, Prefer, Range";

/** The headers that every answer has, until a route says otherwise: unkept, unframed, unsniffed. */
export function setHeaders(): Middleware {
  return (ctx, next) => {
    const { res } = ctx;
    res.setHeader("Cache-Control", "no-store");
    res.setHeader("Vary", VARY);
    res.setHeader("X-Content-Type-Options", "nosniff");
    res.setHeader("Referrer-Policy", "no-referrer");
    res.setHeader("Content-Security-Policy", API_POLICY);
    return next();
  };
}
