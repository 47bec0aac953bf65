/** The `rowhouse` command. */
import { runCommand } from "./commands/program.ts";

await runCommand(process.argv.slice(2));
