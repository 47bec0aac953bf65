import { LRUCache } from "lru-cache";
import type { Catalog, Relation, Returns, Routine } from "./catalog.ts";

type Verbs = Relation["verbs"];

/** Roles that may the same see the same: as long as the catalog lives, what was left of it for the last ones is kept. */
const MOST_ROLES = 32;
const known = new WeakMap<Catalog, LRUCache<string, Catalog>>();

/** Rows of what the role can't read keep their columns, and are nobody's table to refer to. */
function restrictReturns(returns: Returns, relations: Catalog["relations"], { schema }: Catalog): Returns {
  if (returns.kind !== "rows" || !returns.isServed || returns.relation.schema !== schema) return returns;
  return { ...returns, isServed: relations.has(returns.relation.name) };
}

function restrict(catalog: Catalog, allowed: Readonly<Record<string, readonly string[]>>): Catalog {
  const left = [...catalog.relations.values()].map((relation): Relation => {
    const verbs = new Set(allowed[`${relation.schema}.${relation.name}`] ?? []);
    const both = [...relation.verbs].filter((verb) => verbs.has(verb));
    return both.length === relation.verbs.size ? relation : { ...relation, verbs: new Set(both) as Verbs };
  });
  if (left.every((relation) => catalog.relations.get(relation.name) === relation)) return catalog;
  const relations = new Map(left.filter(({ verbs }) => verbs.size > 0).map((relation) => [relation.name, relation]));
  const are = (...names: string[]) => names.every((name) => relations.has(name));
  const restrictRoutine = (routine: Routine) => ({
    ...routine,
    returns: restrictReturns(routine.returns, relations, catalog),
  });
  return {
    ...catalog,
    relations,
    foreignKeys: catalog.foreignKeys.filter(({ from, to }) => are(from, to)),
    routines: new Map([...catalog.routines].map(([name, overloads]) => [name, overloads.map(restrictRoutine)])),
    computedRelationships: catalog.computedRelationships.filter(({ from, to }) => are(from, to)),
    handlers: catalog.handlers.filter(({ relation }) => relation === null || relations.has(relation)),
  };
}

/**
 * What is left of a catalog for a role, to describe it by: relations and verbs that the role has no permission for are left out, and what refers
 * to them. For the same role the same object, so that what is made of it may be kept by it. Pure.
 * @param allowed what `platform.allowed_verbs()` says: verbs by `schema.table`, as JSON
 */
export function restrictCatalog(catalog: Catalog, allowed: string): Catalog {
  let ofRoles = known.get(catalog);
  if (ofRoles === undefined) known.set(catalog, (ofRoles = new LRUCache({ max: MOST_ROLES })));
  let left = ofRoles.get(allowed);
  if (left === undefined) {
    left = restrict(catalog, JSON.parse(allowed) as Record<string, string[]>);
    ofRoles.set(allowed, left);
  }
  return left;
}
