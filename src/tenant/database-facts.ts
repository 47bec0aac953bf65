import type { Database } from "../db/connections.ts";
import { readSchemaVersion, type SchemaVersion } from "../db/schema-version.ts";
import { readServerVersion } from "../db/server-version.ts";

/** What a database says of itself. */
export interface DatabaseFacts {
  /** Of PostgreSQL, `18.4`. */
  readonly postgresql: string;
  readonly schema: SchemaVersion;
  /** Median of some round trips, in milliseconds. */
  readonly latencyMs: number;
  readonly bytes: number;
  /** Tenants that live there, by its own word. */
  readonly tenants: readonly string[];
}

const ROUNDS = 11;

/**
 * Asks over a connection of the owner's.
 * @throws RowhouseError databaseUnavailable, databaseTooOld
 */
export async function readDatabaseFacts(client: Awaited<ReturnType<Database["connectOwner"]>>): Promise<DatabaseFacts> {
  const version = await readServerVersion(client);
  const schema = await readSchemaVersion(client);
  const times: number[] = [];
  while (times.length < ROUNDS) {
    const start = performance.now();
    await client.query("select 1");
    times.push(performance.now() - start);
  }
  const { rows } = await client.query<{ bytes: string }>("select pg_database_size(current_database()) as bytes");
  const hasTenants = schema.platform.includes("0003_placement");
  const tenants = hasTenants
    ? await client.query<{ slug: string }>("select slug from platform.tenants where moved_to is null order by slug")
    : { rows: [] };
  return {
    postgresql: version.text,
    schema,
    latencyMs: Math.round(times.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]! * 100) / 100,
    bytes: Number(rows[0]?.bytes),
    tenants: tenants.rows.map(({ slug }) => slug),
  };
}
