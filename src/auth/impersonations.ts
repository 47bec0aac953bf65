import { statement, type Actor, type Desk } from "./desk.ts";
import { recordEvent } from "./event.ts";
import { RowhouseError } from "../errors.ts";

/** An operator at work in a tenant, for a time, as one of its members would be. The tenant's administrators see the row. */
export interface Impersonation {
  /** uuid */
  readonly id: string;
  /** E-mail address of the operator. */
  readonly operator: string;
  readonly reason: string;
  /** Membership role that it acts with. */
  readonly role: string;
  /** Whether it may write. */
  readonly writes: boolean;
  /** ISO 8601, as the other times. */
  readonly startedAt: string;
  readonly expiresAt: string;
  readonly endedAt: string | null;
}

export interface WantedImpersonation {
  readonly operator: string;
  readonly reason: string;
  readonly role: string;
  readonly writes: boolean;
  readonly minutes: number;
}

const time = (column: string) => `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
const IMPERSONATION_JSON = `json_build_object('id', i.id, 'operator', i.operator, 'reason', i.reason, 'role', i.role,
  'writes', i.writes, 'startedAt', ${time("i.started_at")}, 'expiresAt', ${time("i.expires_at")}, 'endedAt', ${time("i.ended_at")})`;

/**
 * Notes in the tenant that an operator comes in. Its token is to carry the id, and is good for as long as this row says.
 * @throws RowhouseError roleUnknown
 */
export async function beginImpersonation(
  desk: Desk,
  actor: Actor,
  wanted: WantedImpersonation,
): Promise<Impersonation> {
  const { operator, reason, role, writes, minutes } = wanted;
  const [rows] = await desk(actor, "write", [
    statement(
      `insert into tenant.impersonations as i (operator, reason, role, writes, expires_at)
       values ($1, $2, $3, $4::boolean, now() + make_interval(mins => $5::integer)) returning ${IMPERSONATION_JSON}`,
      operator,
      reason,
      role,
      String(writes),
      String(minutes),
    ),
    recordEvent("impersonation.started", { operator, reason, role, writes, minutes }),
  ]);
  return rows![0] as Impersonation;
}

/** The newest first. */
export async function listImpersonations(desk: Desk, actor: Actor): Promise<Impersonation[]> {
  const [rows] = await desk(actor, "read", [
    statement(`select ${IMPERSONATION_JSON} from tenant.impersonations i order by i.started_at desc, i.id limit 1000`),
  ]);
  return rows as Impersonation[];
}

/** Once: of one that has ended there is nothing to note. */
const END = `with ended as (update tenant.impersonations i set ended_at = now() where i.id::text = $1 and i.ended_at is null returning i.id)
  select to_json(platform.record_event('impersonation.ended', jsonb_build_object('id', ended.id))::text) from ended`;

/**
 * Refuses its token from the next request on. One that has ended stays as it is.
 * @throws RowhouseError impersonationUnknown
 */
export async function endImpersonation(desk: Desk, actor: Actor, id: string): Promise<Impersonation> {
  const [, rows] = await desk(actor, "write", [
    statement(END, id),
    statement(`select ${IMPERSONATION_JSON} from tenant.impersonations i where i.id::text = $1`, id),
  ]);
  if (rows?.[0] === undefined) throw new RowhouseError("impersonationUnknown");
  return rows[0] as Impersonation;
}
