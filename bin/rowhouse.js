#!/usr/bin/env node
// Plain JavaScript of an old kind, so that any Node can read it: it finds a Node that can run Rowhouse, and the code.
// From a checkout src/ runs as it is; the published package has dist/ instead, because Node strips no types in node_modules.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const OLDEST = 24;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src", "cli.ts");
const script = existsSync(source) ? source : join(root, "dist", "cli.js");

/** The `node` of the package that our dependencies bring along, wherever npm put it. */
function bundledNode() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  try {
    const found = createRequire(import.meta.url).resolve(`node-${platform}-${process.arch}/package.json`);
    const node = join(dirname(found), "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(node) ? node : null;
  } catch {
    return null;
  }
}

/** Runs the script in another Node, which gets our terminal and our signals, and ends as it ends. */
function runWith(node) {
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: "inherit" });
  // Ctrl-C reaches the child from the terminal as well; it takes two signals at once for one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // npm dies of a SIGTERM, and the shell between it and us does not pass it on.
  const parent = process.ppid;
  const isOrphan = () => process.env.npm_command !== undefined && process.ppid !== parent;
  setInterval(() => isOrphan() && child.kill("SIGTERM"), 250).unref();
  child.on("error", (error) => {
    console.error(`error: ${node} can't be run: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

if (Number.parseInt(process.versions.node, 10) >= OLDEST && (script !== source || process.features.typescript)) {
  process.argv[1] = script;
  await import(pathToFileURL(script).href);
} else {
  const node = bundledNode();
  if (node === null) {
    console.error(`error: Rowhouse needs Node ${OLDEST} or newer; this is ${process.versions.node}`);
    console.error("hint: Install a newer Node, or run npm ci with optional dependencies, which bring one.");
    process.exit(1);
  }
  runWith(node);
}
