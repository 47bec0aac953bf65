import type { Command } from "commander";
import { inspectDatabase, type DatabaseReport } from "../../move/inspect.ts";
import { findDatabase, listDatabases } from "../../tenant/databases.ts";
import { act, addExamples, EXIT_FINDINGS } from "../action.ts";
import { formatFacts, plural, type Output } from "../output.ts";
import { formatBytes } from "../progress.ts";
import { openSession } from "../session.ts";

function formatReport(out: Output, report: DatabaseReport): string {
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
  const reports: DatabaseReport[] = [];
  for (const entry of entries) {
    out.talk(`Testing ${entry.name} …`);
    reports.push(await inspectDatabase(session, entry));
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
