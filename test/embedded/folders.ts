import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { access, chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, vi } from "vitest";
import { findPostmaster } from "../../src/embedded/postmaster.ts";
import { SYSTEM_DIR } from "../../src/embedded/place.ts";
import { waitForEnd } from "../../src/embedded/process.ts";
import { startEmbedded, type EmbeddedOptions, type EmbeddedServer } from "../../src/embedded/server.ts";
import { openLog } from "../../src/log.ts";

export const log = openLog("silent");
export const asRoot = process.geteuid?.() === 0;
export const sourceUrl = (file: string) => new URL(`../../src/${file}`, import.meta.url).href;

// Each test makes a real database or several.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const releases: (() => Promise<unknown>)[] = [];
/** Runs after the test, last come first served. */
export const afterwards = (release: () => Promise<unknown>) => void releases.push(release);

afterEach(async () => {
  for (const release of releases.splice(0).toReversed()) await release();
});

export const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Where root's data go when the folder can't be entered. */
export const systemHome = (dataDir: string) =>
  join(SYSTEM_DIR, createHash("sha256").update(dataDir).digest("hex").slice(0, 12));

/** Ends whatever runs on the cluster, however badly the test went. */
async function kill(cluster: string): Promise<void> {
  const left = await findPostmaster(cluster);
  if (left === null) return;
  // They follow when they notice, and write until then. Where there is no such list, within moments.
  const listed = await readFile(`/proc/${left.pid}/task/${left.pid}/children`, "utf8").catch(() => null);
  const children = (listed ?? "").split(" ").map(Number);
  process.kill(left.pid, "SIGKILL");
  for (const pid of [left.pid, ...children]) await waitForEnd(pid, 60_000);
  if (listed === null) await sleep(100);
}

/** A data folder (not made yet) under a folder of this mode; what is made for it goes with the test. */
export async function dataFolder(mode = 0o755): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "rowhouse-test-"));
  await chmod(parent, mode);
  const dataDir = join(parent, "data");
  afterwards(async () => {
    for (const home of [dataDir, systemHome(dataDir)]) await kill(join(home, "postgres"));
    for (const folder of [parent, systemHome(dataDir)])
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return dataDir;
}

/** A server that is stopped after the test. */
export async function start(dataDir: string, options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedServer> {
  const server = await startEmbedded({ dataDir, log, ...options });
  afterwards(() => server.stop());
  return server;
}

/** Rows of one statement, on a connection of its own. */
export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {}); // a server that ends between connect and query: the query tells
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

export interface Script {
  readonly child: ChildProcess;
  /** The first line of stdout; rejects with stderr when there is none. */
  readonly line: Promise<string>;
}

/** Runs a module's text in a Node of its own, with a process group of its own as a shell gives it, which is killed after the test. */
export function script(text: string): Script {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", text], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  afterwards(async () => child.kill("SIGKILL"));
  let [out, said] = ["", ""];
  child.stderr.on("data", (chunk) => (said += String(chunk)));
  const line = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      out += String(chunk);
      if (out.includes("\n")) resolve(out.slice(0, out.indexOf("\n")));
    });
    child.once("close", () => reject(new Error(`The script said nothing: ${said}`)));
  });
  return { child, line };
}

/** A Node that starts the server, prints its facts as JSON, and stays. */
export function serverScript(dataDir: string): Script {
  return script(`
    import { startEmbedded } from ${JSON.stringify(sourceUrl("embedded/server.ts"))};
    import { lockData } from ${JSON.stringify(sourceUrl("embedded/lock.ts"))};
    import { openLog } from ${JSON.stringify(sourceUrl("log.ts"))};
    const dataDir = ${JSON.stringify(dataDir)};
    const lock = await lockData(dataDir, { command: "serve" });
    const server = await startEmbedded({ dataDir, log: openLog("silent") });
    await lock.describe({ url: "http://localhost:3999" });
    console.log(JSON.stringify(server));
    setInterval(() => {}, 1000);
  `);
}

/** Kills the process as an out-of-memory killer would, and waits until it is gone. */
export async function killHard(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
