import type pg from "pg";

const HAS_SCHEMAS = "select to_regprocedure('platform.app_schemas()') is not null as known";
const SCHEMAS = "select quote_ident(s) as identifier from platform.app_schemas() s";

/**
 * Where an app's migrations look names up: what they name without a schema is made in `app`, and found in any that is registered.
 * @returns identifiers, quoted
 */
export async function readMigrationPath(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ known: boolean }>(HAS_SCHEMAS);
  // A database that this Rowhouse has not migrated yet has registered none.
  if (rows[0]?.known !== true) return ["app", "public"];
  const registered = await client.query<{ identifier: string }>(SCHEMAS);
  return [...new Set(["app", "public", ...registered.rows.map(({ identifier }) => identifier)])];
}
