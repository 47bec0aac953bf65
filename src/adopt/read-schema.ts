import type { Database } from "../db/connections.ts";
import { inTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { readConstraints, readIndexes } from "./read-keys.ts";
import { readRoutines, readTypes } from "./read-routines.ts";
import { readNamespaces, readServer } from "./read-server.ts";
import { readForeignTables, readSequences, readTables } from "./read-tables.ts";
import { readViews } from "./read-views.ts";
import type { NamespaceFacts, Schema } from "./schema.ts";

/** What is to be adopted, and for whom. */
export interface Wish {
  /** Schemas whose tables requests find. */
  readonly served: readonly string[];
  /** Schemas that only carry tenants' rows. */
  readonly unserved: readonly string[];
  /** Slug of the tenant that owns the rows that are there; null where there are none. */
  readonly tenant: string | null;
}

const OWN = new Set(["platform", "tenant", "information_schema"]);

function checkNames(names: readonly string[]): void {
  const wrong = names.find((name) => OWN.has(name) || name.startsWith("pg_"));
  if (wrong === undefined) return;
  throw new RowhouseError("usage", {
    message: `The schema ${wrong} is not an app's`,
    hint: "Name the schema that the app's own tables are in.",
  });
}

function checkFound(names: readonly string[], found: readonly NamespaceFacts[]): void {
  const missing = names.filter((name) => !found.some((facts) => facts.name === name));
  if (missing.length === 0) return;
  throw new RowhouseError("adoptMissing", {
    message: `There is no schema ${missing.join(", ")} in this database`,
    hint: "Names are taken as they are: capitals and spaces count.",
  });
}

/**
 * Reads the schemas as they stand at one moment, as the owner of DATABASE_URL and changing nothing.
 * @throws RowhouseError adoptMissing for a schema that does not exist, usage for one that is not an app's, databaseUnavailable
 */
export async function readSchema(database: Database, { served, unserved, tenant }: Wish): Promise<Schema> {
  const wanted = new Map([
    ...served.map((name) => [name, true] as const),
    ...unserved.map((name) => [name, false] as const),
  ]);
  const names = [...wanted.keys()];
  checkNames(names);
  const client = await database.connectOwner();
  try {
    return await inTransaction(client, async () => {
      await client.query("set transaction isolation level repeatable read, read only");
      // Names are printed with their schema when it is not on the path.
      await client.query("set local search_path to pg_catalog");
      const server = await readServer(client, names, tenant);
      const schemas = await readNamespaces(client, wanted, server.isMigrated);
      checkFound(names, schemas);
      return {
        schemas,
        server,
        tables: await readTables(client, names),
        constraints: await readConstraints(client, names),
        indexes: await readIndexes(client, names),
        views: await readViews(client, names),
        routines: await readRoutines(client, names),
        sequences: await readSequences(client, names),
        foreignTables: await readForeignTables(client, names),
        types: await readTypes(client, names),
      };
    });
  } finally {
    await client.end();
  }
}
