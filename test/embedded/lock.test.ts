import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { lockData, lockHolder } from "../../src/embedded/lock.ts";
import { startEmbedded } from "../../src/embedded/server.ts";
import { dataFolder, killHard, log, script, sourceUrl } from "./folders.ts";

/** A Node that takes the lock when it may and prints what came of it: its own id, or the refusal. */
function lockScript(dataDir: string, before = "") {
  return script(`
    import { lockData } from ${JSON.stringify(sourceUrl("embedded/lock.ts"))};
    ${before}
    try {
      const lock = await lockData(${JSON.stringify(dataDir)}, { command: "serve" });
      await lock.describe({ url: "http://localhost:3999" });
      console.log("took " + process.pid);
      setInterval(() => {}, 1000);
    } catch (error) {
      console.log(error.kind + " " + error.message);
    }
  `);
}

describe("the lock of a data folder", () => {
  test("refuses a second start, which learns the process and its URL", async () => {
    const dataDir = await dataFolder();
    const first = lockScript(dataDir);
    expect(await first.line).toBe(`took ${first.child.pid}`);
    const refusal = {
      kind: "embeddedRunning",
      message: expect.stringContaining(`process ${first.child.pid}, at http://localhost:3999`) as string,
    };
    await expect(lockData(dataDir)).rejects.toMatchObject(refusal);
    await expect(startEmbedded({ dataDir, log })).rejects.toMatchObject(refusal);
    expect(await lockHolder(dataDir)).toMatchObject({ pid: first.child.pid, command: "serve" });
    expect(await readdir(dataDir)).toEqual(["rowhouse.lock"]);
  });

  test("refuses the same process too, until it is released", async () => {
    const dataDir = await dataFolder();
    const lock = await lockData(dataDir, { command: "export" });
    await expect(lockData(dataDir)).rejects.toMatchObject({ kind: "embeddedRunning" });
    await Promise.all([lock.release(), lock.release(), lock.describe({ url: "http://late" })]);
    expect(await readdir(dataDir)).toEqual([]);
    const next = await lockData(dataDir);
    await lock.release();
    expect(await lockHolder(dataDir)).toMatchObject({ pid: process.pid });
    await next.release();
    expect(await lockHolder(dataDir)).toBeNull();
  });

  test("is waited for when the caller says so", async () => {
    const dataDir = await dataFolder();
    const lock = await lockData(dataDir);
    const waiting = lockData(dataDir, {}, { waitMs: 60_000 });
    // However long this takes, it is taken by the first one.
    const first = await Promise.race([waiting, sleep(200, "still waiting")]);
    expect(first).toBe("still waiting");
    await lock.release();
    await (await waiting).release();
  });

  test("is taken over from a killed process", async () => {
    const dataDir = await dataFolder();
    const first = lockScript(dataDir);
    await first.line;
    await killHard(first.child);
    const lock = await lockData(dataDir);
    expect(await lockHolder(dataDir)).toMatchObject({ pid: process.pid });
    await lock.release();
    expect(await readdir(dataDir)).toEqual([]);
  });

  test.each([
    [
      "an id that another process has now",
      JSON.stringify({ pid: process.pid, since: "", start: "earlier boot:1", token: "old" }),
    ],
    ["an id of this process's group", JSON.stringify({ pid: 0, since: "", start: null, token: "old" })],
    ["half a file", '{"pid": 1'],
    ["an empty file", ""],
  ])("is taken over from %s", async (_, content) => {
    const dataDir = await dataFolder();
    await mkdir(dataDir);
    await writeFile(join(dataDir, "rowhouse.lock"), content);
    expect(await lockHolder(dataDir)).toBeNull();
    const lock = await lockData(dataDir);
    expect(JSON.parse(await readFile(join(dataDir, "rowhouse.lock"), "utf8"))).toMatchObject({ pid: process.pid });
    await lock.release();
  });

  test("goes to one of many that start at the same instant, also over a dead one and its dead successor", async () => {
    for (const leftovers of [[], ["rowhouse.lock"], ["rowhouse.lock", "rowhouse.lock.old.claim"]]) {
      const dataDir = await dataFolder();
      await mkdir(dataDir);
      const dead = JSON.stringify({ pid: 0, since: "", start: null, token: "old" });
      for (const name of leftovers) await writeFile(join(dataDir, name), dead);
      // Loading takes longer than locking: let them wait for the same moment.
      const moment = Date.now() + 1500;
      const before = `await new Promise((resolve) => setTimeout(resolve, ${moment} - Date.now()));`;
      const rivals = Array.from({ length: 6 }, () => lockScript(dataDir, before));
      const lines = await Promise.all(rivals.map(({ line }) => line));
      const winners = lines.filter((line) => line.startsWith("took "));
      expect(winners).toHaveLength(1);
      const pid = winners[0]?.slice("took ".length);
      expect(
        lines.filter((line) => line.startsWith("embeddedRunning") && line.includes(`process ${pid}`)),
      ).toHaveLength(5);
      for (const { child } of rivals) child.kill("SIGKILL");
    }
  });

  test("goes to one of many that find the same stale one", async () => {
    for (let round = 0; round < 20; round++) {
      const dataDir = await dataFolder();
      await mkdir(dataDir);
      await writeFile(join(dataDir, "rowhouse.lock"), JSON.stringify({ pid: 0, since: "", start: null, token: "old" }));
      const rivals = await Promise.allSettled(Array.from({ length: 12 }, () => lockData(dataDir)));
      const won = rivals.flatMap((rival) => (rival.status === "fulfilled" ? [rival.value] : []));
      expect(won).toHaveLength(1);
      await won[0]?.release();
      expect(await readdir(dataDir)).toEqual([]);
    }
  });

  test("goes to one at a time, through many rounds in one process", async () => {
    const dataDir = await dataFolder();
    let [inside, most] = [0, 0];
    const worker = async () => {
      for (let round = 0; round < 10; round++) {
        const lock = await lockData(dataDir, {}, { waitMs: 120_000 });
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 1));
        inside--;
        await lock.release();
      }
    };
    await Promise.all([worker(), worker(), worker()]);
    expect(most).toBe(1);
  });
});
