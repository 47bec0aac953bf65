import { Command, CommanderError } from "commander";
import { registerCheck } from "./check.ts";
import { registerDoctor } from "./doctor.ts";
import { registerDomain } from "./domain.ts";
import { registerExport } from "./export.ts";
import { printFailure } from "./failure.ts";
import { handleSignals } from "./interrupt.ts";
import { registerKeys } from "./keys.ts";
import { registerMigrate } from "./migrate.ts";
import { registerRestore } from "./restore.ts";
import { registerServe } from "./serve.ts";
import { registerTenant } from "./tenant.ts";
import { registerToken } from "./token.ts";
import { readVersion } from "./version.ts";
import { registerVerify } from "./verify.ts";
import { addExamples } from "./action.ts";

/** In the order of `--help`. */
const COMMANDS = [
  registerServe,
  registerMigrate,
  registerTenant,
  registerDomain,
  registerToken,
  registerKeys,
  registerExport,
  registerVerify,
  registerRestore,
  registerCheck,
  registerDoctor,
];

/** The whole command tree. Running nothing and printing nothing until it is parsed. */
export function makeProgram(): Command {
  const program = new Command("rowhouse")
    .description("Tenants in one PostgreSQL database, kept apart by row-level security, and movable.")
    .version(readVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help of a command")
    .option("--json", "answer in JSON on stdout, errors in JSON on stderr")
    .option("-q, --quiet", "no talk on stderr, only warnings and errors")
    .option("--no-color", "no colour, as with NO_COLOR")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} }) // runCommand prints errors, in one form for all
    .exitOverride();
  addExamples(program, [
    ["rowhouse serve", "start here: a database of its own, with the sales example"],
    ["rowhouse tenant create acme --name 'Acme Corp'", "one more tenant"],
    ["rowhouse check", "prove that the tenants are kept apart"],
  ]);
  for (const register of COMMANDS) register(program);
  return program;
}

/** Whoever reads our answer may stop early, as `head` does. */
function endQuietlyOnClosedPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

/**
 * Parses the arguments and runs the command. `docs/reference/exit-codes.md` lists what it leaves in `process.exitCode`.
 * @param args without `node` and the script
 */
export async function runCommand(args: readonly string[]): Promise<void> {
  endQuietlyOnClosedPipe();
  handleSignals();
  try {
    await makeProgram().parseAsync([...args], { from: "user" });
  } catch (error) {
    // commander throws to end after --help and --version, too.
    if (error instanceof CommanderError && error.message === "(outputHelp)") process.exitCode = error.exitCode === 0 ? 0 : 2;
    else if (error instanceof CommanderError && error.exitCode === 0) process.exitCode = 0;
    else process.exitCode = printFailure(error, { json: args.includes("--json"), color: !args.includes("--no-color") });
  }
}
