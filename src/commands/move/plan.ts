import type { MovePlan } from "../../move/plan.ts";
import type { MoveFinding } from "../../move/preflight.ts";
import { formatTable, plural, type Output } from "../output.ts";
import { formatBytes, formatSeconds } from "../progress.ts";

/** One line before the start: what it will do, and how long it should take. Pure. */
export function describePlan(plan: MovePlan): string {
  const { slug, from, to, tables, rows, bytes, forecast, windowEnds } = plan;
  const what = `${plural(rows, "row")} of ${plural(tables.length, "table")}, ${formatBytes(bytes)}`;
  const basis =
    forecast.learnedFrom === 0
      ? "a guess: no earlier move to learn from"
      : `as ${plural(forecast.learnedFrom, "earlier move")}`;
  const time = `about ${formatSeconds(Math.ceil(forecast.totalMs / 1000))} (${basis})`;
  const fence = `writes wait about ${forecast.fenceMs} ms, ${plan.settings.fenceMs} ms at most`;
  const back = windowEnds === null ? "no way back" : `way back until ${windowEnds.slice(0, 16)}Z`;
  return `${slug}: ${from} → ${to}, ${what}; ${time}; ${fence}; ${back}.`;
}

/** For --dry-run. Pure but for the colours. */
export function formatPlan(out: Output, plan: MovePlan): string {
  const tables = plan.tables.filter(({ rows }) => rows > 0).toSorted((a, b) => b.bytes - a.bytes);
  const table = formatTable(
    ["TABLE", "ROWS", "BYTES"],
    tables.map(({ table: name, rows, bytes }) => [name, rows, formatBytes(bytes)]),
  );
  return [describePlan(plan), table, ...plan.findings.map((finding) => formatFinding(out, finding))].join("\n\n");
}

const COLORS = { error: "red", warning: "yellow" } as const;

/** Pure but for the colours. */
export function formatFinding(out: Output, { code, severity, database, object, problem, fix }: MoveFinding): string {
  const head = `${out.paint(COLORS[severity], severity.padEnd(7))}  ${out.paint("bold", object)} in ${database} [${code}]`;
  return `${head}\n         ${problem}\n         fix: ${fix}`;
}
