import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Catalog, Served } from "../../src/catalog/catalog.ts";
import { loadServed } from "../../src/catalog/introspect.ts";
import type { TestDatabase } from "../harness.ts";

const SCHEMA = join(import.meta.dirname, "../rest/guild/schema.sql");

/** Loads the single-tenant schema of the dialect's tests as it is, and serves it besides `app`. */
export async function serveGuild(db: TestDatabase): Promise<void> {
  await db.admin.query(await readFile(SCHEMA, "utf8"));
  await db.admin.query(`
    insert into platform.schemas (name) values ('guild');
    grant usage on schema guild to rowhouse_api;
    grant all on all tables in schema guild to rowhouse_api;
    grant execute on all functions in schema guild to rowhouse_api`);
}

export function readServed(db: TestDatabase): Promise<Served> {
  const query = async (text: string, values: string[]) =>
    (await db.platform.query<Record<string, unknown>>(text, values)).rows;
  return loadServed(query, { role: "rowhouse_api" });
}

export async function readSchema(db: TestDatabase, schema: string): Promise<Catalog> {
  const { catalogs } = await readServed(db);
  const catalog = catalogs.get(schema);
  if (catalog === undefined) throw new Error(`The schema ${schema} is not served`);
  return catalog;
}
