import { spawn, type ChildProcessByStdio } from "node:child_process";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { PATIENCE_MS, TEST_SECRET } from "../harness.ts";

export const ROOT = join(import.meta.dirname, "../..");
const CLI = join(ROOT, "src/cli.ts");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of stdout as JSON: the answer of a command with --json. */
  readonly json: <T = Record<string, unknown>>() => T;
  /** Every line of stdout as JSON. */
  readonly lines: () => Record<string, unknown>[];
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What runs instead of src/cli.ts in this test's Node. */
  readonly program?: readonly string[];
}

/** Made by global-setup.ts: a command starts in half the time when its files are compiled already. */
const COMPILE_CACHE = process.env["NODE_COMPILE_CACHE"];

/** Nothing of the surroundings comes in but what finds programs: a developer's DATABASE_URL must not be tested on. */
function environment(env: RunOptions["env"]): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "",
    ROWHOUSE_SECRET: TEST_SECRET,
    CONNECTION_WAIT_MS: String(PATIENCE_MS),
    STATEMENT_TIMEOUT_MS: String(PATIENCE_MS),
    ...(COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE: COMPILE_CACHE }),
    ...env,
  };
}

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export function start(
  args: readonly string[],
  { env, cwd = ROOT, program = [process.execPath, CLI] }: RunOptions = {},
): Child {
  const [file, ...before] = program;
  return spawn(file!, [...before, ...args], { cwd, env: environment(env), stdio: ["pipe", "pipe", "pipe"] });
}

/** Waits for the end of a child. */
export function ended(child: Child): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const lines = () =>
    stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr, lines, json: <T>() => lines().at(-1) as T }));
  });
}

/** The child's first line on stdout, whole, in however many pieces it comes; null when there is none. */
export function firstLine(child: Child): Promise<string | null> {
  let text = "";
  return new Promise((resolve) => {
    child.stdout.on("data", (piece: Buffer | string) => {
      text += String(piece);
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.on("close", () => resolve(null));
  });
}

/** Runs the command as a user would, in a process of its own and without a terminal. */
export function run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = start(args, options);
  child.stdin.end();
  return ended(child);
}

/** {@link run} with DATABASE_URL set. */
export function runOn(url: string, env: Readonly<Record<string, string>> = {}) {
  return (...args: string[]) => run(args, { env: { DATABASE_URL: url, ...env } });
}
