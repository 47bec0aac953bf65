import { readJson, type CatalogQuery } from "./query.ts";

/** Where a column of a view comes from: a column, as it is, of another relation. */
export interface Origin {
  readonly relation: string;
  readonly position: number;
}

/** Of each view, by oid, the origin of its columns by position; columns that are expressions are not in it. */
export type Origins = ReadonlyMap<string, ReadonlyMap<number, Origin>>;

/** The rule behind a view as PostgreSQL keeps it, of every schema: a served view may stand on one of another. */
const QUERY = `
select coalesce(json_agg(json_build_array(c.oid::text, r.ev_action::text)), '[]')::text as found
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class and c.relkind in ('v', 'm')
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where r.rulename = '_RETURN' and n.nspname not in ('pg_catalog', 'information_schema')`;

const OPENS = new Set(["(", "{"]);

/** Depth of what stands within the query's own braces, in its list of targets, and within one target's braces. */
const IN_QUERY = 2;
const IN_TARGETS = 3;
const IN_TARGET = 4;

function numberAfter(text: string, field: string): number {
  return Number(new RegExp(`:${field} (-?\\d+)`).exec(text)?.[1] ?? 0);
}

/** The texts of a query's own targets without the nodes inside them: `TARGETENTRY :expr :resno 1 … :resorigtbl 16400 :resorigcol 2`. */
function targetsOf(tree: string): string[] {
  const targets: string[] = [];
  // A character of a name that would be structure has a backslash before it (outfuncs.c, outToken).
  const structure = /\\.|[(){}]/gs;
  let depth = 0;
  let isTargets = false;
  let from = 0;
  let text = "";
  for (let found = structure.exec(tree); found !== null; found = structure.exec(tree)) {
    const [sign] = found;
    if (sign.length > 1) continue;
    const piece = tree.slice(from, found.index);
    if (isTargets && depth === IN_TARGET) text += piece;
    if (OPENS.has(sign)) {
      if (depth === IN_QUERY) isTargets = piece.trimEnd().endsWith(":targetList");
      if (isTargets && depth === IN_TARGETS) text = "";
      depth += 1;
    } else {
      if (isTargets && depth === IN_TARGET) targets.push(text);
      depth -= 1;
    }
    from = found.index + 1;
  }
  return targets;
}

/**
 * The columns of a view that are columns of something else, unchanged.
 * @param tree `pg_rewrite.ev_action` as text: a list of one query (PostgreSQL, Querying the System Catalogs: pg_node_tree)
 */
export function parseOrigins(tree: string): ReadonlyMap<number, Origin> {
  const origins = new Map<number, Origin>();
  for (const target of targetsOf(tree)) {
    const relation = numberAfter(target, "resorigtbl");
    const position = numberAfter(target, "resorigcol");
    if (relation > 0 && position > 0)
      origins.set(numberAfter(target, "resno"), { relation: String(relation), position });
  }
  return origins;
}

/** @throws what `query` throws */
export async function readOrigins(query: CatalogQuery): Promise<Origins> {
  const found = await readJson<[string, string][]>(query, QUERY, []);
  return new Map(found.map(([oid, tree]) => [oid, parseOrigins(tree)]));
}

/** Through views of views, to what is no view. Null when a column of one on the way is an expression. */
export function deepestOrigin(origins: Origins, first: Origin): Origin | null {
  let at = first;
  for (let steps = 0; steps < 100; steps++) {
    const view = origins.get(at.relation);
    if (view === undefined) return at;
    const next = view.get(at.position);
    if (next === undefined) return null;
    at = next;
  }
  return null; // views that stand on each other
}
