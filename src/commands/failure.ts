import { CommanderError } from "commander";
import { SettingsError } from "../config.ts";
import { ERRORS, RowhouseError } from "../errors.ts";
import { Interrupted } from "./interrupt.ts";
import { errorPaint, printable } from "./output.ts";

/** What a command that fails prints: on stderr, with --json as `{"error": …}` in one line. */
export interface Failure {
  /** A code of `docs/reference/errors.md`, an SQLSTATE, or an errno name. */
  readonly code: string;
  readonly message: string;
  readonly details: string | null;
  readonly hint: string | null;
  readonly exit: number;
}

interface Coded {
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly hint?: unknown;
  readonly severity?: unknown;
}

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : null);

/** Tables, schemas and functions that only `rowhouse migrate` makes. */
const NOT_MIGRATED = new Set(["42P01", "3F000", "42883"]);

/** commander says `error: unknown option '--jsn'\n(Did you mean --json?)`. */
function usageFailure(error: CommanderError): Failure {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = rest.join(" ").replace(/^\(|\)$/g, "");
  const hint = suggestion === "" ? "`--help` shows what there is." : suggestion;
  return { code: ERRORS.usage.code, message: first, details: null, hint, exit: ERRORS.usage.exit };
}

function settingsFailure(error: SettingsError): Failure {
  const { code, exit } = ERRORS.configInvalid;
  return {
    code,
    message: error.message,
    details: null,
    hint: "docs/reference/configuration.md lists the settings.",
    exit,
  };
}

function databaseFailure(error: Error & Coded): Failure {
  const code = String(error.code);
  const hint = NOT_MIGRATED.has(code) ? "Is the database set up? `rowhouse migrate` does it." : text(error.hint);
  return { code, message: `PostgreSQL refuses: ${error.message}`, details: text(error.detail), hint, exit: 1 };
}

/** Pure: what to say of anything thrown, and the exit code. */
export function toFailure(error: unknown): Failure {
  if (error instanceof RowhouseError) {
    const { code, message, details, hint, exit } = error;
    return { code, message, details, hint, exit };
  }
  if (error instanceof CommanderError) return usageFailure(error);
  if (error instanceof SettingsError) return settingsFailure(error);
  if (error instanceof Interrupted)
    return { code: "INTERRUPTED", message: error.message, details: null, hint: null, exit: error.exit };
  if (!(error instanceof Error))
    return { code: ERRORS.internal.code, message: String(error), details: null, hint: null, exit: 1 };
  const coded: Error & Coded = error;
  if (coded.severity !== undefined) return databaseFailure(coded);
  const code = text(coded.code);
  if (code !== null) return { code, message: error.message, details: null, hint: null, exit: 1 };
  const hint = "This is a bug of Rowhouse. Please report it with the lines above.";
  return {
    code: ERRORS.internal.code,
    message: `Rowhouse failed: ${error.message}`,
    details: error.stack ?? null,
    hint,
    exit: 1,
  };
}

const printableLines = (lines: string) => lines.split("\n").map(printable).join("\n");

/** Writes the failure to stderr. @returns the exit code */
export function printFailure(error: unknown, options: { json: boolean; color: boolean }): number {
  const { exit, ...failure } = toFailure(error);
  if (options.json) {
    process.stderr.write(`${JSON.stringify({ error: failure })}\n`);
    return exit;
  }
  const paint = errorPaint(options.color);
  const lines = [`${paint("red", "error:")} ${printableLines(failure.message)} [${failure.code}]`];
  if (failure.details !== null) lines.push(...failure.details.split("\n").map((line) => `  ${printable(line)}`));
  if (failure.hint !== null) lines.push(`${paint("cyan", "hint:")} ${failure.hint}`);
  process.stderr.write(`${lines.join("\n")}\n`);
  return exit;
}
