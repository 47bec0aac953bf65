import type { Catalog, Column, Parameter, Relation, Routine } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import type { RestContext } from "../context.ts";
import type { CallArguments } from "../request/arguments.ts";
import type { CallRequest } from "../request/call.ts";
import type { Media, Shape } from "../request/media.ts";
import { refuseInvalid, type Preferences } from "../request/preferences.ts";
import type { QueryParts } from "../request/query.ts";
import { findRoutine } from "./find-routine.ts";
import { negotiate } from "./negotiate.ts";
import { resolveRows } from "./resolve.ts";
import type { RootTarget } from "./target.ts";

/** A function, what it is called with, and what the answer shows of its result. */
export interface CallTarget {
  readonly routine: Routine;
  /** Those of its parameters that are given, in order. */
  readonly parameters: readonly Parameter[];
  readonly given: CallArguments;
  readonly shape: Shape;
  /** Its rows; a value is one of the one column `pgrst_scalar`. */
  readonly read: RootTarget;
  readonly media: Media;
}

/** The column that a value is in. */
export const VALUE_COLUMN = "pgrst_scalar";

function valueColumn(type: string, castType: string): Column {
  return {
    name: VALUE_COLUMN,
    type,
    category: type.endsWith("[]") ? "A" : "U",
    castType,
    nullable: true,
    hasDefault: false,
    defaultSql: null,
    maxLength: null,
    labels: null,
    generated: true,
    representation: null,
    comment: null,
  };
}

/** Rows of one column. */
function valueRelation({ schema, name }: Routine, column: Column): Relation {
  return {
    schema,
    name,
    kind: "view",
    isPartitioned: false,
    comment: null,
    columns: new Map([[column.name, column]]),
    computed: new Map(),
    primaryKey: [],
    uniqueKeys: new Map(),
    hasTenant: false,
    verbs: new Set(["select"]),
  };
}

function relationOf(routine: Routine): Relation {
  const { returns } = routine;
  if (returns.kind === "rows") return returns.relation;
  const { type, castType } = returns.kind === "void" ? { type: "void", castType: "void" } : returns;
  return valueRelation(routine, valueColumn(type, castType));
}

function shapeOf({ returns }: Routine): Shape {
  if (returns.kind === "void") return "scalar";
  if (returns.kind === "scalar") return returns.isSet ? "scalars" : "scalar";
  return returns.isSet ? "rows" : "row";
}

function isWhole({ select }: QueryParts): boolean {
  return select.length === 1 && select[0]?.kind === "star";
}

function negotiateCall(
  { accept, query }: CallRequest,
  routine: Routine,
  shape: Shape,
  catalog: Catalog,
  { settings }: RestContext,
): Media {
  const { returns } = routine;
  const offer = {
    shape,
    mediaType: returns.kind === "scalar" && !returns.isSet ? returns.mediaType : null,
    relation: returns.kind === "rows" && returns.isServed ? returns.relation : null,
    isWhole: isWhole(query),
  };
  return negotiate(accept, offer, catalog, settings);
}

/** How many rows a function may change is told by those that it returns. */
function checkMaxAffected({ handling, maxAffected }: Preferences, shape: Shape): void {
  if (handling !== "strict" || maxAffected === null || shape === "rows" || shape === "scalars") return;
  throw new RowhouseError("maxAffectedSingle", {
    message: "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
  });
}

/** The one unnamed parameter is given by the whole body, whatever is in it. */
function givenParameters({ parameters }: Routine, keys: readonly string[]): readonly Parameter[] {
  const [only] = parameters;
  if (parameters.length === 1 && only?.name === "") return parameters;
  return parameters.filter(({ name }) => keys.includes(name));
}

/**
 * Call to target.
 * @throws RowhouseError routineUnknown, routineAmbiguous, mediaTypeUnsupported, preferInvalid, maxAffectedSingle; what `resolveRows` throws
 */
export function resolveCall(call: CallRequest, catalog: Catalog, context: RestContext): CallTarget {
  const routine = findRoutine(catalog, call);
  const shape = shapeOf(routine);
  const read = resolveRows(relationOf(routine), catalog, call, context);
  const media = negotiateCall(call, routine, shape, catalog, context);
  refuseInvalid(call.preferences);
  checkMaxAffected(call.preferences, shape);
  return { routine, parameters: givenParameters(routine, call.keys), given: call.given, shape, read, media };
}
