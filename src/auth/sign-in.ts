import { RowhouseError } from "../errors.ts";
import { signInLimits, type Attempts } from "./attempts.ts";
import { ANYBODY, statement, type Actor, type Desk } from "./desk.ts";
import { recordEvent } from "./event.ts";
import { digestOf, type Purpose } from "./opaque.ts";
import { checkAgainst, hashPassword } from "./password.ts";
import {
  afterOpening,
  newSession,
  SESSION_PARTS,
  sessionValues,
  type OpenedSession,
  type Visitor,
} from "./sessions.ts";
import { USER_JSON, type User } from "./user.ts";

export interface SignIn {
  readonly tenantId: string;
  /** As `readEmail` gives it. */
  readonly email: string;
  readonly password: string;
  readonly visitor: Visitor;
  readonly purpose?: Purpose;
  /** The browser's cookie until now, whose session ends (ASVS 7.2.4). */
  readonly replaces?: string | null;
}

/** What is known of the account before the password is checked. */
interface Account {
  readonly user: User;
  readonly password: string | null;
}

const FIND = `select jsonb_build_object('user', ${USER_JSON}, 'password', (select c.password from tenant.credentials c where c.user_id = u.id))
  from tenant.users u where u.email = $1`;
/** Looks once more at all that may have changed while the password was checked. */
const OPEN = `with u as (
    update tenant.users u set last_sign_in_at = now() from tenant.credentials c
    where u.id = $5::uuid and u.is_active and c.user_id = u.id and c.password = $6 returning u.*),
  ${SESSION_PARTS}
  select ${USER_JSON} from u join carried on true`;
const REPLACE = `update tenant.sessions s set revoked_at = now() from tenant.refresh_tokens t
  where t.hash = $1 and s.id = t.session_id and s.revoked_at is null`;
const REHASH = "update tenant.credentials set password = $2 where user_id = $1::uuid and password = $3";

/** The same words, whatever was wrong, after the same time (threats.md H24; ASVS 6.3.8). */
const wrong = () =>
  new RowhouseError("credentialsWrong", {
    message: "Invalid login credentials",
    hint: "A forgotten password can be set anew.",
  });

const asUser = ({ id, role }: User): Actor => ({ principal: id, role });

/** For an unknown user as for a known one: to write for one of them alone would tell by its time which it is. */
async function noteRefusal(desk: Desk, account: Account | undefined, { visitor }: SignIn): Promise<void> {
  const details = { user: account?.user.id ?? null, address: visitor.address };
  await desk(ANYBODY, "write", [recordEvent("session.refused", details)]);
}

/**
 * Opens a session for who knows the password.
 * @throws RowhouseError credentialsWrong alike for an unknown user, a wrong password and a user who is not active; emailUnconfirmed for the
 * right one; attemptsExceeded; busy
 */
export async function signIn(desk: Desk, attempts: Attempts, asked: SignIn): Promise<OpenedSession> {
  const { email, password, visitor } = asked;
  const limits = signInLimits(asked.tenantId, email, visitor.address);
  await attempts.count([limits.address, limits.account]);
  const [found] = await desk(ANYBODY, "read", [statement(FIND, email)]);
  const account = found?.[0] as Account | undefined;
  const phc = account?.password ?? null;
  const { matches, isStale } = await checkAgainst(password, phc, asked.tenantId);
  if (!matches || phc === null || account?.user.isActive !== true) {
    await noteRefusal(desk, account, asked);
    throw wrong();
  }
  const { user } = account;
  if (user.confirmedAt === null)
    throw new RowhouseError("emailUnconfirmed", {
      message: "Email not confirmed",
      hint: "Follow the link in the e-mail.",
    });
  const session = newSession(visitor, asked.purpose);
  const [opened] = await desk(asUser(user), "write", [
    statement(OPEN, ...sessionValues(session), user.id, phc),
    ...afterOpening(session, "password"),
    ...(typeof asked.replaces === "string" ? [statement(REPLACE, digestOf("cookie", asked.replaces))] : []),
    ...(isStale ? [statement(REHASH, user.id, await hashPassword(password, asked.tenantId), phc)] : []),
  ]);
  const now = opened?.[0] as User | undefined;
  if (now === undefined) throw wrong(); // changed at this very moment
  await attempts.forgive(limits.account, [limits.address]);
  return { user: now, sessionId: session.id, token: session.token };
}
