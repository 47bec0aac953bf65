/** The `rowhouse` command. */
import { runCommand } from "./commands/program.ts";

// Loaded by `serve` alone: no other command wants to wait for Koa.
await runCommand(process.argv.slice(2), async (options) => (await import("./boot.ts")).openServer(options));
