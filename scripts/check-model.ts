/**
 * `npm run check:model [-- --deep] [--only TEXT]`: searches the model of a move (scripts/model/move.pml) with spin, then takes one
 * guard away after the other and wants a counterexample for each. Prints two Markdown tables, which docs/explanations/move-model.md
 * keeps. Exit status: 0 all as expected, 1 the model fails or a mutant survives, 2 spin or gcc is missing.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { CASES, DEEP_CASES, MUTANTS, type Mutant } from "./model/cases.ts";
import { checkCases, missingPrograms, type ModelCase, type Verdict } from "./model/spin.ts";

const { values } = parseArgs({ options: { deep: { type: "boolean", default: false }, only: { type: "string" } } });
const width = Math.min(2, availableParallelism());

function wanted<T extends ModelCase>(cases: T[]): T[] {
  return cases.filter(({ name }) => values.only === undefined || name.includes(values.only));
}

function coverage({ violation, isExhaustive, hashFactor }: Verdict): string {
  if (violation !== null) return `**fails**: \`${violation}\``;
  if (isExhaustive) return "holds, exhaustive";
  return hashFactor === null ? "**incomplete**" : `holds, bitstate, hash factor ${hashFactor}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function report(verdict: Verdict): void {
  process.stderr.write(`${verdict.name}: ${coverage(verdict)}\n`);
}

async function checkModel(): Promise<number> {
  const verdicts = await checkCases(wanted(values.deep ? [...CASES, ...DEEP_CASES] : CASES), width, report);
  say("| history | states | depth | seconds | MB | result |\n|---|---:|---:|---:|---:|---|");
  for (const verdict of verdicts) {
    const { name, states, depth, seconds, megabytes } = verdict;
    say(`| ${name} | ${states} | ${depth} | ${seconds} | ${Math.round(megabytes)} | ${coverage(verdict)} |`);
  }
  return verdicts.filter(
    ({ violation, isExhaustive, hashFactor }) => violation !== null || (!isExhaustive && hashFactor === null),
  ).length;
}

function isAsExpected({ isFound }: Mutant, verdict: Verdict): boolean {
  return isFound ? verdict.violation !== null : verdict.violation === null && verdict.isExhaustive;
}

async function checkMutants(): Promise<number> {
  const mutants = wanted(MUTANTS);
  const verdicts = await checkCases(mutants, width, report);
  const results = mutants.map((mutant, index) => ({ mutant, verdict: verdicts[index]! }));
  say("\n| taken away | flag | counterexample | states |\n|---|---|---|---:|");
  for (const { mutant, verdict } of results) {
    const found =
      verdict.violation === null ? (mutant.isFound ? "**survived**" : "none: redundant") : `\`${verdict.violation}\``;
    say(`| ${mutant.removed} | ${mutant.name} | ${found.replaceAll("|", "\\|")} | ${verdict.states} |`);
  }
  return results.filter(({ mutant, verdict }) => !isAsExpected(mutant, verdict)).length;
}

const missing = missingPrograms(process.env["PATH"] ?? "");
if (missing.length > 0) {
  process.stderr.write(
    `check:model needs ${missing.join(" and ")}.\nDebian and Ubuntu: apt-get install spin gcc. macOS: brew install spin.\n`,
  );
  process.exitCode = 2;
} else {
  const failures = (await checkModel()) + (await checkMutants());
  say(failures === 0 ? "\nAll as expected." : `\n${failures} not as expected.`);
  process.exitCode = failures === 0 ? 0 : 1;
}
