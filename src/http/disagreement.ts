import type { Denials } from "../audit/denials.ts";
import { TenantDisagreement } from "../tenant/resolve.ts";
import type { RequestState } from "./request-state.ts";

function eventOf({ named }: TenantDisagreement, { actor, requestId }: RequestState) {
  const tenantId = [named.host, named.header, named.token].find((id) => id !== undefined && id !== "platform");
  return { action: "request.denied", actor, tenantId, requestId, details: { reason: "tenantDisagreement", named } };
}

/** A request whose signals name two tenants is a mistake or an attack: the audit trail tells of it (DESIGN.md, Isolation). */
export async function recordDisagreement(denials: Denials, error: unknown, state: RequestState): Promise<void> {
  if (error instanceof TenantDisagreement) await denials.record(eventOf(error, state));
}
