import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { RowhouseError } from "../errors.ts";
import { openRanges } from "../net/ranges.ts";
import type { Middleware, RequestContext } from "./request-state.ts";

/**
 * @param ranges TRUSTED_PROXIES
 * @returns the address of who asks: the last in X-Forwarded-For that no proxy of ours has, since only what those added is to be believed
 * (threats.md H08); null when the connection is gone
 */
export function openClientAddress(ranges: readonly string[]): (request: IncomingMessage) => string | null {
  const isProxy = openRanges(ranges, "TRUSTED_PROXIES");
  return ({ socket, headers }) => {
    const forwarded = headers["x-forwarded-for"];
    const named = typeof forwarded === "string" ? forwarded.split(",").map((part) => part.trim()) : [];
    const path = [...named, socket.remoteAddress ?? ""];
    const found = path.findLast((address) => !isProxy(address)) ?? path[0]!;
    return isIP(found) === 0 ? null : found;
  };
}

/**
 * @param ranges TRUSTED_PROXIES
 * @returns whether a request's socket comes from one of them; remembered per socket
 * @throws RowhouseError configInvalid, naming the malformed range
 */
export function trustProxies(ranges: readonly string[]): (request: IncomingMessage) => boolean {
  if (ranges.length === 0) return () => false;
  const isProxy = openRanges(ranges, "TRUSTED_PROXIES");
  const known = new WeakMap<object, boolean>();
  return ({ socket }) => {
    let trusted = known.get(socket);
    if (trusted === undefined) {
      trusted = isProxy(socket.remoteAddress ?? "");
      known.set(socket, trusted);
    }
    return trusted;
  };
}

function malformed(name: string): never {
  throw new RowhouseError("forwardedInvalid", { message: `The header ${name} is malformed` });
}

const isAddressList = (text: string) => text.length < 1000 && text.split(",").every((part) => isIP(part.trim()) !== 0);

/** The host that a trusted proxy was asked for. Also refuses what else is malformed in its headers: then it is not set up right. */
function forwardedHost({ req: { headers } }: RequestContext): string | undefined {
  const { "x-forwarded-host": host, "x-forwarded-proto": proto, "x-forwarded-for": addresses } = headers;
  if (host !== undefined && (typeof host !== "string" || host === "" || host.includes(",")))
    malformed("X-Forwarded-Host");
  if (proto !== undefined && proto !== "http" && proto !== "https") malformed("X-Forwarded-Proto");
  if (addresses !== undefined && !(typeof addresses === "string" && isAddressList(addresses)))
    malformed("X-Forwarded-For");
  return host;
}

/** Which host the request is for. Headers of anybody but a trusted proxy count for nothing (threats.md H08). */
export function readForwarded(): Middleware {
  return (ctx, next) => {
    const { state } = ctx;
    state.host = (state.byTrustedProxy ? forwardedHost(ctx) : undefined) ?? ctx.req.headers.host;
    return next();
  };
}

const LOOPBACK = new Set(["127.0.0.1", "::1", "::ffff:127.0.0.1"]);
const PROXY_HEADERS = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/** Whether somebody on this machine asks, and not a proxy on this machine for somebody else. */
export function isDirectLoopback({ headers, socket }: IncomingMessage): boolean {
  return LOOPBACK.has(socket.remoteAddress ?? "") && PROXY_HEADERS.every((name) => headers[name] === undefined);
}
