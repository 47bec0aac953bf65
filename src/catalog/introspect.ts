import type { Catalog, Relation, Served } from "./catalog.ts";
import { computedColumns, computedRelationships, mediaHandlers, rowFunctions, type RowFunctions } from "./computed.ts";
import { readFunctions, type FoundFunction } from "./function.ts";
import { readKeys, type Keys } from "./key.ts";
import { readOpenTables } from "./open.ts";
import type { CatalogQuery } from "./query.ts";
import { pseudoRelation, readRelations, toRelation, visibleColumns, type FoundRelation } from "./relation.ts";
import { foreignKeysOf, sightsOf, viewKeysOf, type Sights } from "./relationship.ts";
import { routinesOf, type Rows } from "./routine.ts";
import { readSchemas, type FoundSchema } from "./schema.ts";
import { readSettingsUse } from "./setting.ts";
import { readTypes, type Types } from "./type.ts";
import { readOrigins, type Origins } from "./view.ts";

export type { CatalogQuery } from "./query.ts";

/** What the database says, before any of it is put together. */
interface Found {
  readonly types: Types;
  readonly relations: readonly FoundRelation[];
  readonly keys: Keys;
  readonly origins: Origins;
  readonly functions: readonly FoundFunction[];
}

/** One statement for each kind of thing, whatever the number of things. */
async function readAll(
  query: CatalogQuery,
  { schemas, lookedIn, role }: { schemas: readonly string[]; lookedIn: readonly string[]; role: string },
): Promise<Found> {
  // One after the other: it may be one connection.
  const types = await readTypes(query, role);
  const relations = await readRelations(query, schemas, role);
  const keys = await readKeys(query);
  const origins = await readOrigins(query);
  const functions = await readFunctions(query, lookedIn, role);
  return { types, relations, keys, origins, functions };
}

/** What is found more than once in what is made of it. */
interface Prepared {
  readonly served: readonly FoundRelation[];
  readonly sights: Sights;
  readonly ofRows: RowFunctions;
}

function prepare({ types, relations, origins, functions }: Found): Prepared {
  const served = relations.filter(({ isServed }) => isServed);
  return { served, sights: sightsOf(served, origins), ofRows: rowFunctions(functions, types) };
}

/** Served relations by oid. */
function makeRelations({ types, keys }: Found, { served, sights, ofRows }: Prepared): ReadonlyMap<string, Relation> {
  const keysOf = Map.groupBy(keys.unique, ({ table }) => table);
  const inherited = viewKeysOf(sights, keys);
  return new Map(
    served.map((found) => {
      const computed = computedColumns(ofRows, found.oid, found.schema, types);
      const parts = { keys: keysOf.get(found.oid) ?? [], inherited: inherited.get(found.oid), computed };
      return [found.oid, toRelation(found, types, parts)];
    }),
  );
}

/** Rows that functions give of what no schema serves have its columns alone. */
function rowsOf({ types, relations }: Found, served: ReadonlyMap<string, Relation>): Rows {
  const others = new Map(
    relations
      .filter(({ isServed }) => !isServed)
      .map(({ oid, schema, name, columns }) => [oid, pseudoRelation(schema, name, visibleColumns(columns, types))]),
  );
  const relationOf = (oid: string) => {
    const relation = served.get(oid);
    if (relation !== undefined) return { relation, isServed: true };
    const other = others.get(oid);
    return other && { relation: other, isServed: false };
  };
  return { types, relationOf };
}

function makeCatalogs(found: Found, schemas: readonly FoundSchema[]): Catalog[] {
  const { types, functions, keys } = found;
  const prepared = prepare(found);
  const relations = makeRelations(found, prepared);
  const rows = rowsOf(found, relations);
  const foreignKeys = foreignKeysOf(prepared.sights, keys);
  const listed = new Set(schemas.map(({ name }) => name));
  const ofServed = functions.filter(({ schema }) => listed.has(schema));
  return schemas.map(({ name, comment }) => {
    const own = new Map([...relations].filter(([, { schema }]) => schema === name));
    return {
      schema: name,
      comment,
      relations: new Map([...own.values()].map((relation) => [relation.name, relation])),
      foreignKeys: foreignKeys.get(name) ?? [],
      routines: routinesOf(functions, name, rows),
      computedRelationships: computedRelationships(prepared.ofRows, name, own, types),
      handlers: mediaHandlers(ofServed, own, types),
    };
  });
}

/**
 * Reads what a role may reach in one schema. `tenant_id` is left out of columns, keys and foreign keys: a client never sees it.
 * @param query runs it in the database; any role may read the system catalog
 * @param options `schema` to serve, `role` whose rights say which relations, verbs and functions there are
 * @throws what `query` throws
 */
export async function loadCatalog(
  query: CatalogQuery,
  { schema, role }: { schema: string; role: string },
): Promise<Catalog> {
  const found = await readAll(query, { schemas: [schema], lookedIn: [schema], role });
  return makeCatalogs(found, [{ name: schema, comment: null, isServed: true }])[0]!;
}

/** What Rowhouse keeps for each tenant. */
const OWN: FoundSchema = { name: "tenant", comment: "What Rowhouse keeps for the tenant.", isServed: true };

/** Whether a request without a token may get further than its refusal. */
async function opensAnonymous(query: CatalogQuery, catalogs: readonly Catalog[]): Promise<boolean> {
  const routines = catalogs.flatMap((catalog) => [...catalog.routines.values()].flat());
  return routines.some(({ isOpen }) => isOpen === true) || readOpenTables(query);
}

const hasContent = ({ relations, routines }: Catalog) => relations.size > 0 || routines.size > 0;

/**
 * Reads every schema that `platform.schemas` serves and that has something to serve, `app` when none has; and the tenant's own.
 * @param options `role` whose rights count
 * @throws what `query` throws
 */
export async function loadServed(query: CatalogQuery, { role }: { role: string }): Promise<Served> {
  const registered = await readSchemas(query);
  const served = registered.filter(({ isServed }) => isServed);
  const schemas = served.map(({ name }) => name);
  // Computed columns may live where the sessions' search path leads (platform.api_search_path).
  const lookedIn = [...new Set([...registered.map(({ name }) => name), "public"])];
  const found = await readAll(query, { schemas: [...schemas, OWN.name], lookedIn, role });
  const use = await readSettingsUse(query);
  const [own, ...catalogs] = makeCatalogs(found, [OWN, ...served]);
  const filled = catalogs.filter(hasContent);
  const [empty] = makeCatalogs({ ...found, relations: [], functions: [] }, [
    { name: "app", comment: null, isServed: true },
  ]);
  const shown = filled.length > 0 ? filled : [empty!];
  return {
    catalogs: new Map(shown.map((catalog) => [catalog.schema, catalog])),
    own: own!,
    opensAnonymous: await opensAnonymous(query, filled),
    ...use,
  };
}
