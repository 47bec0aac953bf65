import { spawn } from "node:child_process";
import { join } from "node:path";
import type { MoveSite } from "../../src/move/run.ts";
import { TEST_SECRET, testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "../http/server.ts";
import { startLoad, type Load } from "./load.ts";

/** Two databases, two servers that don't know of each other, and clients that write through both. */
export interface Arena extends AsyncDisposable {
  readonly db: TestDatabase;
  readonly big: DedicatedDatabase;
  readonly site: MoveSite;
  readonly servers: readonly TestServer[];
  write(perSecond: number, writers?: number): Promise<Load>;
  /** Runs a mover in another process, to its end or its death. */
  mover(action: MoverAction, to: string, deadline?: string): Promise<MoverEnd>;
  /** The same, without waiting for it. */
  start(action: MoverAction, to: string, deadline?: string): ReturnType<typeof startMover>;
}

type MoverAction = "move" | "finish" | "rollback" | "abort";

export interface MoverEnd {
  /** Every point that it came by, as `name#count`. */
  readonly points: readonly string[];
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly stderr: string;
}

export const SLUG = "acme";

/** A mover in another process: what it says is known when it ends. */
export function startMover(args: readonly string[]): { readonly pid: number; readonly end: Promise<MoverEnd> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, "mover-process.ts"), ...args]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const end = new Promise<MoverEnd>((resolve) => {
    child.on("close", (code, signal) => resolve({ points: stdout.split("\n").filter(Boolean), code, signal, stderr }));
  });
  return { pid: child.pid!, end };
}

export async function openArena(): Promise<Arena> {
  const db = await testDatabase();
  const big = await db.dedicated("big1");
  const servers = [await testServer(db), await testServer(db)];
  const token = await servers[0]!.token(SLUG, "admin", 3600);
  return {
    db,
    big,
    site: { home: db.database, platform: db.platform, actor: "operator:test" },
    servers,
    write: (perSecond, writers = 4) =>
      Promise.resolve(
        startLoad({ ports: servers.map(({ port }) => port), host: `${SLUG}.localhost`, token, writers, perSecond }),
      ),
    start: (action, to, deadline = "") => startMover([db.url, TEST_SECRET, action, SLUG, to, deadline]),
    mover: (action, to, deadline = "") => startMover([db.url, TEST_SECRET, action, SLUG, to, deadline]).end,
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) await server.close();
      await db.close();
    },
  };
}
