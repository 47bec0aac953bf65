import { randomUUID } from "node:crypto";
import type { Database } from "../db/connections.ts";
import { askSchemaVersion, compareVersions, versionRefusal, type SchemaVersion } from "../db/schema-version.ts";
import { RowhouseError } from "../errors.ts";
import { readDatabaseFacts, type DatabaseFacts } from "../tenant/database-facts.ts";
import { HOME, openEntry, type DatabaseEntry } from "../tenant/databases.ts";
import type { Home } from "../tenant/spread.ts";
import { closeEndpoint, openEndpoint } from "./endpoint.ts";
import { findOrphans, type OrphanResource } from "./orphan.ts";
import { checkLinks } from "./preflight/link.ts";
import { judgeServer, readServerFacts } from "./preflight/server.ts";

/** What is wrong with a database, and what to do about it. */
export interface DatabaseProblem {
  readonly level: "error" | "warning";
  readonly problem: string;
  readonly fix: string | null;
}

/** What a look at a database showed. */
export interface DatabaseReport extends Partial<DatabaseFacts> {
  readonly name: string;
  readonly kind: string;
  readonly address: string;
  /** Against the registry's database. */
  readonly version: "equal" | "older" | "newer" | "unknown";
  readonly problems: readonly DatabaseProblem[];
}

/** The registry's database, and who looks. */
export interface InspectionSite extends Home {
  readonly actor: string;
}

const HOUR = 3600;

function toProblem(error: unknown): DatabaseProblem {
  const { message } = error instanceof Error ? error : { message: String(error) };
  return { level: "error", problem: message, fix: error instanceof RowhouseError ? error.hint : null };
}

const named = ({
  severity,
  problem,
  fix,
}: {
  severity: "error" | "warning";
  problem: string;
  fix: string;
}): DatabaseProblem => ({
  level: severity,
  problem,
  fix,
});

const orphaned = ({ kind, name, fix }: OrphanResource): DatabaseProblem => ({
  level: "warning",
  problem: `The ${kind} ${name} belongs to no move.`,
  fix,
});

/** What a move to or from the database would meet. */
async function replicationProblems(
  { database, platform, actor }: InspectionSite,
  name: string,
): Promise<DatabaseProblem[]> {
  const site = { home: database, platform, actor };
  const run = randomUUID();
  const there = await openEndpoint(site, name, run);
  try {
    const orphans = (await findOrphans(there, platform)).map(orphaned);
    const problems = [...judgeServer(name, await readServerFacts(there), 1, 24 * HOUR).map(named), ...orphans];
    if (name === HOME) return problems;
    const here = await openEndpoint(site, HOME, run);
    try {
      return [...problems, ...(await checkLinks(here, there)).map(named)];
    } finally {
      await closeEndpoint(here);
    }
  } finally {
    await closeEndpoint(there);
  }
}

function judgeVersion(
  name: string,
  own: SchemaVersion,
  wanted: SchemaVersion,
): Pick<DatabaseReport, "version" | "problems"> {
  const difference = compareVersions(own, wanted);
  if (difference === null) return { version: "equal", problems: [] };
  const { message, details, hint } = versionRefusal(name, difference);
  const problem = { level: "error" as const, problem: `${message}: ${details ?? ""}`, fix: hint };
  return { version: difference.missing.length > 0 ? "older" : "newer", problems: [problem] };
}

async function factsOf(database: Database): Promise<DatabaseFacts> {
  const client = await database.connectOwner();
  try {
    return await readDatabaseFacts(client);
  } finally {
    await client.end();
  }
}

/** Never rejects: what fails is told of. */
export async function inspectDatabase(site: InspectionSite, entry: DatabaseEntry): Promise<DatabaseReport> {
  const { name, kind } = entry;
  const base = { name, kind, address: entry.secretRef === null ? site.database.address : entry.address };
  try {
    const facts = await factsOf(openEntry(site.database, entry));
    const judged = judgeVersion(name, facts.schema, await askSchemaVersion(site.platform));
    const problems = await replicationProblems(site, name).catch((error: unknown) => [toProblem(error)]);
    return { ...base, ...facts, ...judged, problems: [...judged.problems, ...problems] };
  } catch (error) {
    return { ...base, version: "unknown", problems: [toProblem(error)] };
  }
}
