import { resolve } from "node:path";
import type { Command } from "commander";
import type { RunningServer } from "../boot.ts";
import { readConfig, type Config } from "../config.ts";
import { openDatabase, type ConnectionPool } from "../db/connections.ts";
import type { ServerVersion } from "../db/server-version.ts";
import { openLog } from "../log.ts";
import { listTenants } from "../tenant/change.ts";
import { act, addExamples } from "./action.ts";
import { addressOf } from "./address.ts";
import { loadDemo, type DemoTarget } from "./demo.ts";
import { keepChoice, lockForServer, readChoice, SALES_DIR, startLocked, type Choice } from "./evaluation.ts";
import { untilInterrupted } from "./interrupt.ts";
import { describeVersion, migrateUp } from "./migrate.ts";
import { plural, type Output } from "./output.ts";
import { assertPortFree } from "./port.ts";
import { signToken } from "./token.ts";
import { readVersion } from "./version.ts";
import { EVALUATION_WARNING, formatWelcome, makeWelcome, type WelcomeFacts, type WelcomeTenant } from "./welcome.ts";

interface ServeOptions {
  readonly port?: string;
  readonly host?: string;
  readonly app?: string;
  readonly demo?: boolean;
}

/** Where the data are; what is null belongs to the embedded server alone. */
interface Source {
  readonly url: string;
  readonly choice: Choice;
  readonly folder: string | null;
  readonly note: string | null;
  /** Tells the data folder's next visitor what is served, and where. */
  announce(choice: Choice, url: string): Promise<void>;
}

const TOKEN_HOURS = 24;
const SHOWN_TENANTS = 10;

/** What to serve: as told, else as last time from this folder, else the sales example with its tenants. */
function chooseApp(config: Config, options: ServeOptions, before: Choice): Choice {
  const demo = options.demo ?? before.demo;
  const given = options.app === undefined ? config.appDir : resolve(options.app);
  const fallback = before.appDir === SALES_DIR || options.demo !== undefined ? (demo ? SALES_DIR : null) : before.appDir;
  const appDir = given ?? fallback;
  return { appDir, demo: demo && appDir === SALES_DIR, loaded: before.loaded };
}

async function openEmbedded(out: Output, config: Config, options: ServeOptions, stack: AsyncDisposableStack): Promise<Source> {
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

async function openSource(out: Output, config: Config, options: ServeOptions, stack: AsyncDisposableStack): Promise<Source> {
  if (config.DATABASE_URL === undefined) return openEmbedded(out, config, options, stack);
  await assertPortFree(config.HOST, config.PORT);
  const choice = chooseApp(config, options, { appDir: options.demo === true ? SALES_DIR : null, demo: false });
  return { url: config.DATABASE_URL, choice, folder: null, note: null, announce: async () => {} };
}

async function loadExample(out: Output, target: DemoTarget, { loaded }: Choice): Promise<void> {
  const tenants = await listTenants(target.platform);
  if (loaded === true && tenants.length > 0) return;
  if (tenants.length === 0) out.talk("Loading the sales example …");
  const rows = (await loadDemo(target)).reduce((sum, tenant) => sum + tenant.rows, 0);
  if (rows > 0) out.talk(`${plural(rows, "row")} loaded.`);
}

async function prepare(out: Output, target: DemoTarget, choice: Choice): Promise<ServerVersion> {
  let version: ServerVersion | undefined;
  const { database } = target;
  const ran = await migrateUp(out, { database, appDir: choice.appDir }, { onVersion: (found) => (version = found) });
  const count = ran.platform.length + ran.app.length;
  if (count > 0) out.talk(`${plural(count, "migration")} applied.`);
  if (choice.demo) await loadExample(out, target, choice);
  return version!;
}

/** Tokens are printed for the embedded database only: those of somebody's own would end up in a log. */
async function describeTenants(config: Config, platform: ConnectionPool, embedded: boolean): Promise<{ shown: WelcomeTenant[]; count: number }> {
  const tenants = (await listTenants(platform)).filter(({ status }) => status === "active");
  const sign = (tenantId: string) =>
    signToken(config, platform, { tenantId, role: "admin", sub: "service:operator", ttlSeconds: TOKEN_HOURS * 3600 });
  const shown = tenants.slice(0, SHOWN_TENANTS).map(async ({ id, slug, name }) => ({
    slug,
    name,
    url: addressOf(config, slug),
    token: embedded ? await sign(id) : null,
  }));
  return { shown: await Promise.all(shown), count: tenants.length };
}

/** Everything up to the open port. What it opened, the stack closes, last first. */
async function start(out: Output, options: ServeOptions, stack: AsyncDisposableStack): Promise<{ server: RunningServer; facts: WelcomeFacts }> {
  const config = readConfig({ PORT: options.port, HOST: options.host });
  const source = await openSource(out, config, options, stack);
  const database = openDatabase(source.url, config.ROWHOUSE_SECRET);
  const platform = database.openPool("rowhouse_platform", { max: 4 });
  try {
    const version = await prepare(out, { database, platform }, source.choice);
    const { appDir } = source.choice;
    const { openServer } = await import("../boot.ts"); // Koa and all: no other command wants to wait for it
    const server = await openServer({ config, database, log: openLog(config.LOG_LEVEL), appDir });
    stack.defer(() => server.close());
    await source.announce({ ...source.choice, loaded: source.choice.demo || source.choice.loaded }, server.url);
    const served = { ...config, publicUrl: new URL(server.url) };
    const embedded = source.folder !== null;
    const { shown, count } = await describeTenants(served, platform, embedded);
    const warnings = [describeVersion(version), embedded ? EVALUATION_WARNING : null].filter((text) => text !== null);
    const facts = {
      version: readVersion(),
      url: server.url,
      platformUrl: addressOf(served, "admin"),
      tenants: shown,
      tenantCount: count,
      appDir,
      database: { embedded, address: database.address, postgresql: version.text, folder: source.folder, note: source.note },
      tokenHours: TOKEN_HOURS,
      warnings,
      seconds: Math.round(performance.now()) / 1000, // since the process began
    };
    return { server, facts };
  } finally {
    await platform.end();
  }
}

async function serve(out: Output, options: ServeOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { facts } = await start(out, options, stack);
  const welcome = makeWelcome(facts);
  await untilInterrupted(async (signal) => {
    out.answer(welcome, formatWelcome(out, welcome));
    await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
    out.talk("Stopping …");
    await stack.disposeAsync();
  });
}

export function registerServe(program: Command): void {
  const command = program
    .command("serve")
    .description("serve the tenants; without DATABASE_URL from a PostgreSQL of its own, with an example in it")
    .option("--port <number>", "port to listen on, 0 for any free one (default: PORT, or 3000)")
    .option("--host <address>", "address to listen on (default: HOST, or 127.0.0.1)")
    .option("--app <folder>", "the app to serve, a folder with migrations/ in it (default: ROWHOUSE_APP)")
    .option("--demo", "load the sales example (default: with the embedded database)")
    .option("--no-demo", "start without the example; the data folder remembers it")
    .action(act<ServeOptions>(serve));
  addExamples(command, [
    ["rowhouse serve", "for a first look: data in .rowhouse/, three tenants, and lines to paste"],
    ["DATABASE_URL=postgres://owner:secret@db.example/app rowhouse serve --app ./my-app", "your database, your app"],
    ["rowhouse serve --port 0 --json", "for scripts: one line of JSON once it is up"],
  ]);
}
