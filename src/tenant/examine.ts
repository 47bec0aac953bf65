import type { Keyring } from "../db/keyring.ts";
import type { Connections } from "../db/connections.ts";
import { readFailing } from "../db/readiness.ts";
import { askSchemaVersion, misfitOf, versionRefusal, type SchemaVersion } from "../db/schema-version.ts";
import { RowhouseError } from "../errors.ts";
import type { Residence } from "./placements.ts";

/**
 * Looks whether a database may serve tenants: its schema fits the server's catalog, and isolation holds in it as it has to hold
 * in the registry's database (src/db/readiness.ts).
 * @param look connections of the database
 * @param home of rowhouse_platform, in the registry's database
 * @param served version of the registry's database when the server read its catalog
 * @throws RowhouseError databaseUnavailable, databaseVersion, notReady
 */
export async function examineDatabase(
  name: string,
  look: Residence,
  home: Connections,
  keyring: Keyring,
  served: SchemaVersion,
): Promise<void> {
  const own = await askSchemaVersion(look.platform);
  const difference = misfitOf(own, await askSchemaVersion(home), served);
  if (difference !== null) throw versionRefusal(name, difference);
  const failing = await readFailing({ ...look, keyring, migrationSets: [], preRequest: null });
  const first = failing.find(({ isolation }) => isolation);
  if (first === undefined) return;
  const isDown = first.fact === "database_unreachable";
  throw new RowhouseError(isDown ? "databaseUnavailable" : "notReady", {
    message: `The database ${name} can't serve: ${first.problem}`,
    details: failing.map(({ fact }) => fact).join(", "),
    hint: first.fix,
  });
}
