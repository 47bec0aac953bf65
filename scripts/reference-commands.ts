/** The sections of docs/reference/commands.md, out of the command tree itself. */
import type { Argument, Command, Option } from "commander";
import { openServer } from "../src/boot.ts";
import { examplesOf } from "../src/commands/action.ts";
import { makeProgram } from "../src/commands/program.ts";

export function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

const argumentText = (argument: Argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`);

function optionTable(options: readonly Option[]): string[] {
  const shown = options.filter(({ hidden }) => !hidden);
  if (shown.length === 0) return [];
  const rows = shown.map(({ flags, description, defaultValue }) => {
    const initial = typeof defaultValue === "string" ? ` (default: ${defaultValue})` : "";
    return `| \`${flags}\` | ${description}${initial} |`;
  });
  return ["", "| option | meaning |", "|---|---|", ...rows];
}

function exampleBlock(command: Command): string[] {
  const lines = examplesOf(command).map(([line, meaning]) => `# ${meaning}\n${line}`);
  return lines.length === 0 ? [] : ["", "```sh", ...lines, "```"];
}

function section(command: Command): string {
  const title = [nameOf(command), ...command.registeredArguments.map(argumentText)].join(" ");
  const alias = command.alias() === undefined ? "" : ` Short: \`${command.alias()}\`.`;
  const text = `${command.description()[0]!.toUpperCase()}${command.description().slice(1)}.${alias}`;
  return [`## \`${title}\``, "", text, ...optionTable(command.options), ...exampleBlock(command)].join("\n");
}

/** Every command that does something, depth first, in the order of `--help`; groups are only on the way. */
export function leafCommands(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leafCommands);
}

export const program = await makeProgram(openServer);

export function commandSections(): string {
  const global = ["## For every command", ...optionTable(program.options), "| `-h, --help` | print help |"];
  return [global.join("\n"), ...leafCommands(program).map(section)].join("\n\n");
}
