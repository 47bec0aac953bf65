import { randomUUID } from "node:crypto";
import { RowhouseError } from "../errors.ts";
import { ANYBODY, statement, type Desk } from "./desk.ts";
import { newLink, sendLink, type LinkPlace } from "./links.ts";
import { hashPassword } from "./password.ts";
import { checkPassword } from "./password-policy.ts";
import {
  afterOpening,
  newSession,
  SESSION_PARTS,
  sessionValues,
  type OpenedSession,
  type Visitor,
} from "./sessions.ts";
import { readProfile } from "./profile.ts";
import { USER_JSON, type User } from "./user.ts";

/** The tenant's setting `auth`. */
export interface AuthSettings {
  /** Whether anybody may sign up. */
  readonly signup: boolean;
  /** Whether an address has to be confirmed before its user is let in. */
  readonly confirm: boolean;
  /** Membership role of who signs up. */
  readonly role: string;
}

/** Pure: whatever stands in the setting. Nobody becomes an administrator by signing up. */
export function parseAuthSettings(value: unknown): AuthSettings {
  const given = (typeof value === "object" ? (value ?? {}) : {}) as Record<string, unknown>;
  const role = typeof given["role"] === "string" ? given["role"] : "member";
  return {
    signup: given["signup"] === true,
    confirm: given["confirm"] !== false,
    role: role === "owner" || role === "admin" ? "member" : role,
  };
}

/** The tenant's own, or what counts without any: nobody signs up, and addresses have to be confirmed. */
export async function readAuthSettings(desk: Desk): Promise<AuthSettings> {
  const [rows] = await desk(ANYBODY, "read", [
    statement("select s.value from tenant.settings s where s.name = 'auth'"),
  ]);
  return parseAuthSettings(rows?.[0]);
}

export interface SignUp {
  readonly tenantId: string;
  readonly email: string;
  readonly password: string;
  /** `data` of the client: name and the tenant's own fields. */
  readonly data: unknown;
  readonly visitor: Visitor;
  readonly place: LinkPlace;
}

export interface SignedUp {
  readonly user: User;
  /** Null while the address is to be confirmed. */
  readonly session: OpenedSession | null;
}

/**
 * `$1`…: id, email, name, role, custom, hash, whether it counts as confirmed. Of several who sign up under an address that was not
 * confirmed yet the last one counts, whom the link is sent for: the password of whoever came before opens nothing.
 */
const MAKE = `with u as (
    insert into tenant.users (id, email, name, role, custom, email_confirmed_at)
    values ($1::uuid, $2, $3, $4, $5::jsonb, case when $7::boolean then now() end)
    on conflict (tenant_id, email) do update set name = excluded.name, custom = excluded.custom
      where users.email_confirmed_at is null and users.is_active and not $7::boolean
        and exists (select from tenant.credentials own where own.user_id = users.id)
    returning *),
  c as (
    insert into tenant.credentials (user_id, password) select u.id, $6 from u
    on conflict (tenant_id, user_id) do update set password = excluded.password, updated_at = now() returning user_id)
  select jsonb_set(${USER_JSON}, '{hasPassword}', 'true') from u join c on c.user_id = u.id`;
/** As the database gives it back: names in its order. */
const CUSTOM = "select $1::jsonb";
/** Says so to whoever asks, also of an address that would take no place: else the answer told which those are. */
const REFUSE_FULL = `select to_json(platform.refuse('RH430', format('The plan allows %s users', l.most), format('limit users = %s', l.most)))
  from (select platform.limit_of('users') as most) l where l.most <= (select count(*) from tenant.users where is_active and (email_confirmed_at is not null
    or not exists (select from tenant.credentials c where c.user_id = users.id)))`;
/** Who signed up themselves and did not confirm it; not who was invited. */
const UNCONFIRMED = `u.email = $1 and u.is_active and u.email_confirmed_at is null
  and exists (select from tenant.credentials own where own.user_id = u.id)`;

/** As a new user would look: who tries an address that is taken learns nothing of it (ASVS 6.3.8). */
function pretend(id: string, email: string, role: string, name: string | null, custom: User["custom"]): User {
  const now = new Date().toISOString();
  const times = { confirmedAt: null, lastSignInAt: null, createdAt: now, updatedAt: now };
  return { id, email, name, role, isActive: true, hasPassword: true, custom, ...times };
}

/**
 * Makes a user of whoever asks, where the tenant allows it.
 * @throws RowhouseError signUpClosed, passwordWeak, limitReached; emailTaken where addresses are not confirmed
 */
export async function signUp(desk: Desk, asked: SignUp): Promise<SignedUp> {
  const { email, password, data, visitor, place } = asked;
  const settings = await readAuthSettings(desk);
  if (!settings.signup) {
    throw new RowhouseError("signUpClosed", {
      message: "Signups not allowed for this instance",
      hint: 'An administrator of the tenant can invite you, or allow it: setting auth, {"signup": true}.',
    });
  }
  checkPassword(password, email);
  const { name = null, custom } = readProfile(data);
  const id = randomUUID();
  const hash = await hashPassword(password, asked.tenantId);
  const link = newLink("confirmation", email, place);
  const session = newSession(visitor);
  const values = [id, email, name, settings.role, JSON.stringify(custom), hash, String(!settings.confirm)];
  const [, kept, made, opened] = await desk({ principal: id, role: "anonymous" }, "write", [
    statement(REFUSE_FULL),
    statement(CUSTOM, JSON.stringify(custom)),
    statement(MAKE, ...values),
    ...(settings.confirm
      ? sendLink(link, place, UNCONFIRMED, email)
      : [
          statement(
            `with u as (select * from tenant.users where id = $5::uuid), ${SESSION_PARTS} select ${USER_JSON} from u join carried on true`,
            ...sessionValues(session),
            id,
          ),
          ...afterOpening(session, "sign-up"),
        ]),
  ]);
  const user = made?.[0] as User | undefined;
  if (settings.confirm && user?.id === id) return { user, session: null };
  if (settings.confirm)
    return { user: pretend(id, email, settings.role, name, kept![0] as User["custom"]), session: null };
  const now = opened?.[0] as User | undefined;
  if (now === undefined) throw new RowhouseError("emailTaken", { message: "User already registered" });
  return { user: now, session: { user: now, sessionId: session.id, token: session.token } };
}
