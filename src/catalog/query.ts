/** Runs one query; only text columns are read from its rows, so that no type parser of the driver matters. */
export type CatalogQuery = (text: string, values: string[]) => Promise<Record<string, unknown>[]>;

/** Runs a query that answers one JSON text in a column `found`. */
export async function readJson<Found>(query: CatalogQuery, text: string, values: string[]): Promise<Found> {
  const [row] = await query(text, values);
  return JSON.parse(String(row?.["found"])) as Found;
}

/** The schemas that a query is about, from a JSON list of names as its first parameter. */
export const WANTED_SCHEMAS = `
wanted as materialized (
  select n.oid, n.nspname
  from pg_catalog.json_array_elements_text($1::json) listed (name)
  join pg_catalog.pg_namespace n on n.nspname = listed.name
)`;

/** What no request sees, whatever it is in: whose the row is, and the key that `rowhouse adopt` gave a table without one. */
export const HIDDEN_COLUMNS: ReadonlySet<string> = new Set(["tenant_id", "tenant_row_id"]);
