import type { Catalog, Column, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import type { ApiRequest } from "../request/request.ts";
import { findColumn, findWritten } from "./names.ts";
import { resolveRead, type TargetLimits } from "./resolve.ts";
import type { Conflict, WriteTarget } from "./target.ts";

/** Without `on_conflict` rows conflict in their primary key; without that either there is nothing to resolve. */
function resolveConflict({ query, preferences }: ApiRequest, relation: Relation): Conflict | null {
  const columns = (query.onConflict ?? relation.primaryKey).map((name) => findColumn(relation, name));
  if (preferences.resolution === null || columns.length === 0) return null;
  return { columns, isMerge: preferences.resolution === "merge-duplicates" };
}

/** PostgreSQL looks whether a view can be written before it looks at rights, and calls that a fault of the server. */
function checkVerb(relation: Relation, verb: WriteTarget["verb"]): void {
  if (relation.kind === "table" || relation.verbs.has(verb)) return;
  throw new RowhouseError("methodUnsupported", { message: `The view '${relation.name}' does not take ${verb}` });
}

/**
 * Request to target, for one that writes. Filters of an insert are left aside: there is nothing yet that they could pick.
 * @throws RowhouseError as {@link resolveRead}; methodUnsupported for a view that is only read; columnUnknown for a name in the body or in `columns`
 */
export function resolveWrite(request: ApiRequest, catalog: Catalog, limits: TargetLimits): WriteTarget {
  const { verb, payload, preferences } = request;
  if (verb === "read") throw new RowhouseError("internal", { message: "A read has nothing to write" });
  const read = resolveRead(request, catalog, limits);
  checkVerb(read.relation, verb);
  const columns: Column[] = (payload?.keys ?? []).map((name) => findWritten(read.relation, name));
  return {
    verb,
    read,
    columns,
    json: payload?.json ?? null,
    usesDefaults: preferences.missing === "default" && request.query.columns !== null,
    conflict: verb === "insert" ? resolveConflict(request, read.relation) : null,
  };
}
