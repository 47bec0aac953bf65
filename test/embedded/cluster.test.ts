import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { startEmbedded } from "../../src/embedded/server.ts";
import { dataFolder, exists, killHard, log, query, script, sourceUrl, start } from "./folders.ts";

const OTHER_BIN = "/usr/lib/postgresql/15/bin";
const hasOther = await exists(join(OTHER_BIN, "initdb"));
if (!hasOther) console.log(`skipped: there is no other PostgreSQL in ${OTHER_BIN}`);

const drafts = async (dataDir: string) =>
  (await readdir(dataDir).catch(() => [])).filter((name) => name.startsWith(".rowhouse-init-"));

/** A Node whose start gets as far as to a whole database and no further, so that it is killed before that, however fast it is. */
const draftScript = (dataDir: string) =>
  script(`
    import fs from "node:fs/promises";
    import { syncBuiltinESMExports } from "node:module";
    import { openLog } from ${JSON.stringify(sourceUrl("log.ts"))};
    fs.rename = () => new Promise(() => {});
    syncBuiltinESMExports();
    const { startEmbedded } = await import(${JSON.stringify(sourceUrl("embedded/server.ts"))});
    setInterval(() => {}, 1000);
    await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log: openLog("silent") });
  `);

/** Waits until initdb has begun to write. */
async function halfMade(dataDir: string): Promise<void> {
  for (;;) {
    const [draft] = await drafts(dataDir);
    if (draft !== undefined && (await exists(join(dataDir, draft, "data", "PG_VERSION")))) return;
    await sleep(2);
  }
}

describe("a database in the making", () => {
  test("is made anew when its start was killed", async () => {
    const dataDir = await dataFolder();
    const { child, line } = draftScript(dataDir);
    await Promise.race([halfMade(dataDir), line]); // which tells why, if it ends by itself
    await killHard(child);
    expect(await exists(join(dataDir, "postgres"))).toBe(false);
    expect(await drafts(dataDir)).toHaveLength(1);
    const server = await start(dataDir);
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await drafts(dataDir)).toEqual([]);
  });

  test("leaves no copy of the password when its start was killed at the last moment", async () => {
    const dataDir = await dataFolder();
    await (await start(dataDir)).stop();
    await mkdir(join(dataDir, ".rowhouse-init-abc123"));
    await writeFile(join(dataDir, ".rowhouse-init-abc123", "password"), "secret");
    await start(dataDir);
    expect(await drafts(dataDir)).toEqual([]);
  });

  test("never replaces what else lies in its place", async () => {
    const dataDir = await dataFolder();
    await mkdir(join(dataDir, "postgres"), { recursive: true });
    await writeFile(join(dataDir, "postgres", "PG_VERSION"), "18\n");
    await writeFile(join(dataDir, "postgres", "precious"), "text");
    const server = await start(dataDir);
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    const aside = (await readdir(dataDir)).find((name) => name.startsWith("postgres.aside-")) ?? "";
    expect(await readFile(join(dataDir, aside, "precious"), "utf8")).toBe("text");
  });
});

describe("data of another major version", () => {
  test("are refused, and left alone", async () => {
    const dataDir = await dataFolder();
    const version = join(dataDir, "postgres", "PG_VERSION");
    await (await start(dataDir)).stop();
    await writeFile(version, "14\n");
    await expect(startEmbedded({ dataDir, log })).rejects.toMatchObject({
      kind: "embeddedFailed",
      message: expect.stringMatching(/of PostgreSQL 14; the installed one is 18/) as string,
      hint: expect.stringContaining("Export the tenants") as string,
    });
    await writeFile(version, "18\n");
    const server = await start(dataDir);
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test.skipIf(!hasOther)("are made and served by their own binaries", async () => {
    const dataDir = await dataFolder();
    const server = await start(dataDir, { binDir: OTHER_BIN });
    expect(server).toMatchObject({ binDir: OTHER_BIN, version: expect.stringMatching(/^15\./) as string });
    const sql =
      "select pg_encoding_to_char(encoding) as encoding, datcollate from pg_database where datname = 'rowhouse'";
    expect(await query(server.url, sql)).toEqual([{ encoding: "UTF8", datcollate: "C.UTF-8" }]);
    expect(await query(server.url, "show wal_level")).toEqual([{ wal_level: "logical" }]);
    await server.stop();
    await expect(startEmbedded({ dataDir, log })).rejects.toMatchObject({ kind: "embeddedFailed" });
  });

  test("can't be made without binaries", async () => {
    const failing = startEmbedded({ dataDir: await dataFolder(), log, binDir: "/nowhere" });
    await expect(failing).rejects.toMatchObject({
      kind: "embeddedMissing",
      details: expect.stringContaining("/nowhere/postgres") as string,
    });
  });
});
