/**
 * The server process alone, for containers: serves the database that DATABASE_URL names, and neither starts nor migrates one
 * (that is `rowhouse serve` and `rowhouse migrate`). Ends by SIGTERM or SIGINT with 0, after the running requests.
 */
import { once } from "node:events";
import { openServer } from "./boot.ts";
import { handleSignals, untilInterrupted } from "./commands/interrupt.ts";
import { readConfig, SettingsError } from "./config.ts";
import { openDatabase } from "./db/connections.ts";
import { RowhouseError } from "./errors.ts";
import { openLog } from "./log.ts";

/** Beyond SHUTDOWN_TIMEOUT_MS, for what is closed after the last request. */
const TIDY_MS = 2000;

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
  const server = await openServer({
    config,
    database: openDatabase(url, config.ROWHOUSE_SECRET, { prepares: config.PREPARED_STATEMENTS }),
    log,
  });
  await untilInterrupted(async (signal) => {
    await once(signal, "abort");
    log.info("closing");
    await server.close();
  }, config.SHUTDOWN_TIMEOUT_MS + TIDY_MS);
}

handleSignals();
try {
  await serve();
  process.exit(0);
} catch (error) {
  const isRefusal = error instanceof RowhouseError;
  if (!isRefusal && !(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n${isRefusal && error.hint !== null ? `${error.hint}\n` : ""}`);
  process.exit(isRefusal ? error.exit : 2);
}
