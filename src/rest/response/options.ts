import type { Relation } from "../../catalog/catalog.ts";
import type { RestAnswer } from "./response.ts";

/** What `OPTIONS` answers. */
export function respondAllow(methods: readonly string[]): RestAnswer {
  return { status: 200, headers: { allow: methods.join(",") }, body: null };
}

/** The methods that a relation takes, by its kind and by what the API role may do with it. PUT names a row by its key. */
export function respondOptions({ verbs, primaryKey }: Relation): RestAnswer {
  const methods = ["OPTIONS", "GET", "HEAD"];
  if (verbs.has("insert")) methods.push("POST");
  if (verbs.has("insert") && verbs.has("update") && primaryKey.length > 0) methods.push("PUT");
  if (verbs.has("update")) methods.push("PATCH");
  if (verbs.has("delete")) methods.push("DELETE");
  return respondAllow(methods);
}
