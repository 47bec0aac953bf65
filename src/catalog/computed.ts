import type { Column, ComputedRelationship, MediaHandler, Relation } from "./catalog.ts";
import { plainColumn, toColumn } from "./column.ts";
import type { FoundFunction } from "./function.ts";
import { withBases, type Types } from "./type.ts";

/** Functions of one argument, a row, by the oid of the row's relation. */
export type RowFunctions = ReadonlyMap<string, readonly FoundFunction[]>;

function rowArgument({ inputs }: FoundFunction, types: Types): string | null {
  const [input] = inputs;
  return input === undefined || inputs.length > 1 ? null : withBases(types, input)[0].relation;
}

export function rowFunctions(functions: readonly FoundFunction[], types: Types): RowFunctions {
  const ofRows = functions.filter((found) => !found.isAggregate && rowArgument(found, types) !== null);
  return Map.groupBy(ofRows, (found) => rowArgument(found, types) ?? "");
}

/**
 * What functions of the relation's own schema make of its row: one value which is no row.
 * @param oid of the relation
 */
export function computedColumns(
  of: RowFunctions,
  oid: string,
  schema: string,
  types: Types,
): ReadonlyMap<string, Column> {
  const values = (of.get(oid) ?? []).filter((found) => {
    const [type] = withBases(types, found.returns);
    return found.schema === schema && !found.isSet && type.name !== "void" && type.relation === null;
  });
  return new Map(
    values.map(({ name, returns, comment }) => [
      name,
      { ...toColumn(plainColumn(name, 0, returns), types), generated: true, comment },
    ]),
  );
}

/**
 * Functions of a schema from a row of one of its relations to rows of one.
 * @param relations of that schema, by oid
 */
export function computedRelationships(
  of: RowFunctions,
  schema: string,
  relations: ReadonlyMap<string, Relation>,
  types: Types,
): ComputedRelationship[] {
  return [...relations].flatMap(([oid, { name: from }]) =>
    (of.get(oid) ?? []).flatMap((found) => {
      const to = relations.get(withBases(types, found.returns)[0].relation ?? "");
      if (found.schema !== schema || to === undefined) return [];
      const plain = { schema, name: found.name, from, to: to.name };
      return found.isSet ? [{ ...plain, isToOne: found.rows === 1 }] : [{ ...plain, isToOne: true, isRow: true }];
    }),
  );
}

/** Aggregates whose result is a domain named like a media type, of rows of these relations or of any. */
export function mediaHandlers(
  functions: readonly FoundFunction[],
  relations: ReadonlyMap<string, Relation>,
  types: Types,
): MediaHandler[] {
  return functions.flatMap(({ isAggregate, inputs, returns, qualified }): MediaHandler[] => {
    const [{ mediaType }] = withBases(types, returns);
    const [input] = inputs;
    if (!isAggregate || mediaType === null || input === undefined || inputs.length > 1) return [];
    const [{ name, relation: row }] = withBases(types, input);
    if (name === "anyelement" || name === "anycompatible") return [{ mediaType, aggregate: qualified, relation: null }];
    const relation = relations.get(row ?? "");
    return relation === undefined ? [] : [{ mediaType, aggregate: qualified, relation: relation.name }];
  });
}
