import { RowhouseError } from "../errors.ts";
import { setPassword } from "./account.ts";
import { ANYBODY, statement, type Desk } from "./desk.ts";
import { recordEvent } from "./event.ts";
import { dropLinks, type LinkKind } from "./links.ts";
import { digestOf } from "./opaque.ts";
import { hashPassword } from "./password.ts";
import { checkPassword } from "./password-policy.ts";
import { endSessions } from "./sessions.ts";
import { USER_JSON, type User } from "./user.ts";

/** Links after which a password is to be set. */
export type PasswordLinkKind = Extract<LinkKind, "invitation" | "recovery">;

export const asksPassword = (kind: LinkKind): kind is PasswordLinkKind => kind === "invitation" || kind === "recovery";

export interface PasswordLink {
  readonly token: string;
  readonly kind: PasswordLinkKind;
}

const OVER = "The link has expired or was used";
const GOOD = "l.hash = $1 and l.kind = $2 and l.used_at is null and l.expires_at > now()";
const READ = `select ${USER_JSON} from tenant.one_time_links l join tenant.users u on u.id = l.user_id
  where ${GOOD} and u.is_active and u.email = l.email`;
/** Who comes second finds the link used, once the first has committed: then nothing of what follows happens. */
const USE = `with l as (update tenant.one_time_links l set used_at = now() where ${GOOD} returning l.user_id, l.email),
  u as (update tenant.users u set email_confirmed_at = now() from l
    where u.id = l.user_id and u.is_active and u.email = l.email returning u.id)
  select to_json(case when exists (select from u) then true
    else platform.refuse('RH216', '${OVER}', '') end)`;

/**
 * Whose password a link sets. The link is as good as it was.
 * @throws RowhouseError linkInvalid
 */
export async function readPasswordLink(desk: Desk, { token, kind }: PasswordLink): Promise<User> {
  const [rows] = await desk(ANYBODY, "read", [statement(READ, digestOf("link", token), kind)]);
  const user = rows?.[0] as User | undefined;
  if (user !== undefined) return user;
  throw new RowhouseError("linkInvalid", {
    message: OVER,
    hint: "If you have set your password already, sign in. If not, ask for a new link.",
  });
}

/**
 * Follows a link and sets the password, all of it or nothing: a password that is refused leaves the link as it is. Opens no session, and
 * ends those that there are (ASVS 7.4.3), with every other link of the user's.
 * @throws RowhouseError linkInvalid, passwordWeak, limitReached; busy
 */
export async function setPasswordByLink(
  desk: Desk,
  tenantId: string,
  link: PasswordLink,
  password: string,
): Promise<void> {
  const { id, email, role } = await readPasswordLink(desk, link);
  const phc = await hashPassword(checkPassword(password, email), tenantId);
  await desk({ principal: id, role }, "write", [
    statement(USE, digestOf("link", link.token), link.kind),
    setPassword(id, phc),
    dropLinks(id),
    recordEvent("password.changed", { user: id, how: link.kind }),
    endSessions(id, null, "global"),
  ]);
}
