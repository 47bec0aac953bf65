import { splitQuery } from "../request/query-string.ts";

const SPARED = /[!'()*]/;
const SPARED_ALL = /[!'()*]/g;

/** Everything but RFC 3986's unreserved characters, which is what encodeURIComponent leaves and five more. */
function encode(text: string): string {
  const encoded = encodeURIComponent(text);
  if (!SPARED.test(encoded)) return encoded;
  return encoded.replaceAll(SPARED_ALL, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * The query string in the one form that all of the same meaning share: sorted by name, several values of one name joined by comma in
 * the order they were given.
 */
function canonicalQuery(query: string): string {
  let canonical = "";
  let last: string | undefined;
  // Sorting is stable: the values of one name stay as they were given.
  for (const [name, value] of splitQuery(query).toSorted(([a], [b]) => (a === b ? 0 : a < b ? -1 : 1))) {
    if (name === last) canonical += `,${encode(value)}`;
    else canonical += `${canonical === "" ? "" : "&"}${encode(name)}=${encode(value)}`;
    last = name;
  }
  return canonical;
}

/** One parameter of characters that no encoding changes: it stands in that form already. */
const CANONICAL = /^[\w.~-]+=[\w.~-]*$/;

/**
 * The `Content-Location` header of a read (RFC 9110 8.7).
 * @param query raw, without the question mark
 */
export function contentLocation(basePath: string, relation: string, query: string): string {
  const canonical = query === "" || CANONICAL.test(query) ? query : canonicalQuery(query);
  return `${basePath}/${encodeURIComponent(relation)}${canonical === "" ? "" : `?${canonical}`}`;
}
