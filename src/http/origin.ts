import type { RequestContext } from "./request-state.ts";

/**
 * Scheme, host and port by which the visitor came. The scheme is PUBLIC_URL's, since TLS ends at a proxy; host and port are the
 * request's own, which were parsed and lead to this site.
 */
export function originOf({ state }: RequestContext, publicUrl: URL): string {
  const { name, port, kind } = state.address!;
  const host = kind === "ipv6" ? `[${name}]` : name;
  return `${publicUrl.protocol}//${host}${port === null ? "" : `:${port}`}`;
}
