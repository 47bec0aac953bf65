import type { Command } from "commander";
import { openOutput, type GlobalOptions, type Output } from "./output.ts";

/** Exit code for a command that ran well and found something to tell by it: findings, or migrations that are pending. */
export const EXIT_FINDINGS = 3;

type Work<Options, Args extends (string | undefined)[]> = (
  out: Output,
  options: Options & GlobalOptions,
  ...args: Args
) => Promise<number | void>;

/**
 * What commander calls for a command.
 * @param work gets its output, its options and its arguments; what it returns is the exit code, 0 by default
 */
export function act<Options, Args extends (string | undefined)[] = []>(work: Work<Options, Args>) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const options = command.optsWithGlobals<Options & GlobalOptions>();
    const args = given.slice(0, -2) as Args; // then come the command's own options and the command
    process.exitCode = (await work(openOutput(options), options, ...args)) ?? 0;
  };
}

export type Example = readonly [line: string, meaning: string];

const examples = new WeakMap<Command, readonly Example[]>();

/** Adds "Examples" to a command's help. */
export function addExamples(command: Command, list: readonly Example[]): Command {
  examples.set(command, list);
  const lines = list.map(([line, meaning]) => `  $ ${line}\n      ${meaning}`);
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** What {@link addExamples} added, for the reference page. */
export function examplesOf(command: Command): readonly Example[] {
  return examples.get(command) ?? [];
}
