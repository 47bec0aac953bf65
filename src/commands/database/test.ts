import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import type { Database } from "../../db/connections.ts";
import { compareVersions, versionRefusal, type SchemaVersion } from "../../db/schema-version.ts";
import { RowhouseError } from "../../errors.ts";
import { closeEndpoint, openEndpoint } from "../../move/endpoint.ts";
import { findOrphans, type OrphanResource } from "../../move/orphan.ts";
import { checkLinks } from "../../move/preflight/link.ts";
import { judgeServer, readServerFacts } from "../../move/preflight/server.ts";
import { readDatabaseFacts, type DatabaseFacts } from "../../tenant/database-facts.ts";
import { findDatabase, HOME, listDatabases, openEntry, type DatabaseEntry } from "../../tenant/databases.ts";
import { act, addExamples, EXIT_FINDINGS } from "../action.ts";
import { formatFacts, plural, type Output } from "../output.ts";
import { formatBytes } from "../progress.ts";
import { openSession, type Session } from "../session.ts";

interface Problem {
  readonly level: "error" | "warning";
  readonly problem: string;
  readonly fix: string | null;
}

interface Report extends Partial<DatabaseFacts> {
  readonly name: string;
  readonly kind: string;
  readonly address: string;
  /** Against the registry's database. */
  readonly version: "equal" | "older" | "newer" | "unknown";
  readonly problems: readonly Problem[];
}

const HOUR = 3600;

function toProblem(error: unknown): Problem {
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
}): Problem => ({
  level: severity,
  problem,
  fix,
});

const orphaned = ({ kind, name, fix }: OrphanResource): Problem => ({
  level: "warning",
  problem: `The ${kind} ${name} belongs to no move.`,
  fix,
});

/** What a move to or from the database would meet. */
async function replicationProblems({ database, platform, actor }: Session, name: string): Promise<Problem[]> {
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

function judgeVersion(name: string, own: SchemaVersion, wanted: SchemaVersion): Pick<Report, "version" | "problems"> {
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

/** Never rejects: a database that fails is told of, and the others go on. */
async function look(session: Session, entry: DatabaseEntry, wanted: SchemaVersion): Promise<Report> {
  const { name, kind } = entry;
  const base = { name, kind, address: entry.secretRef === null ? session.database.address : entry.address };
  try {
    const facts = await factsOf(openEntry(session.database, entry));
    const judged = judgeVersion(name, facts.schema, wanted);
    const problems = await replicationProblems(session, name).catch((error: unknown) => [toProblem(error)]);
    return { ...base, ...facts, ...judged, problems: [...judged.problems, ...problems] };
  } catch (error) {
    return { ...base, version: "unknown", problems: [toProblem(error)] };
  }
}

function formatReport(out: Output, report: Report): string {
  const { name, address, version, postgresql, latencyMs, bytes, tenants, problems } = report;
  const isDown = postgresql === undefined;
  const facts = formatFacts([
    ["database", `${out.paint("bold", name)}  ${address}`],
    ...(isDown
      ? []
      : ([
          ["postgresql", postgresql],
          ["schema", version],
          ["latency", `${latencyMs} ms`],
          ["size", formatBytes(bytes!)],
          ["tenants", tenants!.length === 0 ? "none" : tenants!.slice(0, 10).join(", ")],
        ] as const)),
    ["replication", isDown ? "unknown" : problems.some(({ level }) => level === "error") ? "not ready" : "ready"],
  ]);
  const lines = problems.map(
    ({ level, problem, fix }) =>
      `${out.paint(level === "error" ? "red" : "yellow", level)}  ${problem}${fix === null ? "" : `\n  fix: ${fix}`}`,
  );
  return [facts, ...lines].join("\n");
}

async function test(out: Output, _options: unknown, wanted?: string): Promise<number> {
  await using session = await openSession("database test");
  const entries =
    wanted === undefined ? await listDatabases(session.platform) : [await findDatabase(session.platform, wanted)];
  const { schema } = await factsOf(session.database);
  const reports: Report[] = [];
  for (const entry of entries) {
    out.talk(`Testing ${entry.name} …`);
    reports.push(await look(session, entry, schema));
  }
  const failed = reports.filter(({ problems }) => problems.some(({ level }) => level === "error"));
  out.answer(reports, reports.map((report) => formatReport(out, report)).join("\n\n"));
  out.talk(failed.length === 0 ? "All of them are ready." : `${plural(failed.length, "database")} with errors.`);
  return failed.length === 0 ? 0 : EXIT_FINDINGS;
}

export function registerTestDatabase(group: Command): void {
  const command = group
    .command("test [name]")
    .description(
      "connect to each: version, schema, latency, size, tenants, and whether moves can replicate; exits with 3 on errors",
    )
    .action(act<unknown, [string?]>(test));
  addExamples(command, [
    ["rowhouse database test", "all, one after the other; one that fails is told of, and the rest go on"],
    ["rowhouse database test big1 --json", "one, for a program"],
  ]);
}
