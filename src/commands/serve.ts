import type { Command } from "commander";
import { linkFirstOperator, operatorLink } from "../auth/operator-links.ts";
import { readConfig, readVersion, startedByNpm, type Config } from "../config.ts";
import { openDatabase, type ConnectionPool, type Database } from "../db/connections.ts";
import type { ServerVersion } from "../db/server-version.ts";
import { openLog, type Log } from "../log.ts";
import { listTenants } from "../tenant/change.ts";
import { originUnder } from "../tenant/origin.ts";
import { act, addExamples } from "./action.ts";
import { loadDemo, type DemoTarget } from "./sales.ts";
import type { Choice } from "./evaluation.ts";
import { endWithParent, untilInterrupted } from "./interrupt.ts";
import { describeVersion, migrateUp } from "./migrate.ts";
import { plural, type Output } from "./output.ts";
import { operatorName } from "./session.ts";
import { openSource, type ServeOptions } from "./serve/source.ts";
import { signToken } from "./token.ts";
import { EVALUATION_WARNING, formatWelcome, makeWelcome, type WelcomeFacts } from "./welcome.ts";

/** `openServer` of src/boot.ts, which hands it to us: an edge room can't know the entry, where all of them meet. */
export type OpenServer = (options: {
  readonly config: Config;
  readonly database: Database;
  readonly log: Log;
  readonly appDir: string | null;
}) => Promise<{ readonly url: string; close(): Promise<void> }>;

const TOKEN_HOURS = 24;
const SHOWN_TENANTS = 10;
/** How long the embedded server may take to end, after the last request has. */
const DATABASE_END_MS = 25_000;

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
async function describeTenants(
  config: Config,
  platform: ConnectionPool,
  embedded: boolean,
): Promise<Pick<WelcomeFacts, "tenants" | "tenantCount">> {
  const tenants = (await listTenants(platform)).filter(({ status }) => status === "active");
  const sign = (tenantId: string) =>
    signToken(config, platform, { tenantId, role: "admin", sub: "service:operator", ttlSeconds: TOKEN_HOURS * 3600 });
  const shown = tenants.slice(0, SHOWN_TENANTS).map(async ({ id, slug, name }) => ({
    slug,
    name,
    url: originUnder(config, slug),
    token: embedded ? await sign(id) : null,
  }));
  return { tenants: await Promise.all(shown), tenantCount: tenants.length };
}

/** As long as there is no operator, each start prints a link for the first one, good for a day. */
async function firstOperatorLink(config: Config, platform: ConnectionPool): Promise<string | null> {
  const link = await linkFirstOperator(platform, operatorName());
  return link === null ? null : operatorLink(originUnder(config, "admin"), link);
}

/** Everything up to the open port. What it opened, the stack closes, last first. */
async function start(
  openServer: OpenServer,
  out: Output,
  config: Config,
  options: ServeOptions,
  stack: AsyncDisposableStack,
): Promise<WelcomeFacts> {
  const { url: databaseUrl, choice, folder, note, announce } = await openSource(out, config, options, stack);
  const { appDir } = choice;
  const database = openDatabase(databaseUrl, config.ROWHOUSE_SECRET, { prepares: config.PREPARED_STATEMENTS });
  const platform = database.openPool("rowhouse_platform", { max: 4 });
  try {
    const version = await prepare(out, { database, platform }, choice);
    const server = await openServer({ config, database, log: openLog(config.LOG_LEVEL), appDir });
    stack.defer(() => server.close());
    await announce({ ...choice, loaded: choice.demo || choice.loaded }, server.url);
    const served = { ...config, publicUrl: new URL(server.url) };
    const embedded = folder !== null;
    return {
      version: readVersion(),
      url: server.url,
      platformUrl: originUnder(served, "admin"),
      ...(await describeTenants(served, platform, embedded)),
      appDir,
      database: { embedded, address: database.address, postgresql: version.text, folder, note },
      tokenHours: TOKEN_HOURS,
      operatorLink: await firstOperatorLink(served, platform),
      warnings: [describeVersion(version), embedded ? EVALUATION_WARNING : null].filter((text) => text !== null),
      seconds: Math.round(performance.now()) / 1000, // since the process began
    };
  } finally {
    await platform.end();
  }
}

async function serve(openServer: OpenServer, out: Output, options: ServeOptions): Promise<void> {
  const config = readConfig({ PORT: options.port, HOST: options.host });
  if (startedByNpm()) endWithParent();
  await using stack = new AsyncDisposableStack();
  const welcome = makeWelcome(await start(openServer, out, config, options, stack));
  await untilInterrupted(async (signal) => {
    out.answer(welcome, formatWelcome(out, welcome));
    await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
    out.talk("Stopping …");
    await stack.disposeAsync();
  }, config.SHUTDOWN_TIMEOUT_MS + DATABASE_END_MS);
}

export function registerServe(program: Command, openServer: OpenServer): void {
  const command = program
    .command("serve")
    .description("serve the tenants; without DATABASE_URL from a PostgreSQL of its own, with an example in it")
    .option("--port <number>", "port to listen on, 0 for any free one (default: PORT, or 3000)")
    .option("--host <address>", "address to listen on (default: HOST, or 127.0.0.1)")
    .option("--app <folder>", "the app to serve, a folder with migrations/ in it (default: ROWHOUSE_APP)")
    .option("--demo", "load the sales example (default: with the embedded database)")
    .option("--no-demo", "start without the example; the data folder remembers it")
    .action(act<ServeOptions>((out, options) => serve(openServer, out, options)));
  addExamples(command, [
    ["rowhouse serve", "for a first look: data in .rowhouse/, three tenants, and lines to paste"],
    ["DATABASE_URL=postgres://owner:secret@db.example/app rowhouse serve --app ./my-app", "your database, your app"],
    ["rowhouse serve --port 0 --json", "for scripts: one line of JSON once it is up"],
  ]);
}
