import type { IncomingMessage } from "node:http";
import { z } from "zod";
import type { Attempts } from "../../auth/attempts.ts";
import type { ConnectionPool } from "../../db/connections.ts";
import { requestDemo } from "../../demo/request.ts";
import type { RequestContext } from "../request-state.ts";
import { answerMethods, DEMO_PATH } from "../router.ts";
import { location, text } from "./operations/shapes.ts";
import { readJson } from "./read.ts";

const demoForm = z.object({
  email: text(254),
  name: text(200),
  company: text(200),
  slug: z.string().trim().toLowerCase().max(63).optional().describe("Subdomain that is wanted"),
  industry: text(100).optional(),
  size: text(50).optional(),
  locations: z.array(location).max(50).optional(),
  message: z.string().trim().max(2000).optional(),
  /** A field that people don't see, and programs fill in. */
  website: z.string().max(2000).optional().describe("Leave it empty"),
});

export interface DemoFormSources {
  readonly pool: ConnectionPool;
  readonly attempts: Attempts;
  readonly addressOf: (request: IncomingMessage) => string | null;
}

/** The public form. Its answer is the same whether the request is new, there already, or a program's. */
export function serveDemoForm({ pool, attempts, addressOf }: DemoFormSources): (ctx: RequestContext) => Promise<void> {
  return async (ctx) => {
    ctx.state.route = DEMO_PATH;
    if (ctx.method !== "POST") return answerMethods(ctx, "POST, OPTIONS");
    const { body } = await readJson(ctx, demoForm);
    const { website, ...wanted } = body as z.output<typeof demoForm>;
    if (website === undefined || website === "") await requestDemo(pool, attempts, wanted, addressOf(ctx.req));
    ctx.status = 202;
    ctx.set("Content-Type", "application/json");
    ctx.body = JSON.stringify({ status: "received" });
  };
}
