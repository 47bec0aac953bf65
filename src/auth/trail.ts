import { statement, type Actor, type Desk } from "./desk.ts";

/** Something that was done in a tenant, from its own audit trail. */
export interface TrailEvent {
  /** uuid; grows with time. */
  readonly id: string;
  /** ISO 8601 */
  readonly at: string;
  /** `customers.updated` */
  readonly action: string;
  readonly actor: string;
  readonly role: string;
  /** `schema.table`; null for what is no change of a row. */
  readonly table: string | null;
  readonly rowId: string | null;
  /** Of an update only what changed. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, unknown>> | null;
}

export interface TrailFilter {
  readonly limit: number;
  /** No older than this many seconds. */
  readonly sinceSeconds?: number | undefined;
  /** Id of the last event of the page before: older ones follow. */
  readonly before?: string | undefined;
  /** An action, or what its name begins with: `customers.`. */
  readonly action?: string | undefined;
  readonly actor?: string | undefined;
}

const EVENT_JSON = `jsonb_build_object('id', e.id, 'at', e.at, 'action', e.action, 'actor', e.actor, 'role', e.role,
  'table', e.schema_name || '.' || e.table_name, 'rowId', e.row_id, 'before', e.before, 'after', e.after,
  'requestId', e.request_id, 'details', e.details)`;

/** The newest first. */
export async function listTrail(desk: Desk, actor: Actor, filter: TrailFilter): Promise<TrailEvent[]> {
  const { limit, sinceSeconds, before = null, action = null } = filter;
  const [rows] = await desk(actor, "read", [
    statement(
      `select ${EVENT_JSON} from tenant.audit_events e
       where ($2::bigint is null or e.at >= now() - make_interval(secs => $2::bigint)) and ($3::uuid is null or e.id < $3::uuid)
         and ($4::text is null or e.action = $4 or right($4, 1) = '.' and starts_with(e.action, $4)) and ($5::text is null or e.actor = $5)
       order by e.id desc limit $1::integer`,
      String(limit),
      sinceSeconds === undefined ? null : String(sinceSeconds),
      before,
      action,
      filter.actor ?? null,
    ),
  ]);
  return rows as TrailEvent[];
}

/**
 * Removes events that are older than the tenant's plan keeps them.
 * @returns how many there were
 */
export async function purgeTrail(desk: Desk, actor: Actor): Promise<number> {
  const [rows] = await desk(actor, "write", [statement("select to_json(platform.purge_audit())")]);
  return Number(rows![0]);
}
