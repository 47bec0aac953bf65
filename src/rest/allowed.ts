import type { Catalog } from "../catalog/catalog.ts";
import { restrictCatalog } from "../catalog/restrict.ts";
import { RowhouseError } from "../errors.ts";
import type { RestContext } from "./context.ts";

/**
 * The catalog as the role of the request may use it, asked of the database each time: a role may have changed a moment ago.
 * @throws what the run throws
 */
export async function allowedCatalog(run: RestContext["run"], catalog: Catalog): Promise<Catalog> {
  const statement = { name: "rowhouse_allowed", text: "select platform.allowed_verbs()", values: [] };
  const [result] = await run("read", [statement]);
  const allowed = result?.rows[0]?.[0];
  if (typeof allowed !== "string") throw new RowhouseError("internal");
  return restrictCatalog(catalog, allowed);
}
