import type { Statement } from "../db/statement.ts";
import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { statement, type Actor, type Desk } from "./desk.ts";
import { parseEmail } from "./email.ts";
import { userGrant, type Identity, type Principal } from "./principal.ts";

/** Finds the users whom tenants' issuers name. */
export interface Identities {
  /**
   * The principal as the tenant's user, whose role and whether they are active the database looks up in every transaction. Somebody who comes
   * for the first time is linked to the user of the same address, or becomes one, as the issuer's registration says.
   * @throws RowhouseError identityUnknown, limitReached
   */
  find(desk: Desk, principal: Principal): Promise<Principal>;
}

/** As which user somebody is known, for at most this long: a link that is taken away counts for no longer. */
const KNOWN_MS = 30_000;

const ACTOR: Actor = { principal: "platform:identities", role: "service" };

/** Whoever is asked for at the same moment by several requests is looked up once. */
interface Known {
  readonly found: Promise<Principal>;
  readonly until: number;
}

interface Found {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  /** Whether this token, or a younger one, was seen before. */
  readonly isSeen: boolean;
}

const OWN = "i.issuer = $1 and i.subject = $2";
const FIND = `select jsonb_build_object('id', u.id, 'email', u.email, 'role', u.role,
    'isSeen', coalesce(i.last_sign_in_at >= to_timestamp($3::double precision), false))
  from tenant.identities i join tenant.users u on u.id = i.user_id where ${OWN}`;

/** Once for each token: what a sign-in is when somebody else does it. */
const NOTE = `with seen as (
    update tenant.identities i set last_sign_in_at = to_timestamp($3::double precision)
    where ${OWN} and (i.last_sign_in_at is null or i.last_sign_in_at < to_timestamp($3::double precision)) returning i.user_id),
  noted as (update tenant.users u set last_sign_in_at = now() from seen where u.id = seen.user_id)
  select to_json(platform.record_event('identity.signed_in', jsonb_build_object('user', seen.user_id, 'issuer', $1::text, 'subject', $2::text))::text)
  from seen`;

const LINKABLE = "u.email = $1 and u.is_active and (u.role <> 'owner' or $2::boolean)";
const MAKE = `insert into tenant.users (email, name, role, email_confirmed_at) select $1, $2, $3, now()
  where not exists (select from tenant.users u where u.email = $1) on conflict (tenant_id, email) do nothing`;
/** Who signed up by somebody else's address has set a password, and must not keep a way in when the address's owner comes. */
const DISOWN = `delete from tenant.credentials c using tenant.users u
  where c.user_id = u.id and ${LINKABLE} and u.email_confirmed_at is null`;
const LINK = `insert into tenant.identities (user_id, issuer, subject, email) select u.id, $3, $4, $1 from tenant.users u where ${LINKABLE}
  on conflict do nothing`;
const CONFIRM = `update tenant.users u set email_confirmed_at = now()
  where u.email = $1 and u.email_confirmed_at is null
    and exists (select from tenant.identities i where i.user_id = u.id and i.issuer = $2 and i.subject = $3)`;

function linkStatements({ issuer, subject, name, mayCreate, mayBeOwner, defaultRole }: Identity, email: string) {
  const owner = String(mayBeOwner);
  return [
    ...(mayCreate ? [statement(MAKE, email, name, defaultRole)] : []),
    statement(DISOWN, email, owner),
    statement(LINK, email, owner, issuer, subject),
    statement(CONFIRM, email, issuer, subject),
  ];
}

function unknown({ email }: Identity): RowhouseError {
  const hint =
    email === null
      ? "The issuer says of no e-mail address that it verified it. An operator can link the user: `rowhouse issuer link`."
      : "An administrator of the tenant can invite that address.";
  return new RowhouseError("identityUnknown", { hint });
}

async function findUser(desk: Desk, identity: Identity): Promise<Found> {
  const { issuer, subject, issuedAt } = identity;
  const find = statement(FIND, issuer, subject, String(issuedAt));
  const note = statement(NOTE, issuer, subject, String(issuedAt));
  const write = async (statements: readonly Statement[]) =>
    (await desk(ACTOR, "write", [...statements, note, find])).at(-1)![0] as Found | undefined;

  const [rows] = await desk(ACTOR, "read", [find]);
  const known = rows?.[0] as Found | undefined;
  if (known?.isSeen === true) return known;
  const email = parseEmail(identity.email);
  if (known === undefined && email === null) throw unknown(identity);
  const found = await write(known === undefined ? linkStatements(identity, email!) : []);
  if (found === undefined) throw unknown(identity);
  return found;
}

function asUser(principal: Principal, { id, email, role }: Found): Principal {
  const { identity: _, ...rest } = principal;
  const claims = Object.freeze({ ...principal.claims, sub: id, role, email });
  return Object.freeze<Principal>({ ...rest, id, role, grant: userGrant(id), claims });
}

/** Remembers whom it found in this process, by the verified token that named them. */
export function openIdentities(): Identities {
  /** A principal is kept for as long as its verified token is. */
  const known = new WeakMap<Principal, Known>();
  return {
    find: async (desk, principal) => {
      const { identity } = principal;
      if (identity === undefined) return principal;
      const hit = known.get(principal);
      if (hit !== undefined && hit.until > Date.now()) return hit.found;
      const found = findUser(desk, identity).then((user) => asUser(principal, user));
      known.set(principal, { found, until: Date.now() + KNOWN_MS });
      // What is refused now may be allowed the next time.
      found.catch(() => known.delete(principal));
      return found;
    },
  };
}

/** Who has the subject already is left as they are, and nothing is noted. */
const LINK_BY_HAND = `with linked as (
    insert into tenant.identities as i (user_id, issuer, subject) select u.id, $2, $3 from tenant.users u where u.email = $1
    on conflict (tenant_id, issuer, user_id) do update set subject = excluded.subject where i.subject <> excluded.subject returning i.user_id)
  select to_json(platform.record_event('identity.linked', jsonb_build_object('email', $1::text, 'issuer', $2::text, 'subject', $3::text))::text)
  from linked`;

/**
 * Links a user by hand, whatever addresses say: for providers that verify none.
 * @throws RowhouseError userUnknown, identityTaken when it is another's already
 */
export async function linkIdentity(
  desk: Desk,
  actor: Actor,
  email: string,
  { issuer, subject }: Pick<Identity, "issuer" | "subject">,
): Promise<{ user: string; issuer: string; subject: string }> {
  const [, rows] = await desk(actor, "write", [
    statement(LINK_BY_HAND, email, issuer, subject),
    statement("select to_json(u.id) from tenant.users u where u.email = $1", email),
  ]).catch((error: unknown) => {
    // 23505: identities (tenant_id, issuer, subject)
    throw isDatabaseError(error) && error.code === "23505"
      ? new RowhouseError("identityTaken", { message: `${subject} of ${issuer} is another user`, cause: error })
      : error;
  });
  const user = rows?.[0] as string | undefined;
  if (user === undefined) throw new RowhouseError("userUnknown", { message: `There is no user ${email}` });
  return { user, issuer, subject };
}
