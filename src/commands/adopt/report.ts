import { isOpen, LEVELS, type AdoptFinding, type AdoptLevel } from "../../adopt/finding.ts";
import type { AdoptPlan } from "../../adopt/plan.ts";
import { plural, printable, type Output } from "../output.ts";

const byLevel = (findings: readonly AdoptFinding[]) =>
  findings.toSorted((one, other) => LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level));

/** Lines for people; control characters of names shown as escapes. Pure. */
export function formatFinding({ level, object, reason, line }: AdoptFinding): string {
  const write = line === "" ? "" : `\n       ${printable(line.replace(/^-- /, ""))}`;
  return `${level.padEnd(5)}  ${printable(object)}\n       ${printable(reason)}${write}`;
}

/** How many there are of each level, none included. Pure. */
export function countFindings(findings: readonly AdoptFinding[]): Record<AdoptLevel, number> {
  const count = (level: AdoptLevel) => findings.filter((finding) => finding.level === level).length;
  return { error: count("error"), warn: count("warn"), info: count("info") };
}

/** Tells on stderr what is left to do, and what was converted. */
export function tellFindings(out: Output, plan: AdoptPlan, findings: readonly AdoptFinding[]): void {
  for (const finding of byLevel(findings)) {
    const text = formatFinding(finding);
    if (isOpen(finding) || out.quiet) process.stderr.write(isOpen(finding) ? `${text}\n` : "");
    else out.talk(text);
  }
  const { error, warn } = countFindings(findings);
  out.talk(
    `${plural(plan.tables.length, "table")}, ${plural(plan.views, "view")} and ${plural(plan.routines, "function")} read; ` +
      `${plural(error, "thing was", "things were")} left out and ${plural(warn, "thing wants", "things want")} a look.`,
  );
}

/** What --json says. Pure. */
export function summarizePlan(plan: AdoptPlan, findings: readonly AdoptFinding[]) {
  return {
    schemas: [
      ...plan.wish.served.map((name) => ({ name, served: true })),
      ...plan.wish.unserved.map((name) => ({ name, served: false })),
    ],
    tenant: plan.wish.tenant,
    tables: plan.tables,
    views: plan.views,
    routines: plan.routines,
    findings: byLevel(findings),
  };
}
