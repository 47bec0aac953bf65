import type { Statement } from "../db/statement.ts";
import { RowhouseError } from "../errors.ts";
import { ANYBODY, statement, type Desk } from "./desk.ts";
import { writeLinkMail } from "./mails.ts";
import { digestOf, newToken, type OpaqueToken, type Purpose } from "./opaque.ts";
import { postLink } from "./outbox.ts";
import {
  afterOpening,
  newSession,
  SESSION_PARTS,
  sessionValues,
  type OpenedSession,
  type Visitor,
} from "./sessions.ts";
import { USER_JSON, type User } from "./user.ts";

/** What a one-time link proves: that who follows it reads the mail of an address. */
export type LinkKind = "recovery" | "invitation" | "confirmation" | "email_change";

/** supabase's word of each, in links and in `verifyOtp`. */
export const LINK_TYPES: Readonly<Record<string, LinkKind>> = {
  recovery: "recovery",
  invite: "invitation",
  signup: "confirmation",
  email: "confirmation",
  email_change: "email_change",
};
const linkType = (kind: LinkKind): string => Object.keys(LINK_TYPES).find((type) => LINK_TYPES[type] === kind)!;

const LIVES: Readonly<Record<LinkKind, string>> = {
  recovery: "1 hour",
  invitation: "7 days",
  confirmation: "1 day",
  email_change: "1 hour",
};

/** Where links of a tenant lead, and how it is called in mails. */
export interface LinkPlace {
  readonly tenantName: string;
  /** Its origin, as `https://acme.example.com`. */
  readonly origin: string;
  /** Where the front end wants to go on; null for the tenant's home page. */
  readonly redirectTo: string | null;
}

/** A link that is about to be written. */
export interface NewLink extends OpaqueToken {
  readonly kind: LinkKind;
  /** The address that it proves. */
  readonly email: string;
  readonly url: string;
}

/** Not written anywhere yet: {@link sendLink} does that. @param email the address that it proves */
export function newLink(kind: LinkKind, email: string, { origin, redirectTo }: LinkPlace): NewLink {
  const made = newToken("link");
  const url = new URL("/auth/v1/verify", origin);
  url.searchParams.set("token", made.token);
  url.searchParams.set("type", linkType(kind));
  if (redirectTo !== null) url.searchParams.set("redirect_to", redirectTo);
  return { kind, email, url: url.href, ...made };
}

/**
 * Writes a link for a user, if there is one, in the place of those of its kind that were not used, and the mail that brings it.
 * @param whose SQL of a query of `u`, rows of tenant.users; `$1` is `who`
 */
export function sendLink(link: NewLink, place: LinkPlace, whose: string, who: string): Statement[] {
  const { kind, email, digest } = link;
  return [
    statement(
      `delete from tenant.one_time_links l using tenant.users u
       where l.user_id = u.id and l.kind = $2 and l.used_at is null and ${whose}`,
      who,
      kind,
    ),
    statement(
      `insert into tenant.one_time_links (hash, kind, user_id, email, expires_at)
       select $2, $3, u.id, $4, now() + $5::interval from tenant.users u where ${whose}`,
      who,
      digest,
      kind,
      email,
      LIVES[kind],
    ),
    postLink(writeLinkMail(kind, email, place.tenantName, link.url), digest),
  ];
}

/** A link is as good as its address still is the user's; of an e-mail change it is the one to come. */
const FOLLOW = `with l as (
    update tenant.one_time_links l set used_at = now()
    where l.hash = $5 and l.kind = $6 and l.used_at is null and l.expires_at > now() returning l.user_id, l.kind, l.email),
  u as (
    update tenant.users u set last_sign_in_at = now(), email = l.email, email_confirmed_at = now() from l
    where u.id = l.user_id and u.is_active and (u.email = l.email or l.kind = 'email_change') returning u.*),
  -- Whoever signed up under the address before it was proved knows that password: it opens nothing once its owner comes in otherwise.
  dropped as (
    delete from tenant.credentials c using tenant.users was, u
    where c.user_id = u.id and was.id = u.id and was.email_confirmed_at is null and $6 in ('invitation', 'recovery')),
  ${SESSION_PARTS}
  select ${USER_JSON} from u join carried on true`;

/**
 * Follows a one-time link: the address is proved, the link is used up, and a session is open.
 * @throws RowhouseError linkInvalid, whatever is wrong with it; emailTaken when another user has the new address by now
 */
export async function followLink(
  desk: Desk,
  asked: { readonly token: string; readonly kind: LinkKind; readonly visitor: Visitor; readonly purpose?: Purpose },
): Promise<OpenedSession> {
  const { token, kind, visitor } = asked;
  const session = newSession(visitor, asked.purpose);
  const [opened] = await desk(ANYBODY, "write", [
    statement(FOLLOW, ...sessionValues(session), digestOf("link", token), kind),
    ...afterOpening(session, kind),
  ]);
  const user = opened?.[0] as User | undefined;
  if (user !== undefined) return { user, sessionId: session.id, token: session.token };
  throw new RowhouseError("linkInvalid", {
    message: "Email link is invalid or has expired",
    hint: "Ask for a new one.",
  });
}

/** Ends all links of a user that wait: those to another address, too, which somebody who had the session may have asked for. */
export const dropLinks = (userId: string): Statement =>
  statement("delete from tenant.one_time_links where user_id = $1::uuid and used_at is null", userId);

/** Sends a link to set a new password, if there is such a user. Who asks learns nothing of it. */
export async function recover(desk: Desk, email: string, place: LinkPlace): Promise<void> {
  const link = newLink("recovery", email, place);
  await desk(ANYBODY, "write", sendLink(link, place, "u.email = $1 and u.is_active", email));
}

/** Sends the link of a sign-up once more, if the address was not confirmed yet. */
export async function resendConfirmation(desk: Desk, email: string, place: LinkPlace): Promise<void> {
  const link = newLink("confirmation", email, place);
  await desk(
    ANYBODY,
    "write",
    sendLink(link, place, "u.email = $1 and u.is_active and u.email_confirmed_at is null", email),
  );
}
