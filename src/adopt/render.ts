import { isOpen, LEVELS, type AdoptFinding } from "./finding.ts";
import type { AdoptPlan } from "./plan.ts";
import type { Step } from "./step.ts";

/** One line of a comment; what is in it may hold anything. */
const comment = (text: string) => text.split("\n").map((line) => `-- ${line}`.trimEnd());

function describeFinding({ level, object, reason, line }: AdoptFinding): string[] {
  return [
    ...comment(`${level}  ${object}`),
    ...comment(`  ${reason}`),
    ...(line === "" ? [] : comment(`  ${line.replace(/^-- /, "")}`)),
  ];
}

function describeFindings(findings: readonly AdoptFinding[]): string[] {
  const open = findings
    .filter(isOpen)
    .toSorted((one, other) => LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level));
  if (open.length === 0) return ["-- Nothing was left to do by hand."];
  return [
    "-- What it could not decide, with the line to write by hand:",
    "--",
    ...open.flatMap((finding) => [...describeFinding(finding), "--"]),
  ];
}

function renderStep(step: Step, statements: readonly string[]): string {
  return [`-- ${step.title}.`, ...statements].join("\n");
}

const schemaNames = ({ wish }: AdoptPlan) =>
  [...wish.served, ...wish.unserved].map((name) => name.replaceAll(/\s+/g, " ")).join(", ");

/** The statements of Up alone, as they run. Pure. */
export function renderUp({ steps }: AdoptPlan): string {
  return steps
    .filter(({ up }) => up.length > 0)
    .map((step) => renderStep(step, step.up))
    .join("\n\n");
}

/** The statements of Down alone: each step's, the last one's first. Pure. */
export function renderDown({ steps }: AdoptPlan): string {
  return steps
    .toReversed()
    .filter(({ down }) => down.length > 0)
    .map((step) => [...step.down].join("\n"))
    .join("\n\n");
}

/** The migration file. Pure. */
export function renderMigration(plan: AdoptPlan): string {
  const head = [
    "-- Up Migration",
    `-- Written by \`rowhouse adopt\` for the schema ${schemaNames(plan)}: its tables carry tenants from here on.`,
    "-- It locks every table that it converts until it ends. Keys and indexes are built anew, which takes its time on large tables.",
    "--",
    ...describeFindings(plan.findings),
  ];
  const down = [
    "-- Down Migration",
    "-- Back to one tenant: refused while there are rows of two. What there is stays rowhouse_owner's.",
  ];
  return `${head.join("\n")}\n\n${renderUp(plan)}\n\n${down.join("\n")}\n\n${renderDown(plan)}\n`;
}
