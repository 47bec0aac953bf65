import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PATIENCE_MS, SALES, TEST_SECRET } from "../harness.ts";
import { eventually } from "./server.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");

/** A server in a process of its own, as `npm start` in production has it. */
export interface ServerProcess {
  readonly child: ChildProcess;
  readonly port: number;
  /** Every line of its log. */
  readonly log: Record<string, unknown>[];
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and waits until it has ended. */
  end(): Promise<void>;
}

/** Starts one on a port of its own and waits until it listens. Nothing of the surroundings comes in but what finds programs. */
export async function startServerProcess(
  url: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
      DATABASE_URL: url,
      ROWHOUSE_SECRET: TEST_SECRET,
      ROWHOUSE_APP: SALES,
      PORT: "0",
      CONNECTION_WAIT_MS: String(PATIENCE_MS),
      STATEMENT_TIMEOUT_MS: String(PATIENCE_MS),
      ...settings,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log: Record<string, unknown>[] = [];
  const words: string[] = [];
  createInterface({ input: child.stderr! }).on("line", (line) => {
    if (line.startsWith("{")) log.push(JSON.parse(line) as Record<string, unknown>);
    else words.push(line);
  });
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async (signal: "SIGKILL" | "SIGTERM") => {
    if (isOver()) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  };
  const failed = once(child, "close").then(() => {
    throw new Error(`The server ended: ${words.join("\n")}`);
  });
  const listening = eventually(async () => {
    if (!log.some(({ msg }) => msg === "listening")) throw new Error("The server does not listen yet");
  });
  failed.catch(() => {}); // later it may
  listening.catch(() => {});
  await Promise.race([listening, failed]);
  const port = Number(new URL(log.find(({ msg }) => msg === "listening")!["url"] as string).port);
  return { child, port, log, kill: () => stop("SIGKILL"), end: () => stop("SIGTERM") };
}
