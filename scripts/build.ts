/**
 * `npm run build`: JavaScript for the published package. Node strips no types under node_modules, so there src/ is of no use;
 * a checkout needs none of this.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { PACKAGE_DIR } from "../src/config.ts";

/** The only argument: another folder than dist/, for tests. */
const DIST = resolve(process.argv[2] ?? join(PACKAGE_DIR, "dist"));

/** What is built: everything that the entries import, with the folders below `from` kept. */
const PARTS = [
  { from: "src", entries: ["cli.ts", "main.ts"], to: DIST },
  // `serve` imports the example's generator by its path; see src/commands/sales.ts.
  { from: "examples/sales", entries: ["seed.ts"], to: join(DIST, "examples/sales") },
] as const;

/** Not checked: that is `npm run typecheck`. */
const FLAGS =
  "--ignoreConfig --target esnext --module nodenext --lib esnext --types node --rewriteRelativeImportExtensions --verbatimModuleSyntax --erasableSyntaxOnly --skipLibCheck --noCheck".split(
    " ",
  );

function compile({ from, entries, to }: (typeof PARTS)[number]): void {
  const packageFile = createRequire(import.meta.url).resolve("typescript/package.json");
  const tsc = join(dirname(packageFile), "bin", "tsc");
  const where = ["--rootDir", join(PACKAGE_DIR, from), "--outDir", to];
  const files = entries.map((entry) => join(PACKAGE_DIR, from, entry));
  const { status } = spawnSync(process.execPath, [tsc, ...FLAGS, ...where, ...files], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync(DIST, { recursive: true, force: true });
for (const part of PARTS) compile(part);
