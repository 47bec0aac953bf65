import { randomUUIDv7 } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { RequestState, type Middleware } from "./request-state.ts";

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * First of all: makes the request's state and its id. A proxy of ours may bring the id, anybody else gets a new one
 * (UUID version 7, so that ids sort by time); it is echoed, logged, and part of every error and audit event.
 * @param isTrusted whether the socket's other end is a proxy of ours
 */
export function identifyRequest(isTrusted: (request: IncomingMessage) => boolean): Middleware {
  return (ctx, next) => {
    const state = new RequestState();
    state.byTrustedProxy = isTrusted(ctx.req);
    const given = state.byTrustedProxy ? ctx.req.headers["x-request-id"] : undefined;
    state.requestId = typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUIDv7();
    ctx.state = state;
    ctx.res.setHeader("X-Request-Id", state.requestId);
    return next();
  };
}
