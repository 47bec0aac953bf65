/**
 * The server process alone, for containers: serves the database that DATABASE_URL names, and neither starts nor migrates one
 * (that is `rowhouse serve` and `rowhouse migrate`). Ends by SIGTERM or SIGINT with 0, after the running requests.
 */
import { openServer, type RunningServer } from "./boot.ts";
import { readConfig, SettingsError } from "./config.ts";
import { openDatabase } from "./db/connections.ts";
import { RowhouseError } from "./errors.ts";
import { openLog, type Log } from "./log.ts";

/** A terminal sends Ctrl-C to everybody in it, and what started us may pass on its own: two at once are one. */
const ECHO_MS = 500;

/** Resolves when SIGTERM or SIGINT came and everything is closed; a second signal ends the process at once. */
function closeOnSignal(server: RunningServer, log: Log): Promise<void> {
  return new Promise((resolve, reject) => {
    let asked = -Infinity;
    const onSignal = (signal: NodeJS.Signals) => {
      const now = performance.now();
      if (asked > 0 && now - asked > ECHO_MS) process.exit(signal === "SIGINT" ? 130 : 143);
      if (asked > 0) return;
      asked = now;
      log.info({ signal }, "closing");
      server.close().then(resolve, reject);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

async function serve(): Promise<void> {
  const config = readConfig();
  const url = config.DATABASE_URL;
  if (url === undefined) {
    throw new RowhouseError("configInvalid", {
      message: "DATABASE_URL is not set",
      hint: "Set it, or use `rowhouse serve`, which brings an embedded database for evaluation.",
    });
  }
  const log = openLog(config.LOG_LEVEL);
  const server = await openServer({ config, database: openDatabase(url, config.ROWHOUSE_SECRET), log });
  await closeOnSignal(server, log);
}

try {
  await serve();
  process.exit(0);
} catch (error) {
  const isRefusal = error instanceof RowhouseError;
  if (!isRefusal && !(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n${isRefusal && error.hint !== null ? `${error.hint}\n` : ""}`);
  process.exit(isRefusal ? error.exit : 2);
}
