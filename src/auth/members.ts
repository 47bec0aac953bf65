import { RowhouseError } from "../errors.ts";
import { statement, type Actor, type Desk } from "./desk.ts";
import { setPassword } from "./account.ts";
import { recordEvent } from "./event.ts";
import { dropLinks, newLink, sendLink, type LinkPlace } from "./links.ts";
import { hashPassword } from "./password.ts";
import { checkPassword } from "./password-policy.ts";
import type { Profile } from "./profile.ts";
import { endSessions } from "./sessions.ts";
import { USER_JSON, type User } from "./user.ts";

/** Who is to become a user. */
export interface NewMember {
  readonly email: string;
  readonly role: string;
  readonly profile: Profile;
}

const MAKE = `insert into tenant.users (email, name, role, custom) values ($1, $2, $3, $4::jsonb)
  on conflict (tenant_id, email) do update set role = excluded.role where users.email_confirmed_at is null and users.role <> 'owner'`;
const READ = `select ${USER_JSON} from tenant.users u where u.email = $1`;

/** What only owner and admin may do, and only an owner with an owner: by the role that the principal has now, not by the token's. */
const REQUIRE_ADMIN = `select to_json(case
    when platform.current_membership_role() = 'owner' then true
    when platform.current_membership_role() <> 'admin'
      then platform.refuse('RH206', format('The role %s may not invite users', platform.current_membership_role()), 'Missing permission: insert on tenant.users')
    when $1 = 'owner' then platform.refuse('RH206', 'The role admin may not make owners', '') else true end)`;
const REFUSE_TAKEN = `select to_json(platform.refuse('RH218', 'A user with this email address has already been registered', ''))
  from tenant.users u where u.email = $1 and (u.email_confirmed_at is not null or not u.is_active)`;

const makeMember = ({ email, role, profile }: NewMember) =>
  statement(MAKE, email, profile.name ?? null, role, JSON.stringify(profile.custom));

/**
 * Makes a user, who sets a password by the link that is sent. Somebody who was invited and has not come yet is sent a new one.
 * @throws RowhouseError emailTaken, limitReached, roleUnknown; permissionDenied for who is neither owner nor admin
 */
export async function inviteMember(desk: Desk, actor: Actor, member: NewMember, place: LinkPlace): Promise<User> {
  const link = newLink("invitation", member.email, place);
  const results = await desk(actor, "write", [
    statement(REQUIRE_ADMIN, member.role),
    statement(REFUSE_TAKEN, member.email),
    makeMember(member),
    ...sendLink(link, place, "u.email = $1", member.email),
    recordEvent("user.invited", { email: member.email }),
    statement(READ, member.email),
  ]);
  return results.at(-1)![0] as User;
}

/**
 * Makes a user whose address its maker vouches for.
 * @param password null for one who gets a link by `recover`
 * @throws RowhouseError emailTaken, limitReached, roleUnknown, passwordWeak
 */
export async function addMember(desk: Desk, actor: Actor, member: NewMember, password: string | null): Promise<User> {
  const phc = password === null ? null : await hashPassword(checkPassword(password, member.email));
  const results = await desk(actor, "write", [
    statement(
      "select to_json(platform.refuse('RH218', 'A user of this e-mail address exists', '')) from tenant.users where email = $1",
      member.email,
    ),
    makeMember(member),
    statement("update tenant.users set email_confirmed_at = now() where email = $1", member.email),
    ...(phc === null
      ? []
      : [
          statement(
            "insert into tenant.credentials (user_id, password) select u.id, $2 from tenant.users u where u.email = $1",
            member.email,
            phc,
          ),
        ]),
    statement(READ, member.email),
  ]);
  return results.at(-1)![0] as User;
}

/** All users, by address. */
export async function listMembers(desk: Desk, actor: Actor): Promise<User[]> {
  const [rows] = await desk(actor, "read", [statement(`select ${USER_JSON} from tenant.users u order by u.email`)]);
  return rows as User[];
}

/** @throws RowhouseError userUnknown */
async function findMember(desk: Desk, actor: Actor, email: string): Promise<User> {
  const [rows] = await desk(actor, "read", [statement(READ, email)]);
  const user = rows?.[0] as User | undefined;
  if (user !== undefined) return user;
  throw new RowhouseError("userUnknown", {
    message: `There is no user ${email}`,
    hint: "`rowhouse user list` shows them.",
  });
}

export interface MemberChange {
  readonly role?: string;
  readonly isActive?: boolean;
  readonly password?: string;
}

/**
 * What counts at the user's next request, whatever tokens they carry. Who is deactivated, or whose password is set, is signed out.
 * @throws RowhouseError userUnknown, roleUnknown, limitReached, passwordWeak
 */
export async function changeMember(desk: Desk, actor: Actor, email: string, change: MemberChange): Promise<User> {
  const { id } = await findMember(desk, actor, email);
  const { role = null, isActive = null, password } = change;
  const phc = password === undefined ? null : await hashPassword(checkPassword(password, email));
  const isOut = phc !== null || isActive === false;
  const results = await desk(actor, "write", [
    statement(
      "update tenant.users set role = coalesce($2, role), is_active = coalesce($3::boolean, is_active) where id = $1::uuid",
      id,
      role,
      isActive === null ? null : String(isActive),
    ),
    ...(phc === null
      ? []
      : [
          setPassword(id, phc),
          statement(
            "update tenant.users set email_confirmed_at = coalesce(email_confirmed_at, now()) where id = $1::uuid",
            id,
          ),
          recordEvent("password.changed", { user: id }),
        ]),
    ...(isOut ? [endSessions(id, null, "global"), dropLinks(id)] : []),
    statement(READ, email),
  ]);
  return results.at(-1)![0] as User;
}
