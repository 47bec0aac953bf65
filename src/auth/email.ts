import { RowhouseError } from "../errors.ts";

/** What has a meaning in a list of addresses stands in none: one account per mailbox, and one mailbox per mail (RFC 5322 3.2.3). */
const ADDRESS = /^[^@\s\p{C}()<>[\]:;,\\"]{1,64}@[^@\s\p{C}()<>[\]:;,\\"]+$/u;

/** As {@link readEmail}, with null for what is none. */
export function parseEmail(given: unknown): string | null {
  const text = typeof given === "string" ? given.trim().toLowerCase() : "";
  return text.length <= 254 && ADDRESS.test(text) ? text : null;
}

/**
 * An e-mail address as it is kept: lower case, so that two ways to write it are one account. Whether it exists only a mail can tell.
 * @throws RowhouseError bodyInvalid
 */
export function readEmail(given: unknown): string {
  const email = parseEmail(given);
  if (email !== null) return email;
  throw new RowhouseError("bodyInvalid", { message: "Unable to validate email address: invalid format" });
}
