import { RowhouseError } from "../errors.ts";
import type { OutOfService } from "../tenant/placements.ts";
import { toProblem } from "./problem.ts";
import type { Readiness } from "./readiness.ts";
import type { RequestContext } from "./request-state.ts";
import type { Route } from "./router.ts";

function sendJson(ctx: RequestContext, status: number, type: string, body: unknown): void {
  ctx.status = status;
  ctx.set("Content-Type", type);
  ctx.body = JSON.stringify(body);
}

/**
 * `/healthz`: the process lives. `/readyz`: it may be given requests; if not, a problem document whose `failing` lists each
 * fact with its fix. A database of some tenants that can't serve is told of at `databases`, and makes nothing unready: the others
 * are served.
 */
export function healthRoutes(
  readiness: Readiness,
  isDraining: () => boolean,
  outOfService: () => readonly OutOfService[],
): Route[] {
  const ready = async (ctx: RequestContext) => {
    const failing = await readiness.current();
    const facts = failing.map(({ fact, problem, fix }) => ({ fact, problem, fix }));
    if (isDraining())
      facts.unshift({ fact: "draining", problem: "The server is shutting down", fix: "Ask another one." });
    const databases = outOfService();
    const others = databases.length > 0 ? { databases } : {};
    if (facts.length === 0) return sendJson(ctx, 200, "application/json", { status: "ready", ...others });
    const refusal = new RowhouseError("notReady", {
      details: facts.map(({ problem }) => problem).join("; "),
      hint: facts.map(({ fix }) => fix).join("; "),
    });
    ctx.state.code = refusal.code;
    ctx.set("Retry-After", "5");
    sendJson(ctx, 503, "application/problem+json", {
      ...toProblem(refusal, ctx.state.requestId),
      failing: facts,
      ...others,
    });
  };
  return [
    { path: "/healthz", sites: "all", get: (ctx) => sendJson(ctx, 200, "application/json", { status: "ok" }) },
    { path: "/readyz", sites: "all", get: ready },
  ];
}
