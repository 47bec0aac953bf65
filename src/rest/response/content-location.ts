import { splitQuery } from "../request/query-string.ts";

/** Everything but RFC 3986's unreserved characters, which is what encodeURIComponent leaves and four more. */
const encode = (text: string) =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * The query string in the one form that all of the same meaning share: sorted by name, several values of one name joined by comma in
 * the order they were given.
 */
function canonicalQuery(query: string): string {
  const byName = new Map<string, string[]>();
  for (const [name, value] of splitQuery(query)) {
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [value]);
    else values.push(value);
  }
  const names = [...byName.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  return names.map((name) => `${encode(name)}=${byName.get(name)!.map(encode).join(",")}`).join("&");
}

/**
 * The `Content-Location` header of a read (RFC 9110 8.7).
 * @param query raw, without the question mark
 */
export function contentLocation(basePath: string, relation: string, query: string): string {
  const canonical = query === "" ? "" : canonicalQuery(query);
  return `${basePath}/${encodeURIComponent(relation)}${canonical === "" ? "" : `?${canonical}`}`;
}
