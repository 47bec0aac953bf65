import Koa from "koa";
import type { Denials } from "./audit/denials.ts";
import type { Attempts } from "./auth/attempts.ts";
import { openBrowserSessions } from "./auth/browser-session.ts";
import { openDesk, type DeskSources } from "./auth/desk.ts";
import { openIdentities } from "./auth/identities.ts";
import { openKeyUses } from "./auth/key-use.ts";
import type { Keyset } from "./auth/keyset.ts";
import { mintToken } from "./auth/token.ts";
import type { Verifier } from "./auth/verifier.ts";
import type { Served } from "./catalog/catalog.ts";
import type { Config } from "./config.ts";
import { homePage } from "./console/home.ts";
import { linkPage } from "./console/link-page.ts";
import { operatorPage } from "./console/operator-page.ts";
import { passwordPage, passwordSetPage } from "./console/password-page.ts";
import { refusalPage } from "./console/refusal.ts";
import { serveAuth } from "./http/auth.ts";
import type { AuthSources } from "./http/auth-request.ts";
import { allowOrigins, openOrigins } from "./http/cors.ts";
import { docsRoutes } from "./http/docs.ts";
import { answerErrors } from "./http/errors.ts";
import { openClientAddress, readForwarded, trustProxies } from "./http/forwarded.ts";
import { setHeaders } from "./http/headers.ts";
import { healthRoutes } from "./http/health.ts";
import { homeRoute } from "./http/home.ts";
import { jwksRoute } from "./http/jwks.ts";
import { openapiRoute } from "./http/openapi.ts";
import { sendPage } from "./http/page.ts";
import { serveDemoForm } from "./http/platform/demo-form.ts";
import { platformOperations } from "./http/platform/operations.ts";
import { servePlatform } from "./http/platform/serve.ts";
import type { Readiness } from "./http/readiness.ts";
import { identifyRequest } from "./http/request-id.ts";
import { logRequests } from "./http/request-log.ts";
import type { RequestContext, RequestState } from "./http/request-state.ts";
import { serveRest } from "./http/rest.ts";
import { routeProbes, routeRequests, sites } from "./http/router.ts";
import { anonymousReader, type Runner } from "./http/run.ts";
import { checkHeaders } from "./http/single-headers.ts";
import { selectSite } from "./http/site.ts";
import { tenantRoute } from "./http/tenant.ts";
import type { Log } from "./log.ts";
import type { RestLimits } from "./rest/answer.ts";
import type { CheckedFetch } from "./net/checked-fetch.ts";
import type { OutOfService } from "./tenant/placements.ts";
import { readPublic } from "./tenant/public.ts";
import type { Registry } from "./tenant/registry.ts";
import type { Home } from "./tenant/spread.ts";
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
  /** For addresses that operators enter. */
  readonly checkedFetch: CheckedFetch;
  readonly attempts: Attempts;
  /** For what the control plane does in a tenant. */
  readonly desks: DeskSources;
  readonly denials: Denials;
  /** The registry's database. */
  readonly home: Home;
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

/** What operators work with, and the form of those who would like to be tenants. */
function openPlatform({ policy, addressOf, ...sources }: AppSources & Pick<AuthSources, "policy" | "addressOf">) {
  const { config, log, publicUrl, home, keyset, desks, attempts, readiness, denials, checkedFetch } = sources;
  const pool = home.platform;
  const operations = platformOperations({
    home,
    baseDomain: config.BASE_DOMAIN,
    publicUrl,
    deskOf: (tenant, requestId) => openDesk(desks, tenant, { requestId }),
    attempts,
    mint: (request) => mintToken(keyset, policy, request),
    checkedFetch,
    outboundAllowed: config.OUTBOUND_ALLOWED,
  });
  const onError = (err: unknown) =>
    log.error({ err }, "an audit event or the answer of an Idempotency-Key was not written");
  return {
    platform: servePlatform({ operations, pool, readiness, denials, addressOf, onError }),
    demo: serveDemoForm({ pool, attempts, addressOf }),
  };
}

/**
 * The middlewares, in the order that a request meets them. The path of a request: docs/explanations/path-of-a-request.md.
 * @throws RowhouseError configInvalid for a malformed TRUSTED_PROXIES or CORS_ORIGINS
 */
export function makeApp(sources: AppSources): Koa<RequestState, object> {
  const { config, log, publicUrl, runner, served, readiness } = sources;
  const { registry } = sources;
  const policy = { issuer: config.issuer, audience: config.TOKEN_AUDIENCE };
  const addressOf = openClientAddress(config.TRUSTED_PROXIES);
  const baseDomain = config.BASE_DOMAIN;
  const origins = openOrigins({ registry, baseDomain, publicUrl, listed: config.CORS_ORIGINS });
  const home = {
    read: anonymousReader(runner),
    served,
    listTenants: sources.listTenants,
    publicUrl,
  };
  const deskOf = (tenant: Tenant, requestId?: string) =>
    openDesk(sources.desks, tenant, { requestId, isRequest: true });
  const grants = {
    verifier: sources.verifier,
    registry,
    baseDomain,
    origins,
    publicUrl,
    deskOf,
    browserSessions: openBrowserSessions(),
    identities: openIdentities(),
    keyUses: openKeyUses(deskOf),
  };
  const auth = serveAuth({
    grants,
    readiness,
    keyset: sources.keyset,
    policy,
    attempts: sources.attempts,
    addressOf,
    publicOf: (tenant) => readPublic(home.read, tenant),
    linkPages: { follow: linkPage, askPassword: passwordPage, passwordSet: passwordSetPage },
  });
  const rest = serveRest({
    grants,
    runner,
    served,
    readiness,
    limits: limitsOf(config),
    settings: {
      aggregates: config.AGGREGATES,
      plans: config.PLANS,
      txEnd: config.TX_END,
      preRequest: config.PRE_REQUEST ?? null,
      root: { spec: config.ROOT_SPEC ?? null, mode: config.OPENAPI_MODE, tellsSecurity: config.OPENAPI_SECURITY },
      countLimit: config.COUNT_LIMIT,
      legacyTargetNames: config.LEGACY_TARGET_NAMES,
      softDelete: config.SOFT_DELETE,
    },
    maxBodyBytes: config.MAX_BODY_BYTES,
    serverTiming: config.SERVER_TIMING,
  });
  const probes = healthRoutes(readiness, sources.isDraining, sources.outOfService);
  const routes = [
    homeRoute((visit) => homePage(home, visit), publicUrl),
    openapiRoute({ served, publicUrl, grants, runner, readiness }),
    tenantRoute(home.read, readiness),
    ...docsRoutes(served),
    jwksRoute(sources.keyset),
    { path: "/operator", sites: sites("platform"), get: (ctx: RequestContext) => sendPage(ctx, operatorPage()) },
  ];

  const app = new Koa<RequestState, object>();
  app.use(identifyRequest(trustProxies(config.TRUSTED_PROXIES)));
  app.use(logRequests(log));
  app.use(setHeaders());
  app.use(answerErrors({ log, denials: sources.denials, refusalPage, verbosity: config.ERROR_VERBOSITY }));
  app.use(checkHeaders());
  app.use(routeProbes(probes));
  app.use(readForwarded());
  app.use(selectSite(registry, baseDomain));
  app.use(allowOrigins(origins));
  app.use(routeRequests(routes, { rest, auth, ...openPlatform({ ...sources, policy, addressOf }) }));
  app.on("error", (error) => log.error({ err: error }, "an answer failed"));
  return app;
}
