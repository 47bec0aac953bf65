import type { Column, Parameter, Relation, Returns, Routine } from "./catalog.ts";
import { plainColumn } from "./column.ts";
import type { FoundFunction } from "./function.ts";
import { pseudoRelation, visibleColumns } from "./relation.ts";
import { baseOf, withBases, type Types } from "./type.ts";

/** What the row types among a function's types belong to. */
export interface Rows {
  readonly types: Types;
  /** Of a relation's oid: itself with `isServed`, or the shape of what no schema serves. */
  readonly relationOf: (oid: string) => { readonly relation: Relation; readonly isServed: boolean } | undefined;
}

const VOLATILITY = { i: "immutable", s: "stable", v: "volatile" } as const;

/** Types that a call can fill from its body whole, so that a parameter needs no name. */
const WHOLE_BODY: ReadonlySet<string> = new Set(["bytea", "json", "jsonb", "text", "xml"]);

function modesOf({ all, inputs, modes }: FoundFunction): readonly string[] {
  return modes ?? (all ?? inputs).map(() => "i");
}

function parametersOf(found: FoundFunction, types: Types): Parameter[] {
  const arguments_ = (found.all ?? found.inputs).map((oid, n) => ({
    oid,
    mode: modesOf(found)[n] ?? "i",
    name: found.names?.[n] ?? "",
  }));
  const given = arguments_.filter(({ mode }) => mode === "i" || mode === "b" || mode === "v");
  return given.map(({ oid, mode, name }, n) => {
    const [type] = withBases(types, oid);
    return {
      name,
      type: type.name,
      castType: type.cast,
      isRequired: n < given.length - found.defaults,
      isVariadic: mode === "v",
    };
  });
}

/** Columns of OUT parameters and TABLE; null without any. One without a name is called as PostgreSQL calls it. */
function outColumns(found: FoundFunction, types: Types): ReadonlyMap<string, Column> | null {
  const outs = (found.all ?? [])
    .map((type, n) => ({ type, mode: modesOf(found)[n], name: found.names?.[n] ?? "" }))
    .filter(({ mode }) => mode === "o" || mode === "b" || mode === "t");
  if (outs.length === 0) return null;
  const named = outs.map(({ type, name }, n) => plainColumn(name === "" ? `column${n + 1}` : name, n + 1, type));
  return visibleColumns(named, types);
}

function returnsOf(found: FoundFunction, { types, relationOf }: Rows): Returns {
  const { isSet } = found;
  const columns = outColumns(found, types);
  if (columns !== null)
    return { kind: "rows", isSet, relation: pseudoRelation(found.schema, found.name, columns), isServed: false };
  const [type] = withBases(types, found.returns);
  if (type.name === "void") return { kind: "void" };
  const base = baseOf(types, found.returns);
  const rows = base.relation === null ? undefined : relationOf(base.relation);
  if (rows !== undefined) return { kind: "rows", isSet, ...rows };
  return {
    kind: "scalar",
    isSet,
    castType: base.cast,
    type: type.name,
    mediaType: isSet ? null : type.mediaType,
  };
}

/** Whether a request has a way to give what it wants: each by name, or one as the whole body. */
function isCallable(parameters: readonly Parameter[], { names }: FoundFunction): boolean {
  if (names !== null || parameters.length === 0) return true;
  return parameters.length === 1 && WHOLE_BODY.has(parameters[0]?.type ?? "");
}

function settingsOf({ settings }: FoundFunction): ReadonlyMap<string, string> {
  return new Map(
    settings.map((setting) => {
      const at = setting.indexOf("=");
      return [setting.slice(0, at), setting.slice(at + 1)];
    }),
  );
}

function toRoutine(found: FoundFunction, rows: Rows): Routine | null {
  const parameters = parametersOf(found, rows.types);
  if (found.isAggregate || !isCallable(parameters, found)) return null;
  const { schema, name, comment, isOpen } = found;
  return {
    schema,
    name,
    comment,
    parameters,
    volatility: VOLATILITY[found.volatility],
    returns: returnsOf(found, rows),
    settings: settingsOf(found),
    isOpen,
  };
}

/** The functions of one schema that can be called, by name; those with fewer parameters first. */
export function routinesOf(
  functions: readonly FoundFunction[],
  schema: string,
  rows: Rows,
): ReadonlyMap<string, readonly Routine[]> {
  const own = functions.filter((found) => found.schema === schema).map((found) => toRoutine(found, rows));
  return Map.groupBy(
    own.filter((routine) => routine !== null),
    ({ name }) => name,
  );
}
