import type { Attempts } from "../../auth/attempts.ts";
import type { Actor, Desk } from "../../auth/desk.ts";
import type { TokenRequest } from "../../auth/token.ts";
import { UUID } from "../../db/uuid.ts";
import type { CheckedFetch } from "../../net/checked-fetch.ts";
import { findTenant, findTenantById } from "../../tenant/change.ts";
import type { Home } from "../../tenant/spread.ts";
import type { Tenant } from "../../tenant/tenant.ts";
import type { Call } from "./operation.ts";

/** What the operations work with. */
export interface PlatformSources {
  readonly home: Home;
  readonly baseDomain: string;
  /** Public address of BASE_DOMAIN. */
  readonly publicUrl: URL;
  /** For what the control plane does in a tenant, suspended or not, wherever it lives. */
  readonly deskOf: (tenant: Tenant, requestId: string) => Desk;
  readonly attempts: Attempts;
  /** Signs an access token of a tenant. */
  readonly mint: (request: TokenRequest) => Promise<string>;
  /** For addresses that operators enter. */
  readonly checkedFetch: CheckedFetch;
  /** OUTBOUND_ALLOWED */
  readonly outboundAllowed: readonly string[];
}

/**
 * The tenant that the path names.
 * @throws RowhouseError tenantUnknown
 */
export function tenantOf({ home }: PlatformSources, { params }: Pick<Call, "params">): Promise<Tenant> {
  const wanted = params["tenant"] ?? "";
  return UUID.test(wanted) ? findTenantById(home.platform, wanted) : findTenant(home.platform, wanted.toLowerCase());
}

/** How an operator stands in a tenant's own audit trail, with every right in it. */
export const insideAs = ({ actor }: Pick<Call, "actor">): Actor => ({ principal: actor, role: "owner" });
