import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { ROOT, ended, firstLine, run, start } from "./rowhouse.ts";

const BIN = join(ROOT, "bin/rowhouse.js");
const VERSION = /^\d+\.\d+\.\d+\n$/;

/** The machine's own Node: the first of PATH that is not one of our dependencies. */
function findOwnNode(): { node: string; major: number } | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  for (const folder of folders) {
    try {
      const node = join(folder, "node");
      return {
        node,
        major: Number.parseInt(execFileSync(node, ["-p", "process.versions.node"], { encoding: "utf8" }), 10),
      };
    } catch {
      // not there
    }
  }
  return null;
}

describe("bin/rowhouse.js", () => {
  test("runs the source in this Node", async () => {
    expect(await run(["--version"], { program: [process.execPath, BIN] })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(VERSION),
    });
  });

  const own = findOwnNode();
  const isOld = own !== null && own.major < 24;
  if (!isOld) console.warn(`skipped: an old Node that hands over to ours; this machine's is ${own?.major ?? "none"}`);
  test.runIf(isOld)("an older Node hands over to the one among our dependencies, exit code and all", async () => {
    const program = [own!.node, BIN];
    expect(await run(["--version"], { program })).toMatchObject({ code: 0, stdout: expect.stringMatching(VERSION) });
    expect(await run(["verify", "/nowhere"], { program })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("[RH506]"),
    });
  });

  test("npx finds it in a checkout, without a registry", async () => {
    const cache = await mkdtemp(join(tmpdir(), "rowhouse-npx-"));
    const env = { npm_config_cache: cache, npm_config_registry: "http://127.0.0.1:9/", npm_config_offline: "true" };
    const result = await run(["--yes", "rowhouse", "--version"], { program: ["npx"], env });
    await rm(cache, { recursive: true });
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(VERSION) });
  });
});

describe("the published package", { timeout: 300_000 }, () => {
  let folder: string;
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase("empty");
    folder = await mkdtemp(join(tmpdir(), "rowhouse-package-"));
    const home = join(folder, "node_modules", "rowhouse");
    await mkdir(home, { recursive: true });
    for (const part of ["package.json", "bin", "migrations", "policies", "examples"])
      await cp(join(ROOT, part), join(home, part), { recursive: true });
    const dependencies = (await readdir(join(ROOT, "node_modules"))).filter((name) => name !== "rowhouse");
    for (const name of dependencies)
      await symlink(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
    execFileSync(process.execPath, [join(ROOT, "scripts/build.ts"), join(home, "dist")]);
  });
  afterAll(async () => {
    await db.close();
    await rm(folder, { recursive: true });
  });

  test("runs its JavaScript under node_modules, finds its SQL, and loads the example into a database of one's own", async () => {
    const program = [process.execPath, join(folder, "node_modules/rowhouse/bin/rowhouse.js")];
    const options = { program, cwd: folder, env: { DATABASE_URL: db.url, LOG_LEVEL: "warn" } };
    expect(await run(["--version"], options)).toMatchObject({ code: 0, stdout: expect.stringMatching(VERSION) });

    const child = start(["serve", "--demo", "--port", "0", "--json"], options);
    const end = ended(child);
    await firstLine(child);
    child.kill("SIGTERM");
    const { code, json } = await end;
    expect(code).toBe(0);
    // With a database of one's own no token is given away.
    expect(json()).toMatchObject({
      database: { embedded: false, folder: null },
      tenants: [
        { slug: "acme", token: null },
        { slug: "globex", token: null },
        { slug: "initech", token: null },
      ],
      curl: null,
      next: "npx rowhouse token acme --role admin",
    });
    const { rows } = await db.admin.query<{ count: number }>("select count(*)::int as count from app.customers");
    expect(rows[0]!.count).toBeGreaterThan(3000);
  });
});
