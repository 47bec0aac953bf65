import type { Statement } from "../db/statement.ts";
import { RowhouseError } from "../errors.ts";
import { statement, type Desk } from "./desk.ts";
import { recordEvent } from "./event.ts";
import { dropLinks, newLink, sendLink, type LinkPlace } from "./links.ts";
import { writeChangeNotice } from "./mails.ts";
import { postNotice } from "./outbox.ts";
import { checkAgainst, hashPassword } from "./password.ts";
import { checkPassword } from "./password-policy.ts";
import { asActor, type Principal } from "./principal.ts";
import type { Profile } from "./profile.ts";
import { endSessions } from "./sessions.ts";
import { USER_JSON, type User } from "./user.ts";

const OWN = `select ${USER_JSON} from tenant.users u where u.id::text = platform.current_principal()`;

/** @throws RowhouseError userUnknown for a principal that is no user, as an API key; sessionEnded, userInactive */
export async function readAccount(desk: Desk, principal: Principal): Promise<User> {
  const [rows] = await desk(asActor(principal), "read", [statement(OWN)]);
  return userOf(rows);
}

function userOf(rows: unknown[] | undefined): User {
  const user = rows?.[0] as User | undefined;
  if (user !== undefined) return user;
  throw new RowhouseError("userUnknown", { message: "User from sub claim in JWT does not exist" });
}

/** @throws RowhouseError sessionEnded: what follows is for who signed in, not for a token that somebody made */
export function sessionOf({ claims, grant }: Principal): string {
  const id = claims["session_id"];
  if (grant?.startsWith("s") === true && typeof id === "string") return id;
  throw new RowhouseError("sessionEnded", {
    message: "The token is of no sign-in",
    hint: "Sign in with a password or a link.",
  });
}

export interface AccountChange {
  readonly password?: string;
  /** When given, it must be the one that there is. */
  readonly currentPassword?: string;
  readonly email?: string;
  readonly profile?: Profile;
}

export interface ChangedAccount {
  readonly user: User;
  /** An address that waits for its confirmation. */
  readonly newEmail: string | null;
}

async function checkCurrent(desk: Desk, principal: Principal, password: string): Promise<void> {
  const [rows] = await desk(asActor(principal), "read", [
    statement(
      "select to_json(c.password) from tenant.credentials c where c.user_id::text = platform.current_principal()",
    ),
  ]);
  const { matches } = await checkAgainst(password, (rows?.[0] as string | undefined) ?? null, principal.tenantId);
  if (!matches) throw new RowhouseError("credentialsWrong", { message: "Current password is wrong" });
}

/** A new password ends what was signed in by the old one (ASVS 7.4.3), and links that would lead in without it. */
async function passwordStatements(
  user: User,
  { tenantId }: Principal,
  sessionId: string,
  password: string,
): Promise<Statement[]> {
  return [
    setPassword(user.id, await hashPassword(checkPassword(password, user.email), tenantId)),
    dropLinks(user.id),
    recordEvent("password.changed", { user: user.id }),
    endSessions(user.id, sessionId, "others"),
  ];
}

/** Nothing for a user that there is not. @param userId uuid @param phc as `hashPassword` gives it */
export function setPassword(userId: string, phc: string): Statement {
  return statement(
    `insert into tenant.credentials (user_id, password) select u.id, $2 from tenant.users u where u.id = $1::uuid
     on conflict (tenant_id, user_id) do update set password = excluded.password, updated_at = now()`,
    userId,
    phc,
  );
}

function profileStatement(user: User, { name, custom }: Profile): Statement {
  return statement(
    `update tenant.users set custom = (custom || $2::jsonb) - (select coalesce(array_agg(e.key), '{}') from jsonb_each($2::jsonb) e where e.value = 'null'), name = case when $3::boolean then $4 else name end
     where id = $1::uuid`,
    user.id,
    JSON.stringify(custom),
    String(name !== undefined),
    name ?? null,
  );
}

/**
 * Changes the account of who signed in. A new address counts once its link is followed; the old one is told of it.
 * @throws RowhouseError sessionEnded, userInactive, passwordWeak, credentialsWrong for the current password
 */
export async function changeAccount(
  desk: Desk,
  principal: Principal,
  { password, currentPassword, email, profile }: AccountChange,
  place: LinkPlace,
): Promise<ChangedAccount> {
  const sessionId = sessionOf(principal);
  const user = await readAccount(desk, principal);
  if (currentPassword !== undefined) await checkCurrent(desk, principal, currentPassword);
  const newEmail = email !== undefined && email !== user.email ? email : null;
  const link = newEmail === null ? null : newLink("email_change", newEmail, place);
  const results = await desk(asActor(principal), "write", [
    ...(password === undefined ? [] : await passwordStatements(user, principal, sessionId, password)),
    ...(profile === undefined ? [] : [profileStatement(user, profile)]),
    ...(link === null
      ? []
      : [
          ...sendLink(link, place, "u.id = $1::uuid", user.id),
          postNotice(writeChangeNotice(user.email, link.email, place.tenantName), link.digest),
        ]),
    statement(OWN),
  ]);
  return { user: userOf(results.at(-1)), newEmail };
}
