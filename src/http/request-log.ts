import type { Log } from "../log.ts";
import type { Middleware } from "./request-state.ts";

/**
 * One line per request, after its answer is made. Paths stand as patterns and query strings not at all: both may hold personal
 * data (ASVS 16.2.5), and a token in a query would end up in the log.
 */
export function logRequests(log: Log): Middleware {
  return async (ctx, next) => {
    const start = performance.now();
    await next();
    const { slug, requestId, route, code } = ctx.state;
    const duration_ms = Math.round((performance.now() - start) * 1000) / 1000;
    log.info(
      { tenant: slug, request_id: requestId, method: ctx.req.method, route, status: ctx.status, duration_ms, code },
      "request",
    );
  };
}
