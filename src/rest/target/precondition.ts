import type { Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import { strongRows } from "../request/conditional.ts";
import type { Filter } from "../request/filter.ts";
import type { Logic } from "../request/logic.ts";
import { OPERATORS } from "../request/operators.ts";
import type { Placed } from "../request/query.ts";
import type { ApiRequest } from "../request/request.ts";

/** What has to hold of the rows before a write, decided by the statement that writes (RFC 9110, 13.1). */
export type Precondition =
  /** If-Match: the row is there, and of one of these digests; `*` for any. */
  | { readonly kind: "match"; readonly rows: "*" | readonly string[] }
  /** If-None-Match: * — no row is there yet, of as many as the body has. */
  | { readonly kind: "absent"; readonly rowCount: number };

const EQUAL = OPERATORS.get("eq");

function isKeyFilter(logic: Logic): logic is Filter {
  if (logic.kind !== "filter") return false;
  return !logic.isNegated && logic.operator === EQUAL && logic.quantifier === null && logic.field.path.length === 0;
}

/** Whether the filters are `eq` on each column of the primary key, whole, and nothing else, and there is no logic tree at any level. */
export function nameTheRow(filters: readonly Placed<Logic>[], { primaryKey }: Relation): boolean {
  const names = new Set<string>();
  for (const { path, value } of filters) {
    if (value.kind !== "filter") return false;
    if (path.length > 0) continue;
    if (!isKeyFilter(value)) return false;
    names.add(value.field.name);
  }
  return primaryKey.length > 0 && names.size === primaryKey.length && primaryKey.every((name) => names.has(name));
}

function refuse(message: string, hint: string): never {
  throw new RowhouseError("preconditionInvalid", { message, hint });
}

/**
 * The condition of a write; null without one.
 * @throws RowhouseError preconditionInvalid where it is about more than one row, or about none that the request names
 */
export function resolvePrecondition(request: ApiRequest, relation: Relation): Precondition | null {
  const { conditions, verb, isPut, query, payload } = request;
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifMatch === null && ifNoneMatch === null) return null;
  if (ifNoneMatch !== null) {
    if (ifMatch === null && ifNoneMatch === "*" && verb === "insert")
      return { kind: "absent", rowCount: payload?.rowCount ?? 0 };
    return refuse(
      "A write takes If-None-Match: * alone, with POST and PUT",
      "It makes the row only when there is none of its key yet. To change the row that was read, send If-Match.",
    );
  }
  if ((verb === "insert" && !isPut) || !nameTheRow(query.filters, relation)) {
    return refuse(
      "If-Match is about one row, and the request does not name one",
      `Use PATCH, PUT or DELETE with an eq filter on each column of the primary key and no other${relation.primaryKey.length === 0 ? "; this relation has none" : `: ${relation.primaryKey.join(", ")}`}.`,
    );
  }
  return { kind: "match", rows: ifMatch === "*" || ifMatch === null ? "*" : strongRows(ifMatch) };
}
