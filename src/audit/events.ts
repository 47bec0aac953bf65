import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { UUID } from "../db/uuid.ts";

/** Who did what to which tenant, with what outcome. Changes of the control plane write theirs by trigger: `policies/platform.sql`. */
export interface AuditEvent {
  /** A bigint's digits; grows with time. */
  readonly id: string;
  /** ISO 8601 */
  readonly at: string;
  /** `noun.done`, as `tenant.suspended`. */
  readonly action: string;
  readonly outcome: "success" | "denied" | "failure";
  /** A principal's id, an operator, or `anonymous`. */
  readonly actor: string;
  readonly tenantId: string | null;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** An event to be written. Its details are facts without secrets, and small. */
export type NewAuditEvent = Pick<AuditEvent, "action" | "outcome" | "actor"> &
  Partial<Pick<AuditEvent, "tenantId" | "requestId" | "details">>;

const MAX_DETAILS = 4096;
const MAX_ACTOR = 255;

const INSERT = `insert into platform.audit_events (action, outcome, actor, tenant_id, request_id, details) values ($1, $2, $3, $4, $5, $6)`;

/** A deleted tenant has no row any more, but its events tell its slug. */
const TENANT_IDS = `select id from platform.tenants where slug = $1
  union select tenant_id from platform.audit_events where action = 'tenant.deleted' and details ->> 'slug' = $1`;

function limitDetails(details: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(details);
  return text.length <= MAX_DETAILS ? text : JSON.stringify({ truncated: text.slice(0, MAX_DETAILS / 2) });
}

/** Writes one event. Append-only: no role can change or remove it. */
export async function recordEvent(pool: ConnectionPool, event: NewAuditEvent): Promise<void> {
  const { action, outcome, actor, tenantId = null, requestId = null, details = {} } = event;
  const values = [action, outcome, actor.slice(0, MAX_ACTOR), tenantId, requestId, limitDetails(details)];
  await queryRows(pool, { text: INSERT, values });
}

export interface EventFilter {
  /** Slug or id; a deleted tenant's as well. */
  readonly tenant?: string;
  /** Id of the last event of the page before: older ones follow. */
  readonly before?: string;
  /** 100 when left out. */
  readonly limit?: number;
}

/** The newest events first. */
export function listEvents(
  pool: ConnectionPool,
  { tenant, before, limit = 100 }: EventFilter = {},
): Promise<AuditEvent[]> {
  const isSlug = tenant !== undefined && !UUID.test(tenant);
  const where =
    tenant === undefined ? "$1::text is null" : isSlug ? `tenant_id in (${TENANT_IDS})` : "tenant_id = $1::uuid";
  return queryRows<AuditEvent>(pool, {
    text: `select id::text, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, action, outcome, actor,
        tenant_id as "tenantId", request_id as "requestId", details
      from platform.audit_events e where ${where} and ($3::bigint is null or e.id < $3) order by e.id desc limit $2`,
    values: [tenant ?? null, limit, before ?? null],
  });
}
