import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { findPostmaster } from "../../src/embedded/postmaster.ts";
import { waitForEnd } from "../../src/embedded/process.ts";
import { startEmbedded, type EmbeddedServer } from "../../src/embedded/server.ts";
import { openLog } from "../../src/log.ts";

/** A PostgreSQL server of a test's own, which can be crashed. Its address stays the same. */
export interface Cluster extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** As the superuser; anew after each crash. */
  readonly admin: pg.Client;
  /**
   * Ends the server without a checkpoint, and returns when it has ended. The operating system goes on, so that what was written
   * is there whether it was flushed or not.
   * @param how `immediate`: it is told to (SIGQUIT); `kill`: all of its processes at once are not told anything (SIGKILL)
   */
  crash(how: "immediate" | "kill"): Promise<void>;
  /** With other settings than before, if given. Returns when it has recovered. */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** Largest file that the server's new processes may write, as `ulimit -f` does; null: no limit. */
  limitFiles(bytes: number | null): Promise<void>;
}

/** TEST_PG_BIN's binaries, or the embedded ones, as the rest of the tests. */
const binDir = process.env["TEST_PG_BIN"];
const SETTINGS = { fsync: "off", full_page_writes: "off", max_connections: "60", shared_buffers: "64MB" };
const KILL_WAIT_MS = 60_000;

/** Without a moment in which it could have one more. */
async function stopAndList(pid: number): Promise<number[]> {
  kill(pid, "SIGSTOP");
  while ((await stateOf(pid)) !== "T") await sleep(1);
  return childrenOf(pid);
}

/** `T`: stopped (proc_pid_stat(5)). */
async function stateOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[0];
}

async function childrenOf(pid: number): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter((found) => found > 0);
  const parents = await Promise.all(
    pids.map(async (found) => {
      const text = await readFile(`/proc/${found}/stat`, "utf8").catch(() => "");
      return [found, Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1])] as const;
    }),
  );
  return parents.filter(([, parent]) => parent === pid).map(([found]) => found);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function openAdmin(url: string): Promise<pg.Client> {
  const admin = new pg.Client({ connectionString: url });
  admin.on("error", () => {}); // it breaks with the server
  await admin.connect();
  return admin;
}

export async function openCluster(settings: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const dataDir = await mkdtemp(join(tmpdir(), "rowhouse-cluster-"));
  let current = { ...SETTINGS, ...settings };
  const start = () => startEmbedded({ dataDir, log: openLog("silent"), binDir, settings: current });
  let server: EmbeddedServer = await start();
  let admin = await openAdmin(server.url);
  const folder = join(server.dataDir, "postgres");
  const pidOf = async () => {
    const postmaster = await findPostmaster(folder);
    if (postmaster === null) throw new Error("The server does not run");
    return postmaster.pid;
  };
  return {
    url: server.url,
    port: Number(new URL(server.url).port),
    get admin() {
      return admin;
    },
    crash: async (how) => {
      const pid = await pidOf();
      const children = how === "kill" ? await stopAndList(pid) : await childrenOf(pid);
      if (how === "immediate") kill(pid, "SIGQUIT");
      else for (const one of [pid, ...children]) kill(one, "SIGKILL");
      for (const one of [pid, ...children])
        if (!(await waitForEnd(one, KILL_WAIT_MS))) throw new Error(`Process ${one} does not end`);
    },
    restart: async (changed = {}) => {
      if ((await findPostmaster(folder)) !== null) await server.stop();
      const { url } = server;
      current = { ...current, ...changed };
      server = await start();
      if (server.url !== url) throw new Error(`The server came back as ${server.url}`);
      await admin.end().catch(() => {});
      admin = await openAdmin(server.url);
    },
    limitFiles: async (bytes) => {
      // The soft limit alone, which everybody may raise again; running processes keep theirs. As the server's user, which may.
      const { uid, gid } = await stat(folder);
      const args = ["--pid", String(await pidOf()), `--fsize=${bytes ?? "unlimited"}:`];
      await promisify(execFile)("prlimit", args, { uid, gid, cwd: "/" });
    },
    [Symbol.asyncDispose]: async () => {
      await admin.end().catch(() => {});
      await server.stop();
      for (const path of [server.dataDir, dataDir]) await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
