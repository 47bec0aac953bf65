import type { Command } from "commander";
import type { Finding, Level } from "../checks/finding.ts";
import { proveIsolation } from "../checks/proof.ts";
import { runChecks } from "../checks/run.ts";
import { act, addExamples, EXIT_FINDINGS } from "./action.ts";
import { plural, type Output } from "./output.ts";
import { openSession, type Session } from "./session.ts";

interface CheckOptions {
  readonly lint?: boolean;
  readonly prove?: boolean;
  readonly only?: string[];
  readonly suppress?: string[];
}

const LEVELS: readonly Level[] = ["error", "warn", "info"];
const COLORS = { error: "red", warn: "yellow", info: "cyan" } as const;

function formatFinding(out: Output, { level, title, object, detail, fix, key }: Finding): string {
  const head = `${out.paint(COLORS[level], level.padEnd(5))}  ${title}: ${out.paint("bold", object)}`;
  return `${head}\n       ${detail}\n       fix: ${fix}\n       key: ${key}`;
}

/** Both halves unless one was asked for: the rules read the catalog, the attack tries the wall. */
async function findAll({ database }: Session, { lint, prove, only, suppress = [] }: CheckOptions): Promise<Finding[]> {
  const both = lint === undefined && prove === undefined;
  const found: Finding[] = [];
  if (both || lint === true) found.push(...(await runChecks(database, { only, suppress })));
  if ((both && only === undefined) || prove === true) found.push(...(await proveIsolation(database)));
  return found.filter(({ key }) => !suppress.includes(key));
}

async function check(out: Output, options: CheckOptions): Promise<number> {
  await using session = await openSession("check");
  const findings = (await findAll(session, options)).toSorted(
    (one, other) => LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level),
  );
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length;
  out.answer(
    { errors: count("error"), warnings: count("warn"), findings },
    findings.map((finding) => formatFinding(out, finding)).join("\n\n"),
  );
  out.talk(
    count("error") === 0
      ? `The wall holds: no errors, ${plural(count("warn"), "warning")}.`
      : `The wall has ${plural(count("error"), "hole")}.`,
  );
  return count("error") > 0 ? EXIT_FINDINGS : 0;
}

export function registerCheck(program: Command): void {
  const command = program
    .command("check")
    .description("read the catalog against every rule of isolation, then attack the database as one of its tenants")
    .option("--lint", "the rules alone")
    .option("--prove", "the attack alone; each attempt is rolled back")
    .option("--only <rule...>", "these rules alone")
    .option("--suppress <key...>", "leave out findings that are known and accepted, by their keys")
    .action(act<CheckOptions>(check));
  addExamples(command, [
    ["rowhouse check", "findings with their fixes; exits with 3 on an error"],
    ["rowhouse check --only rls_disabled rls_not_forced", "two rules of policies/checks/"],
    ["rowhouse check --json | jq -r '.findings[].key'", "keys, to suppress what is accepted"],
  ]);
}
