import type Koa from "koa";
import type { RowhouseError } from "../errors.ts";
import type { Host } from "../tenant/host.ts";
import type { Site } from "../tenant/resolve.ts";

/** What the middlewares of one request tell each other. A class, so that every request has the same shape in memory. */
export class RequestState {
  requestId = "";
  /** Whether the socket's other end is one of TRUSTED_PROXIES. */
  byTrustedProxy = false;
  /** The Host header, or what a trusted proxy says it was. */
  host: string | undefined = undefined;
  /** `host`, parsed. */
  address: Host | null = null;
  /** What the host and X-Tenant select. */
  site: Site | null = null;
  /** Why they select nothing. */
  refusal: RowhouseError | null = null;
  /** The tenant that a token grants. */
  tenantId: string | undefined = undefined;
  /** Slug of the tenant that the request is about, for the log. */
  slug: string | null = null;
  /** Who asks, once a token is verified; for the audit trail. */
  actor = "anonymous";
  /** Whether who asks is known to be nobody: what nobody may do asks for a token, and is not forbidden. */
  isAnonymous = false;
  /** Pattern of the path, without anything the client chose, for the log. */
  route = "-";
  /** Code of the refusal, for the log. */
  code: string | undefined = undefined;
}

export type RequestContext = Koa.ParameterizedContext<RequestState, object>;
export type Middleware = Koa.Middleware<RequestState, object>;
