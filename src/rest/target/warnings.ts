import type { RootTarget } from "./target.ts";

/**
 * Value of the `Warning` header (RFC 9111, 5.5) that PostgREST 16 sends with an answer whose request calls an embed with an alias by its
 * relation's name; undefined when there is nothing to say.
 */
export function warningHeader({ legacyNames }: RootTarget): string | undefined {
  if (legacyNames.length === 0) return undefined;
  const changes = legacyNames.map(({ relation, alias }) => `\`${relation}\` to \`${alias}\``).join(", ");
  const text =
    "Embedded resource was referenced by relation name even though it has an alias. " +
    `This is deprecated and will stop working in a future release. Update ${changes} in query string filters, orders or limits.`;
  // A header is printable ASCII, and a quote would end the text.
  return `299 PostgRESTv16.0 "${text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "?")}"`;
}
