import { readJson, type CatalogQuery } from "./query.ts";

export interface FoundSchema {
  readonly name: string;
  readonly comment: string | null;
  readonly isServed: boolean;
}

const QUERY = `
select coalesce(json_agg(json_build_object(
  'name', n.nspname, 'comment', pg_catalog.obj_description(n.oid, 'pg_namespace'), 'isServed', s.served
) order by s.position, s.name), '[]')::text as found
from platform.schemas s join pg_catalog.pg_namespace n on n.nspname = s.name`;

/**
 * The schemas of the app, in their order.
 * @throws what `query` throws
 */
export function readSchemas(query: CatalogQuery): Promise<FoundSchema[]> {
  return readJson(query, QUERY, []);
}
