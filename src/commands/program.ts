import { Command, CommanderError } from "commander";
import { readVersion } from "../config.ts";
import { printFailure } from "./failure.ts";
import { handleSignals } from "./interrupt.ts";
import type { OpenServer } from "./serve.ts";
import { addExamples } from "./action.ts";

type Register = (program: Command, openServer: OpenServer) => void;

/** In the order of `--help`. Each is loaded when it is wanted: what one needs, the others need not wait for. */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  serve: async () => (await import("./serve.ts")).registerServe,
  migrate: async () => (await import("./migrate.ts")).registerMigrate,
  tenant: async () => (await import("./tenant.ts")).registerTenant,
  database: async () => (await import("./database.ts")).registerDatabase,
  domain: async () => (await import("./domain.ts")).registerDomain,
  issuer: async () => (await import("./issuer.ts")).registerIssuer,
  plan: async () => (await import("./plan.ts")).registerPlan,
  demo: async () => (await import("./demo.ts")).registerDemo,
  webhook: async () => (await import("./webhook.ts")).registerWebhook,
  operator: async () => (await import("./operator.ts")).registerOperator,
  audit: async () => (await import("./audit.ts")).registerAudit,
  token: async () => (await import("./token.ts")).registerToken,
  keys: async () => (await import("./keys.ts")).registerKeys,
  user: async () => (await import("./user.ts")).registerUser,
  role: async () => (await import("./role.ts")).registerRole,
  key: async () => (await import("./key.ts")).registerKey,
  setting: async () => (await import("./data.ts")).registerSetting,
  flag: async () => (await import("./data.ts")).registerFlag,
  location: async () => (await import("./data.ts")).registerLocation,
  mail: async () => (await import("./mail.ts")).registerMail,
  types: async () => (await import("./typescript.ts")).registerTypes,
  export: async () => (await import("./export.ts")).registerExport,
  verify: async () => (await import("./verify.ts")).registerVerify,
  inspect: async () => (await import("./inspect.ts")).registerInspect,
  restore: async () => (await import("./restore.ts")).registerRestore,
  clone: async () => (await import("./clone.ts")).registerClone,
  diff: async () => (await import("./diff.ts")).registerDiff,
  purge: async () => (await import("./purge.ts")).registerPurge,
  promote: async () => (await import("./move.ts")).registerPromote,
  demote: async () => (await import("./move.ts")).registerDemote,
  move: async () => (await import("./move.ts")).registerMove,
  moves: async () => (await import("./moves.ts")).registerMoves,
  adopt: async () => (await import("./adopt.ts")).registerAdopt,
  check: async () => (await import("./check.ts")).registerCheck,
  doctor: async () => (await import("./doctor.ts")).registerDoctor,
};

/** The commands that these arguments can mean: one, or all where help or a suggestion may want them. */
function chooseCommands(args: readonly string[]): string[] {
  const wanted = args.find((arg) => !arg.startsWith("-")) ?? "";
  return Object.hasOwn(COMMANDS, wanted) ? [wanted] : Object.keys(COMMANDS);
}

/**
 * The command tree. Runs nothing and prints nothing until it is parsed.
 * @param args what will be parsed; the whole tree without them
 */
export async function makeProgram(openServer: OpenServer, args: readonly string[] = []): Promise<Command> {
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
  for (const name of chooseCommands(args)) (await COMMANDS[name]!())(program, openServer);
  return program;
}

/** Whoever reads our answer may stop early, as `head` does; the work goes on, and what it prints goes nowhere. */
function bearClosedPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

/**
 * Parses the arguments and runs the command. `docs/reference/exit-codes.md` lists what it leaves in `process.exitCode`.
 * @param args without `node` and the script
 * @param openServer what `serve` opens
 */
export async function runCommand(args: readonly string[], openServer: OpenServer): Promise<void> {
  bearClosedPipe();
  handleSignals();
  try {
    const program = await makeProgram(openServer, args);
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    // commander throws to end after --help and --version, too.
    if (error instanceof CommanderError && error.message === "(outputHelp)")
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    else if (error instanceof CommanderError && error.exitCode === 0) process.exitCode = 0;
    else process.exitCode = printFailure(error, { json: args.includes("--json"), color: !args.includes("--no-color") });
  }
}
