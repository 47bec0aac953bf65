import type { Catalog, Column, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import type { QueryParts } from "../request/query.ts";
import { ALL_ROWS } from "../request/range.ts";
import type { ApiRequest } from "../request/request.ts";
import type { SelectItem } from "../request/select.ts";
import { hintColumns } from "./column-hint.ts";
import { isHere } from "./level.ts";
import { findRelation, findWritten, MissingName, refuseTenantId } from "./names.ts";
import { nameTheRow, resolvePrecondition, type Precondition } from "./precondition.ts";
import { resolveRows, type TargetContext } from "./resolve.ts";
import { checkDeleted, hasSoftDelete, type DeletedRows } from "./soft-delete.ts";
import type { RootTarget } from "./target.ts";
import type { Conflict, WriteTarget } from "./write-target.ts";

/** A column that rows conflict in. PostgreSQL would refuse an unknown one in these words. */
function findKeyColumn(relation: Relation, name: string): Column {
  const column = relation.columns.get(name);
  if (column !== undefined) return column;
  refuseTenantId(name);
  throw new MissingName("42703", `column "${name}" does not exist`, hintColumns(relation, name, relation.name));
}

/** Without `on_conflict` rows conflict in their primary key; without that either there is nothing to resolve. */
function resolveConflict(
  { isPut, query, preferences }: ApiRequest,
  relation: Relation,
  precondition: Precondition | null,
): Conflict | null {
  if (precondition?.kind === "absent" && relation.primaryKey.length > 0)
    return { columns: relation.primaryKey.map((name) => findKeyColumn(relation, name)), isMerge: false };
  const resolution = isPut ? "merge-duplicates" : preferences.resolution;
  if (resolution === null) return null;
  const names = (isPut ? null : query.onConflict) ?? relation.primaryKey;
  if (names.length === 0) return null;
  return { columns: names.map((name) => findKeyColumn(relation, name)), isMerge: resolution === "merge-duplicates" };
}

/** PostgreSQL looks whether a view can be written before it looks at rights, and calls that a fault of the server. */
function checkVerb(relation: Relation, verb: WriteTarget["verb"]): void {
  if (relation.kind === "table" || relation.verbs.has(verb)) return;
  throw new RowhouseError("methodUnsupported", { message: `The view '${relation.name}' does not take ${verb}` });
}

/** The embeds of a select and nothing else: what is looked for even when nothing is shown. */
function embedsOnly(items: readonly SelectItem[]): SelectItem[] {
  return items.flatMap((item) => (item.kind === "embed" ? [{ ...item, items: embedsOnly(item.items) }] : []));
}

/**
 * The parts of the query that say what the answer of a write shows. Limits count for reads alone, at every level; what is not shown is
 * not asked for.
 */
function shownParts({ query, preferences }: ApiRequest): QueryParts {
  const parts = { ...query, ranges: new Map() };
  if (preferences.return === "representation") return parts;
  return { ...parts, select: embedsOnly(query.select), orders: [] };
}

/** Which rows of a table with soft delete the filters pick. An insert makes rows, and a delete is of those that are there. */
function changedRows({ verb, query }: ApiRequest): DeletedRows {
  if (verb === "insert") return "include";
  return verb === "delete" ? "hide" : (query.deleted ?? "hide");
}

/** @throws RowhouseError deletedUnknown */
function checkChanged({ verb, query }: ApiRequest, relation: Relation, context: TargetContext): void {
  if (verb === "delete" && query.deleted !== null) {
    throw new RowhouseError("deletedUnknown", {
      message: "A DELETE is of rows that are not deleted yet",
      hint: "`rowhouse purge` removes deleted rows for good.",
    });
  }
  checkDeleted(relation, query.deleted, context);
}

/** A right to update is no right to delete, so without the latter PostgreSQL gets to refuse. */
function keepsDeleted(relation: Relation, verb: WriteTarget["verb"], { settings }: TargetContext): boolean {
  if (!settings.softDelete || !hasSoftDelete(relation)) return false;
  return verb === "insert" || (verb === "delete" && relation.verbs.has("delete"));
}

/** Filters of an insert are left aside, but for those below the root: there is nothing yet that they could pick. */
function resolveShown(request: ApiRequest, relation: Relation, catalog: Catalog, context: TargetContext): RootTarget {
  const { filters } = request.query;
  const below = filters.filter((filter) => !isHere(filter));
  const shown = shownParts(request);
  const resolve = (some: QueryParts["filters"]) =>
    resolveRows(
      relation,
      catalog,
      { query: { ...shown, filters: some }, range: ALL_ROWS },
      context,
      changedRows(request),
    );
  if (!request.isPut) return resolve(request.verb === "insert" ? below : filters);
  if (nameTheRow(filters, relation)) return resolve(filters);
  // Whatever else is wrong with the request is said first.
  resolve(below);
  throw new RowhouseError("putFiltersInvalid", {
    message: "Filters must include all and only primary key columns with 'eq' operators",
  });
}

function refuseOtherKey(): never {
  throw new RowhouseError("putKeyDiffers", {
    message: "Payload values do not match URL in primary key column(s)",
  });
}

/**
 * Request to target, for one that writes. What is wrong is said in PostgREST's order: table, select and embeds, filters of a PUT, columns.
 * @throws RowhouseError as {@link resolveRows}; methodUnsupported for a view that is only read; putFiltersInvalid, putKeyDiffers;
 * columnUnknown for a name in the body, in `columns` or in `on_conflict`; preconditionInvalid, deletedUnknown
 */
export function resolveWrite(request: ApiRequest, catalog: Catalog, context: TargetContext): WriteTarget {
  const { verb, payload, preferences, isPut } = request;
  if (verb === "read") throw new RowhouseError("internal", { message: "A read has nothing to write" });
  const relation = findRelation(catalog, request.relation);
  checkChanged(request, relation, context);
  const read = resolveShown(request, relation, catalog, context);
  checkVerb(relation, verb);
  const keys = payload?.keys ?? [];
  const columns = keys.map((name) => findWritten(relation, name));
  if (isPut && !relation.primaryKey.every((name) => keys.includes(name))) refuseOtherKey();
  const precondition = resolvePrecondition(request, relation);
  return {
    // What is replaced only when it is there is an update, which looks again at a row that another has just changed.
    verb: precondition?.kind === "match" && isPut ? "update" : verb,
    read,
    isPut,
    columns,
    json: payload?.json ?? null,
    usesDefaults: preferences.missing === "default" && payload?.isChosen === true,
    conflict: verb === "insert" ? resolveConflict(request, relation, precondition) : null,
    precondition,
    keepsDeleted: keepsDeleted(relation, verb, context),
    rowCount: payload?.rowCount ?? 0,
  };
}
