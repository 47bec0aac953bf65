import { spawn } from "node:child_process";
import { join } from "node:path";
import { MOVER_LOCK } from "../../src/move/lock.ts";
import type { MoveSite } from "../../src/move/run.ts";
import { TEST_SECRET, testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { eventually, testServer, type TestServer } from "../http/server.ts";
import { startLoad, type Load } from "./load.ts";
import { makePatient, PATIENCE_SECONDS, PATIENT } from "./patience.ts";

/** Two databases, two servers that don't know of each other, and clients that write through both. */
export interface Arena extends AsyncDisposable {
  readonly db: TestDatabase;
  readonly big: DedicatedDatabase;
  readonly site: MoveSite;
  readonly servers: readonly TestServer[];
  write(perSecond: number, writers?: number): Promise<Load>;
  /** Runs a mover in another process, to its end or its death, and until PostgreSQL has noticed that. */
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

/** A busy server learns late that a killed mover's session is gone; until then the next mover is refused. */
const untilUnlocked = ({ admin }: TestDatabase) =>
  eventually(async () => {
    const { rowCount } = await admin.query(
      `select from pg_locks where locktype = 'advisory' and classid = $1 and database = (select oid from pg_database where datname = current_database())`,
      [MOVER_LOCK],
    );
    if (rowCount !== 0) throw new Error("A mover that has ended still holds its lock");
  }, 2000 * PATIENCE_SECONDS); // in a history another mover may have it by now

export async function openArena(): Promise<Arena> {
  const db = await testDatabase();
  const big = await db.dedicated("big1");
  for (const { admin } of [db, big]) await makePatient(admin);
  const servers = [await testServer(db, PATIENT), await testServer(db, PATIENT)];
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
    mover: async (action, to, deadline = "") => {
      const end = await startMover([db.url, TEST_SECRET, action, SLUG, to, deadline]).end;
      if (end.signal !== null) await untilUnlocked(db);
      return end;
    },
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) await server.close();
      await db.close();
    },
  };
}
