import { execFile } from "node:child_process";
import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SALES, TEST_SECRET, testDatabase, type TestDatabase } from "./harness.ts";
import { testServer, type TestServer } from "./http/server.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const pages = [
  "README.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "examples/sales/README.md",
  "examples/print-shop/README.md",
  "examples/front-end/README.md",
].concat(
  (await readdir(join(ROOT, "docs"), { recursive: true }))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
);
const texts = new Map(
  await Promise.all(pages.map(async (page) => [page, await readFile(join(ROOT, page), "utf8")] as const)),
);

/** The shell blocks of a page that are meant to be run, in order. `no-test` marks one that can't be: it says why next to it. */
function shellBlocks(text: string): string[] {
  return [...text.matchAll(/^( *)```sh\n([\s\S]*?)^\1```/gm)].map(([, indent, block]) =>
    block!.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );
}

describe("links", () => {
  test.each([...texts])("%s", (page, text) => {
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) =>
      join(dirname(page), target!),
    );
    expect(
      targets.filter((target) => !texts.has(target) && target !== "LICENSE").map((target) => relative(".", target)),
    ).toEqual([]);
  });
});

describe("commands", () => {
  let db: TestDatabase;
  let server: TestServer;
  let work: string;

  beforeAll(async () => {
    db = await testDatabase();
    server = await testServer(db);
    work = await mkdtemp(join(tmpdir(), "rowhouse-docs-"));
    await cp(SALES, join(work, "examples/sales"), { recursive: true });
    await cp(join(ROOT, "examples/print-shop"), join(work, "examples/print-shop"), { recursive: true });
    // What npx does in a checkout, without npm's second: the command under the Node that runs the tests.
    await writeFile(
      join(work, "npx"),
      `#!/bin/sh\n[ "$1" = rowhouse ] && shift\nexec "${process.execPath}" "${ROOT}/src/cli.ts" "$@"\n`,
    );
    await chmod(join(work, "npx"), 0o755);
  });
  afterAll(async () => {
    await server.close();
    await db.close();
    await rm(work, { recursive: true });
  });

  // The examples of docs/reference/commands.md come from --help, and test/commands runs those commands.
  const runnable = [...texts].filter(
    ([page, text]) => page !== "README.md" && !page.startsWith("docs/reference/") && shellBlocks(text).length > 0,
  );
  test("there are some", () => {
    expect(runnable.length).toBeGreaterThanOrEqual(4);
  });

  /** Starting and testing a clone is what scripts/fresh-clone.sh does; the rest of the README runs here. */
  const readme: [string, string][] = [
    ["README.md", texts.get("README.md")!.replace(/```sh\nnpm (ci|test)[\s\S]*?```/g, "")],
  ];

  test.each([...readme, ...runnable])(
    "%s",
    async (_, text) => {
      const script = shellBlocks(text).join("\n").replaceAll(":3000", `:${server.port}`);
      const env = {
        PATH: `${work}:${process.env["PATH"]}`,
        HOME: work,
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
        DATABASE_URL: db.url,
        ROWHOUSE_SECRET: TEST_SECRET,
        ROWHOUSE_APP: join(work, "examples/sales"),
      };
      const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], { cwd: work, env, timeout: 300_000 });
      expect(stdout).not.toBe("");
    },
    360_000,
  );
});
