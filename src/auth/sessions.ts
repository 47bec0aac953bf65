import { randomUUID } from "node:crypto";
import type { Statement } from "../db/statement.ts";
import { RowhouseError } from "../errors.ts";
import { ANYBODY, statement, type Desk } from "./desk.ts";
import { digestOf, newToken, type OpaqueToken, type Purpose } from "./opaque.ts";
import { USER_JSON, type User } from "./user.ts";

/** Where a sign-in comes from, as its user sees it in the list of their sessions. */
export interface Visitor {
  readonly address: string | null;
  readonly userAgent: string | null;
}

/** A session, and the token that carries it on, which is shown this once. */
export interface OpenedSession {
  readonly user: User;
  readonly sessionId: string;
  readonly token: string;
}

/** One that is about to be opened. */
export interface NewSession extends OpaqueToken {
  readonly id: string;
  readonly visitor: Visitor;
}

/** @param purpose `refresh` for one that a client carries on by refresh tokens, `cookie` for a browser's */
export function newSession(visitor: Visitor, purpose: Purpose = "refresh"): NewSession {
  return { id: randomUUID(), visitor, ...newToken(purpose) };
}

/** So long nobody need refresh it, and so long it lives at most (ASVS 7.3). */
const IDLE = "interval '30 days'";
const LONGEST = "interval '180 days'";
/** Two tabs of one browser may refresh at the same moment (RFC 9700 4.14.2 leaves room for it). */
const GRACE = "interval '10 seconds'";
/** Used tokens are remembered for so long: an older one is unknown, and refused all the same. */
const MEMORY = "interval '7 days'";

/**
 * The part of a statement that opens a session for the row of the CTE `u`, if there is one. Its values are `$1` to `$4`; the statement's
 * own come after them.
 */
export const SESSION_PARTS = `opened as (
    insert into tenant.sessions (id, user_id, expires_at, user_agent, address)
    select $1::uuid, u.id, now() + ${IDLE}, left($3, 500), $4::inet from u returning id),
  carried as (insert into tenant.refresh_tokens (hash, session_id) select $2::bytea, opened.id from opened returning session_id)`;

export const sessionValues = ({ id, digest, visitor }: NewSession): Statement["values"] => [
  id,
  digest,
  visitor.userAgent,
  visitor.address,
];

/** What comes after the statement that opened a session: its event, and the end of what is long over. */
export const afterOpening = (session: NewSession, how: string): Statement[] => [
  statement(
    `select to_json(platform.record_event('session.started', jsonb_build_object('session', s.id, 'user', s.user_id, 'address', host(s.address),
       'user_agent', s.user_agent, 'how', $2::text))::text)
     from tenant.sessions s where s.id = $1::uuid`,
    session.id,
    how,
  ),
  statement(
    `delete from tenant.sessions s using tenant.sessions mine
     where mine.id = $1::uuid and s.user_id = mine.user_id and least(s.revoked_at, s.expires_at) < now() - ${MEMORY}`,
    session.id,
  ),
];

interface Refreshed {
  readonly verdict: "good" | "reused" | "over" | "inactive";
  readonly sessionId: string;
  readonly user: User;
}

/** All tokens of a session wait for one another here, so that the next statement sees what the others did. */
const HOLD = `select to_json(true) from tenant.sessions s
  where s.id = (select t.session_id from tenant.refresh_tokens t where t.hash = $1) for update`;
const REFRESH = `with found as (
    select s.id as session_id, t.used_at, u.id as user_id, case
      when s.revoked_at is not null or s.expires_at <= now() then 'over' when not u.is_active then 'inactive'
      when t.used_at is null or t.used_at > clock_timestamp() - ${GRACE} then 'good' else 'reused' end as verdict
    from tenant.refresh_tokens t join tenant.sessions s on s.id = t.session_id join tenant.users u on u.id = s.user_id where t.hash = $1),
  used as (update tenant.refresh_tokens t set used_at = clock_timestamp() from found
    where t.hash = $1 and t.used_at is null and found.verdict = 'good'),
  next as (insert into tenant.refresh_tokens (hash, session_id) select $2, session_id from found where verdict = 'good'),
  kept as (update tenant.sessions s set refreshed_at = now(), expires_at = least(now() + ${IDLE}, s.created_at + ${LONGEST}) from found
    where s.id = found.session_id and found.verdict = 'good'),
  ended as (update tenant.sessions s set revoked_at = now() from found where s.id = found.session_id and found.verdict = 'reused'),
  forgotten as (delete from tenant.refresh_tokens t using found where t.session_id = found.session_id and t.used_at < now() - ${MEMORY})
  select jsonb_build_object('verdict', f.verdict, 'sessionId', f.session_id, 'user', ${USER_JSON},
    'event', case when f.verdict = 'reused' then platform.record_event('session.token_reused',
      jsonb_build_object('session', f.session_id, 'user', f.user_id))::text end)
  from found f join tenant.users u on u.id = f.user_id`;

/**
 * Exchanges a refresh token for the next one. One that was exchanged a while ago is in two hands: the session ends for both
 * (RFC 9700 4.14.2).
 * @throws RowhouseError refreshTokenUnknown, refreshTokenReused, sessionEnded, userInactive
 */
export async function refreshSession(desk: Desk, token: string): Promise<OpenedSession> {
  const digest = digestOf("refresh", token);
  const next = newToken("refresh");
  const [, rows] = await desk(ANYBODY, "write", [statement(HOLD, digest), statement(REFRESH, digest, next.digest)]);
  const found = rows?.[0] as Refreshed | undefined;
  if (found?.verdict === "good") return { user: found.user, sessionId: found.sessionId, token: next.token };
  throw refreshRefusal(found?.verdict);
}

function refreshRefusal(verdict: Refreshed["verdict"] | undefined): RowhouseError {
  const hint = "Sign in again.";
  if (verdict === "reused")
    return new RowhouseError("refreshTokenReused", { message: "Invalid Refresh Token: Already Used", hint });
  if (verdict === "over") return new RowhouseError("sessionEnded", { hint });
  if (verdict === "inactive")
    return new RowhouseError("userInactive", { hint: "An administrator of the tenant can activate the user." });
  return new RowhouseError("refreshTokenUnknown", { message: "Invalid Refresh Token: Refresh Token Not Found", hint });
}

export type LogoutScope = "local" | "global" | "others";

/** Ends sessions of one user: `local` the one that asks, `others` all but that, `global` all. */
export function endSessions(userId: string, sessionId: string | null, scope: LogoutScope): Statement {
  return statement(
    `with ended as (
       update tenant.sessions s set revoked_at = now()
       where s.user_id = $1::uuid and s.revoked_at is null
         and case $3 when 'local' then s.id = $2::uuid when 'others' then s.id is distinct from $2::uuid else true end
       returning s.id)
     select to_json(platform.record_event('session.ended', jsonb_build_object('user', $1::text, 'scope', $3, 'sessions', jsonb_agg(id)))::text)
     from ended having count(*) > 0`,
    userId,
    sessionId,
    scope,
  );
}
