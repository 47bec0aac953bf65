import type { ForeignKey } from "./catalog.ts";
import type { Key, KeyColumn, Keys, TableForeignKey } from "./key.ts";
import { HIDDEN_COLUMNS } from "./query.ts";
import type { FoundRelation } from "./relation.ts";
import { deepestOrigin, type Origins } from "./view.ts";

/** How a relation shows columns of a table: by the table's position, the names that it has them under. */
interface Sight {
  readonly relation: FoundRelation;
  readonly names: ReadonlyMap<number, readonly string[]>;
}

/** Of each table, by oid, the served relations that show columns of it: itself and views. */
export type Sights = ReadonlyMap<string, readonly Sight[]>;

function ownSight(relation: FoundRelation): [string, Sight] {
  return [relation.oid, { relation, names: new Map(relation.columns.map(({ position, name }) => [position, [name]])) }];
}

function viewSights(view: FoundRelation, origins: Origins): [string, Sight][] {
  const tables = new Map<string, Map<number, string[]>>();
  for (const { position, name } of view.columns) {
    const first = origins.get(view.oid)?.get(position);
    const origin = first === undefined || HIDDEN_COLUMNS.has(name) ? null : deepestOrigin(origins, first);
    if (origin === null) continue;
    const names = tables.get(origin.relation) ?? new Map<number, string[]>();
    tables.set(origin.relation, names);
    names.set(origin.position, [...(names.get(origin.position) ?? []), name]);
  }
  return [...tables].map(([table, names]) => [table, { relation: view, names }]);
}

/** @param relations served ones */
export function sightsOf(relations: readonly FoundRelation[], origins: Origins): Sights {
  const tablesFirst = relations.toSorted((one, other) => Number(one.kind === "v") - Number(other.kind === "v"));
  const all = tablesFirst.flatMap((relation) =>
    relation.kind === "v" ? viewSights(relation, origins) : [ownSight(relation)],
  );
  const grouped = Map.groupBy(all, ([table]) => table);
  return new Map([...grouped].map(([table, sights]) => [table, sights.map(([, sight]) => sight)]));
}

/** Every way to name the columns, where a view shows some more than once; none when it lacks one. */
function waysToName(columns: readonly KeyColumn[], { names }: Sight): string[][] {
  return columns.reduce<string[][]>(
    (ways, { position }) => ways.flatMap((way) => (names.get(position) ?? []).map((name) => [...way, name])),
    [[]],
  );
}

/** By name, the sight of each way. */
function endsOf(
  sights: Sights,
  table: string,
  columns: readonly KeyColumn[],
): { relation: FoundRelation; names: string[] }[] {
  return (sights.get(table) ?? []).flatMap((sight) =>
    waysToName(columns, sight).map((names) => ({ relation: sight.relation, names })),
  );
}

const positionsOf = (columns: readonly KeyColumn[]) =>
  columns
    .map(({ position }) => position)
    .toSorted((one, other) => one - other)
    .join();

/** Whether each row that is referenced has one referencing row at most. Indexes that are no constraint don't count (PostgREST). */
function isOneToOne({ from, pairs }: TableForeignKey, keys: ReadonlyMap<string, readonly Key[]>): boolean {
  const here = positionsOf(pairs.map(([column]) => column));
  return (keys.get(from) ?? []).some(({ isConstraint, columns }) => isConstraint && positionsOf(columns) === here);
}

/**
 * Foreign keys of tables, and those that views inherit: a view has the key of a table when it shows all columns of it, on either
 * side. Both sides are in the same schema.
 * @returns by schema
 */
export function foreignKeysOf(sights: Sights, { unique, foreign }: Keys): ReadonlyMap<string, readonly ForeignKey[]> {
  const keys = Map.groupBy(unique, ({ table }) => table);
  const found = foreign.flatMap((key) => {
    const froms = endsOf(
      sights,
      key.from,
      key.pairs.map(([here]) => here),
    );
    if (froms.length === 0) return [];
    const oneToOne = isOneToOne(key, keys);
    const tos = endsOf(
      sights,
      key.to,
      key.pairs.map(([, there]) => there),
    );
    return froms.flatMap((from) =>
      tos
        .filter((to) => to.relation.schema === from.relation.schema)
        .map((to) => ({
          schema: from.relation.schema,
          key: {
            name: key.name,
            from: from.relation.name,
            columns: from.names,
            to: to.relation.name,
            referenced: to.names,
            oneToOne,
          },
        })),
    );
  });
  const grouped = Map.groupBy(found, ({ schema }) => schema);
  return new Map([...grouped].map(([schema, all]) => [schema, all.map(({ key }) => key)]));
}

/**
 * The primary keys that views have from their tables: of each table that a view shows the whole key of, the first name of each column.
 * @returns by the view's oid
 */
export function viewKeysOf(sights: Sights, { unique }: Keys): ReadonlyMap<string, readonly string[]> {
  const found = unique
    .filter(({ isPrimary }) => isPrimary)
    .flatMap(({ table, columns }) =>
      (sights.get(table) ?? [])
        .filter(({ relation }) => relation.kind === "v")
        .map((sight) => ({ view: sight.relation.oid, names: waysToName(columns, sight)[0] ?? [] })),
    );
  const grouped = Map.groupBy(found, ({ view }) => view);
  return new Map([...grouped].map(([view, all]) => [view, all.flatMap(({ names }) => names)]));
}
