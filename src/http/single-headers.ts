import { RowhouseError, type ErrorKind } from "../errors.ts";
import type { Middleware } from "./request-state.ts";

/**
 * Headers that may stand once at most, and the refusal when they don't: two readers of such a request could each take
 * another one for true (RFC 9112 3.2, RFC 9110 5.3; threats.md H04, H08).
 */
const SINGLE: ReadonlyMap<string, ErrorKind> = new Map([
  ["host", "hostInvalid"],
  ["x-tenant", "headerRepeated"],
  ["authorization", "headerRepeated"],
  ["apikey", "headerRepeated"],
  ["origin", "headerRepeated"],
  ["sec-fetch-site", "headerRepeated"],
  ["x-request-id", "headerRepeated"],
  ["x-forwarded-host", "forwardedInvalid"],
  ["x-forwarded-proto", "forwardedInvalid"],
  ["x-forwarded-for", "forwardedInvalid"],
]);
const BITS = new Map([...SINGLE.keys()].map((name, index) => [name, 1 << index]));

/**
 * @param rawHeaders names and values in turn, as `node:http` read them; its own `headers` have dropped or joined the repeated ones
 * @throws RowhouseError hostInvalid, headerRepeated, forwardedInvalid
 */
function refuseRepeated(rawHeaders: readonly string[]): void {
  let seen = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    const bit = BITS.get(name);
    if (bit === undefined) continue;
    if ((seen & bit) !== 0) {
      throw new RowhouseError(SINGLE.get(name)!, {
        message: `The header ${name} is given twice`,
        hint: "Send it once. A proxy in between has to replace it, not to add another.",
      });
    }
    seen |= bit;
  }
}

/** Refuses what would let the host be read in two ways: a repeated header, and a request target that names a host of its own. */
export function checkHeaders(): Middleware {
  return (ctx, next) => {
    refuseRepeated(ctx.req.rawHeaders);
    const target = ctx.req.url ?? "";
    // The absolute form replaces the Host header (RFC 9112 3.2.2). It is for proxies, which this is not.
    if (!target.startsWith("/") || target.startsWith("//")) {
      throw new RowhouseError("hostInvalid", { message: "The request target must be a path" });
    }
    return next();
  };
}
