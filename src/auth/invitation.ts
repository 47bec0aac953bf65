import type { Statement } from "../db/statement.ts";
import { statement } from "./desk.ts";
import { recordEvent } from "./event.ts";
import { newLink, sendLink, type LinkPlace } from "./links.ts";

/** Who is to be the first user of a tenant. */
export interface Invited {
  /** As `readEmail` gives it. */
  readonly email: string;
  readonly role: string;
  readonly name: string | null;
}

/**
 * What invites somebody, to be run in the tenant's context in the transaction that makes the tenant: the user, a link that sets a
 * password, and the mail that brings it.
 */
export function invitation({ email, role, name }: Invited, place: LinkPlace): Statement[] {
  const link = newLink("invitation", email, place);
  return [
    statement("insert into tenant.users (email, name, role) values ($1, $2, $3)", email, name, role),
    ...sendLink(link, place, "u.email = $1", email),
    recordEvent("user.invited", { email }),
  ];
}
