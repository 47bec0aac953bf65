import { RowhouseError } from "../errors.ts";
import { originOf } from "./origin.ts";
import type { RequestContext } from "./request-state.ts";

/** Browsers take a cookie of this prefix only from the host itself, over TLS, for all of its paths (RFC 6265bis 4.1.3.2; threats.md H11). */
const NAME = "__Host-session";
const VALUE = /^[\w-]{43}$/;
const FIXED = "Path=/; Secure; HttpOnly; SameSite=Lax";

/**
 * @returns null without one
 * @throws RowhouseError headerRepeated for two of the name, sessionEnded for one that we never made
 */
export function readSessionCookie({ req }: RequestContext): string | null {
  const { cookie } = req.headers;
  if (cookie === undefined) return null;
  const found = cookie
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${NAME}=`));
  if (found.length > 1) throw new RowhouseError("headerRepeated", { message: `The cookie ${NAME} is given twice` });
  const value = found[0]?.slice(NAME.length + 1);
  if (value === undefined || value === "") return null;
  if (!VALUE.test(value)) throw new RowhouseError("sessionEnded", { hint: "Sign in again." });
  return value;
}

/** At a new sign-in: one that we never made is no reason to refuse it. */
export function formerCookie(ctx: RequestContext): string | null {
  try {
    return readSessionCookie(ctx);
  } catch {
    return null;
  }
}

/** By hand: Koa's cookies refuse `Secure` where TLS ends at a proxy, or on localhost, which browsers trust (Secure Contexts 3.1). */
export function setSessionCookie(ctx: RequestContext, token: string, seconds: number): void {
  ctx.append("Set-Cookie", `${NAME}=${token}; Max-Age=${seconds}; ${FIXED}`);
}

/** Has the browser forget it (RFC 6265 3.1); the session itself ends in the database. */
export function clearSessionCookie(ctx: RequestContext): void {
  ctx.append("Set-Cookie", `${NAME}=; Max-Age=0; ${FIXED}`);
}

/**
 * That a page of this very host sends the request. A browser says so itself, and no page can make it say otherwise; SameSite alone lets the
 * sites of other tenants in (threats.md H12).
 * @throws RowhouseError originRefused
 */
export function requireSameOrigin(ctx: RequestContext, publicUrl: URL): void {
  const { origin, "sec-fetch-site": site } = ctx.req.headers;
  const isSame = origin === undefined ? site === "same-origin" : origin === originOf(ctx, publicUrl);
  if (isSame && (site === undefined || site === "same-origin")) return;
  throw new RowhouseError("originRefused", {
    message: "A cookie counts only for requests of the tenant's own pages",
    hint: "Other origins send a bearer token.",
  });
}
