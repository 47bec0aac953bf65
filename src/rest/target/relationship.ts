import type { Catalog, ComputedRelationship, ForeignKey, Relation } from "../../catalog/catalog.ts";
import type { ColumnCondition } from "./target.ts";

/** Columns that are equal in a row and in the row it belongs with. `tenant_id` goes without saying. */
export type ColumnPairs = readonly (readonly [here: string, there: string])[];

export interface Junction {
  readonly relation: Relation;
  /** From the origin to the junction, and from the target to it. */
  readonly origin: ForeignKey;
  readonly target: ForeignKey;
  /** What its own rows have to pass: not to be deleted. */
  readonly where?: ColumnCondition;
}

/** A way from the rows of one relation to those of another. */
export interface Relationship {
  readonly cardinality: "many-to-one" | "one-to-many" | "one-to-one" | "many-to-many";
  /** The foreign key's name; of a many-to-many one the junction's. */
  readonly constraint: string;
  readonly from: Relation;
  readonly to: Relation;
  /** Empty when there is a junction or a function. */
  readonly pairs: ColumnPairs;
  readonly junction: Junction | null;
  /** The function that gives the rows; its name is the constraint's. */
  readonly computed: ComputedRelationship | null;
}

export function isToOne({ cardinality }: Relationship): boolean {
  return cardinality === "many-to-one" || cardinality === "one-to-one";
}

function zip(here: readonly string[], there: readonly string[]): ColumnPairs {
  return here.map((name, n) => [name, there[n] ?? ""] as const);
}

function forward(catalog: Catalog, key: ForeignKey): Relationship | undefined {
  const from = catalog.relations.get(key.from);
  const to = catalog.relations.get(key.to);
  if (from === undefined || to === undefined) return undefined;
  const cardinality = key.oneToOne ? "one-to-one" : "many-to-one";
  return {
    cardinality,
    constraint: key.name,
    from,
    to,
    pairs: zip(key.columns, key.referenced),
    junction: null,
    computed: null,
  };
}

function reversed(found: Relationship): Relationship {
  return {
    ...found,
    cardinality: found.cardinality === "one-to-one" ? "one-to-one" : "one-to-many",
    from: found.to,
    to: found.from,
    pairs: found.pairs.map(([here, there]) => [there, here] as const),
  };
}

/** A table joins two others when its primary key holds both of its foreign keys to them (PostgREST, Many-to-Many). */
function junctions(catalog: Catalog, keys: readonly ForeignKey[]): Relationship[] {
  const found: Relationship[] = [];
  for (const origin of keys) {
    const relation = catalog.relations.get(origin.from);
    const holds = (key: ForeignKey) => key.columns.every((column) => relation?.primaryKey.includes(column));
    if (relation === undefined || relation.primaryKey.length === 0 || !holds(origin)) continue;
    for (const target of keys) {
      const from = catalog.relations.get(origin.to);
      const to = catalog.relations.get(target.to);
      // A view inherits a key by the key's own name: the same one twice leads nowhere new.
      if (target.name === origin.name || !holds(target) || from === undefined || to === undefined) continue;
      const junction = { relation, origin, target };
      found.push({
        cardinality: "many-to-many",
        constraint: relation.name,
        from,
        to,
        pairs: [],
        junction,
        computed: null,
      });
    }
  }
  return found;
}

function computed(catalog: Catalog, found: ComputedRelationship): Relationship | undefined {
  const from = catalog.relations.get(found.from);
  const to = catalog.relations.get(found.to);
  if (from === undefined || to === undefined) return undefined;
  const cardinality = found.isToOne ? "many-to-one" : "one-to-many";
  return { cardinality, constraint: found.name, from, to, pairs: [], junction: null, computed: found };
}

const known = new WeakMap<Catalog, Map<string, Relationship[]>>();

/** A computed relationship stands in for every other one to a relation of its name (PostgREST, Overriding Relationships). */
function addComputed(catalog: Catalog, byOrigin: Map<string, Relationship[]>): void {
  for (const each of catalog.computedRelationships) {
    const found = computed(catalog, each);
    if (found === undefined) continue;
    const others = (byOrigin.get(each.from) ?? []).filter(
      ({ to, computed: own }) => own !== null || to.name !== each.name,
    );
    byOrigin.set(each.from, [...others, found]);
  }
}

function readAll(catalog: Catalog): Map<string, Relationship[]> {
  const byOrigin = new Map<string, Relationship[]>();
  const add = (found: Relationship) => {
    const list = byOrigin.get(found.from.name);
    if (list === undefined) byOrigin.set(found.from.name, [found]);
    else list.push(found);
  };
  for (const key of catalog.foreignKeys) {
    const found = forward(catalog, key);
    if (found === undefined) continue;
    add(found);
    add(reversed(found));
  }
  const byTable = Map.groupBy(catalog.foreignKeys, (key) => key.from);
  for (const keys of byTable.values()) junctions(catalog, keys).forEach(add);
  addComputed(catalog, byOrigin);
  return byOrigin;
}

function byOrigin(catalog: Catalog): Map<string, Relationship[]> {
  let all = known.get(catalog);
  if (all === undefined) known.set(catalog, (all = readAll(catalog)));
  return all;
}

/** All relationships that start at `origin`. Worked out once a catalog. */
export function relationshipsFrom(catalog: Catalog, origin: string): readonly Relationship[] {
  return byOrigin(catalog).get(origin) ?? [];
}
