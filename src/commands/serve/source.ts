import { resolve } from "node:path";
import type { Config } from "../../config.ts";
import { keepChoice, lockForServer, readChoice, SALES_DIR, startLocked, type Choice } from "../evaluation.ts";
import type { Output } from "../output.ts";
import { assertPortFree } from "../port.ts";

export interface ServeOptions {
  readonly port?: string;
  readonly host?: string;
  readonly app?: string;
  readonly demo?: boolean;
}

/** Where the data are; what is null belongs to the embedded server alone. */
export interface Source {
  readonly url: string;
  readonly choice: Choice;
  readonly folder: string | null;
  readonly note: string | null;
  /** Tells the data folder's next visitor what is served, and where. */
  readonly announce: (choice: Choice, url: string) => Promise<void>;
}

/** What to serve: as told, else as last time from this folder, else the sales example with its tenants. */
function chooseApp(config: Config, options: ServeOptions, before: Choice): Choice {
  const demo = options.demo ?? before.demo;
  const given = options.app === undefined ? config.appDir : resolve(options.app);
  const fallback =
    before.appDir === SALES_DIR || options.demo !== undefined ? (demo ? SALES_DIR : null) : before.appDir;
  const appDir = given ?? fallback;
  return { appDir, demo: demo && appDir === SALES_DIR, loaded: before.loaded };
}

async function openEmbedded(
  out: Output,
  config: Config,
  options: ServeOptions,
  stack: AsyncDisposableStack,
): Promise<Source> {
  const lock = await lockForServer(config, (text) => out.talk(text));
  stack.defer(() => lock.release());
  const choice = chooseApp(config, options, await readChoice(config.dataDir));
  await assertPortFree(config.HOST, config.PORT);
  out.talk("Starting the embedded PostgreSQL …");
  const server = await startLocked(config, lock);
  stack.defer(() => server.stop());
  const announce = async (served: Choice, url: string) => {
    await keepChoice(config.dataDir, served);
    await lock.describe({ url });
  };
  return { url: server.url, choice, folder: server.dataDir, note: server.note, announce };
}

/**
 * The database that `serve` works with, started where it is the embedded one, and what to serve from it.
 * @param stack gets what has to be ended, the lock last
 * @throws RowhouseError embeddedRunning, portTaken, embedded…
 */
export async function openSource(
  out: Output,
  config: Config,
  options: ServeOptions,
  stack: AsyncDisposableStack,
): Promise<Source> {
  if (config.DATABASE_URL === undefined) return openEmbedded(out, config, options, stack);
  await assertPortFree(config.HOST, config.PORT);
  const choice = chooseApp(config, options, { appDir: options.demo === true ? SALES_DIR : null, demo: false });
  return { url: config.DATABASE_URL, choice, folder: null, note: null, announce: async () => {} };
}
