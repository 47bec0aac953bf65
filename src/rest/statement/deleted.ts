import type { Statement } from "../../db/statement.ts";

/** Refuses a request for deleted rows (RH127) unless the role that the context has by now may see them; see `policies/access.sql`. */
export function renderDeleted(deleted: string): Statement {
  return { name: "rowhouse_deleted", text: "select platform.require_deleted($1)", values: [deleted] };
}
