import { RowhouseError } from "../errors.ts";

/** A label of DNS (RFC 1035 2.3.1), starting with a letter, and not one that looks like punycode (RFC 5890). */
const SLUG = /^[a-z](?:[a-z0-9]|-(?!-)){0,61}[a-z0-9]$/;

/** Labels that a deployment, a browser or a mail system gives a meaning of their own. */
const RESERVED = new Set(
  `admin administrator api app apps assets auth autoconfig autodiscover billing blog cdn console dashboard dev docs
  ftp git help host hostmaster imap internal localhost login mail metrics mx ns ns1 ns2 ops platform pop postmaster
  public root rowhouse secure security smtp staging static status support system tenant test webmaster wpad www`.split(
    /\s+/,
  ),
);

/**
 * @returns the slug as given
 * @throws RowhouseError slugMalformed, slugReserved
 */
export function checkSlug(slug: string): string {
  if (!SLUG.test(slug)) {
    throw new RowhouseError("slugMalformed", {
      message: `Not a slug: ${JSON.stringify(slug)}`,
      hint: "2 to 63 lower-case letters, digits and single hyphens, starting with a letter: it becomes a host name.",
    });
  }
  if (RESERVED.has(slug)) {
    throw new RowhouseError("slugReserved", { message: `The slug ${slug} is reserved`, hint: "Choose another one." });
  }
  return slug;
}
