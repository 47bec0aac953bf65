import { readJson, type CatalogQuery } from "./query.ts";

const QUERY = `
select exists (
  select from platform.table_options o
  where pg_catalog.to_regclass(format('%I.%I', o.schema_name, o.table_name)) is not null
    and pg_catalog.jsonb_array_length(o.options -> 'anonymous') > 0
)::text as found`;

/**
 * Whether some table is for requests without a token, too (policies/access.sql, set_options).
 * @throws what `query` throws
 */
export function readOpenTables(query: CatalogQuery): Promise<boolean> {
  return readJson(query, QUERY, []);
}
