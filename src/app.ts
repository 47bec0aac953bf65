import Koa from "koa";
import type { Denials } from "./audit/denials.ts";
import type { Keyset } from "./auth/keyset.ts";
import type { Verifier } from "./auth/verifier.ts";
import type { Served } from "./catalog/catalog.ts";
import type { Config } from "./config.ts";
import { homePage } from "./console/home.ts";
import { refusalPage } from "./console/refusal.ts";
import { allowOrigins, openOrigins } from "./http/cors.ts";
import { recordDisagreement } from "./http/disagreement.ts";
import { docsRoutes } from "./http/docs.ts";
import { answerErrors } from "./http/errors.ts";
import { readForwarded, trustProxies } from "./http/forwarded.ts";
import { setHeaders } from "./http/headers.ts";
import { healthRoutes } from "./http/health.ts";
import { homeRoute } from "./http/home.ts";
import { jwksRoute } from "./http/jwks.ts";
import { openapiRoute } from "./http/openapi.ts";
import type { Readiness } from "./http/readiness.ts";
import { identifyRequest } from "./http/request-id.ts";
import { logRequests } from "./http/request-log.ts";
import type { RequestState } from "./http/request-state.ts";
import { serveRest } from "./http/rest.ts";
import { routeProbes, routeRequests } from "./http/router.ts";
import { anonymousReader, type Runner } from "./http/run.ts";
import { checkHeaders } from "./http/single-headers.ts";
import { selectSite } from "./http/site.ts";
import type { Log } from "./log.ts";
import type { RestLimits } from "./rest/answer.ts";
import type { OutOfService } from "./tenant/placements.ts";
import type { Registry } from "./tenant/registry.ts";
import type { Tenant } from "./tenant/tenant.ts";

export interface AppSources {
  readonly config: Config;
  readonly log: Log;
  /** Public address of BASE_DOMAIN, with the port that is listened on. */
  readonly publicUrl: URL;
  readonly runner: Runner;
  readonly registry: Registry;
  readonly verifier: Verifier;
  readonly keyset: Keyset;
  readonly denials: Denials;
  readonly served: () => Served;
  readonly listTenants: () => Promise<Tenant[]>;
  readonly readiness: Readiness;
  readonly isDraining: () => boolean;
  readonly outOfService: () => readonly OutOfService[];
}

/** How far one request may go (threats.md H19). */
function limitsOf(config: Config): RestLimits {
  return {
    maxRows: config.MAX_ROWS,
    maxInsertRows: config.MAX_INSERT_ROWS,
    maxEmbeds: config.MAX_EMBEDS,
    maxDepth: config.MAX_EMBED_DEPTH,
    maxUrlBytes: config.MAX_URL_BYTES,
    maxSelectItems: config.MAX_SELECT_ITEMS,
    maxFilters: config.MAX_FILTERS,
    maxLogicDepth: config.MAX_LOGIC_DEPTH,
    maxListItems: config.MAX_LIST_ITEMS,
  };
}

/**
 * The middlewares, in the order that a request meets them. The path of a request: docs/explanations/path-of-a-request.md.
 * @throws RowhouseError configInvalid for a malformed TRUSTED_PROXIES or CORS_ORIGINS
 */
export function makeApp(sources: AppSources): Koa<RequestState, object> {
  const { config, log, publicUrl, runner, served, readiness } = sources;
  const { registry } = sources;
  const baseDomain = config.BASE_DOMAIN;
  const origins = openOrigins({ registry, baseDomain, publicUrl, listed: config.CORS_ORIGINS });
  const home = {
    read: anonymousReader(runner),
    served,
    listTenants: sources.listTenants,
    publicUrl,
  };
  const rest = serveRest({
    grants: { verifier: sources.verifier, registry, baseDomain, origins },
    runner,
    served,
    readiness,
    limits: limitsOf(config),
    settings: {
      aggregates: config.AGGREGATES,
      plans: config.PLANS,
      txEnd: config.TX_END,
      preRequest: config.PRE_REQUEST ?? null,
      countLimit: config.COUNT_LIMIT,
      softDelete: config.SOFT_DELETE,
    },
    maxBodyBytes: config.MAX_BODY_BYTES,
    serverTiming: config.SERVER_TIMING,
  });
  const probes = healthRoutes(readiness, sources.isDraining, sources.outOfService);
  const routes = [
    homeRoute((visit) => homePage(home, visit), publicUrl),
    openapiRoute(served, publicUrl),
    ...docsRoutes(served),
    jwksRoute(sources.keyset),
  ];

  const app = new Koa<RequestState, object>();
  app.use(identifyRequest(trustProxies(config.TRUSTED_PROXIES)));
  app.use(logRequests(log));
  app.use(setHeaders());
  app.use(answerErrors({ log, refusalPage }));
  app.use(checkHeaders());
  app.use(routeProbes(probes));
  app.use(readForwarded());
  app.use(recordDisagreement(sources.denials));
  app.use(selectSite(registry, baseDomain));
  app.use(allowOrigins(origins));
  app.use(routeRequests(routes, rest));
  app.on("error", (error) => log.error({ err: error }, "an answer failed"));
  return app;
}
