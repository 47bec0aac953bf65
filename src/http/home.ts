import type { Site } from "../tenant/resolve.ts";
import { isDirectLoopback } from "./forwarded.ts";
import { originOf } from "./origin.ts";
import { sendPage, type Page } from "./page.ts";
import { sites, type Route } from "./router.ts";

/** Who looks at a home page. */
export interface Visit {
  readonly site: Site;
  readonly origin: string;
  readonly isLocal: boolean;
}

/** `/`: the page of whatever lives at this host. */
export function homeRoute(makePage: (visit: Visit) => Promise<Page>, publicUrl: URL): Route {
  return {
    path: "/",
    sites: sites("tenant", "platform", "api", "home"),
    get: async (ctx) => {
      const visit = { site: ctx.state.site!, origin: originOf(ctx, publicUrl), isLocal: isDirectLoopback(ctx.req) };
      sendPage(ctx, await makePage(visit));
    },
  };
}
