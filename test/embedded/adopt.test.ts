import { chown, readFile, stat, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { connectEmbedded } from "../../src/embedded/connect.ts";
import { lockData } from "../../src/embedded/lock.ts";
import { findPostmaster } from "../../src/embedded/postmaster.ts";
import { isAlive } from "../../src/embedded/process.ts";
import type { EmbeddedServer } from "../../src/embedded/server.ts";
import { afterwards, asRoot, dataFolder, exists, killHard, query, serverScript, start } from "./folders.ts";

/** A server whose Rowhouse was killed. */
async function orphan(dataDir: string): Promise<{ facts: EmbeddedServer; pid: number }> {
  const { child, line } = serverScript(dataDir);
  const facts = JSON.parse(await line) as EmbeddedServer;
  await query(facts.url, "create table kept as select 42 as answer");
  await killHard(child);
  const pid = (await findPostmaster(join(dataDir, "postgres")))?.pid ?? 0;
  expect(await isAlive(pid)).toBe(true);
  return { facts, pid };
}

describe("a server that was left behind", () => {
  test("is adopted, and ends with its new owner", async () => {
    const dataDir = await dataFolder();
    const { facts, pid } = await orphan(dataDir);
    const lock = await lockData(dataDir);
    const server = await start(dataDir);
    expect(server).toMatchObject({ adopted: true, url: facts.url, version: facts.version });
    expect((await findPostmaster(join(dataDir, "postgres")))?.pid).toBe(pid);
    expect(await query(server.url, "select answer from kept")).toEqual([{ answer: 42 }]);
    await server.stop();
    expect(await isAlive(pid)).toBe(false);
    expect(await exists(join(dataDir, "postgres", "postmaster.pid"))).toBe(false);
    await lock.release();
  });

  test("is ended and started again when it does not answer", async () => {
    const dataDir = await dataFolder();
    const { pid } = await orphan(dataDir);
    process.kill(pid, "SIGSTOP");
    const server = await start(dataDir);
    expect(server.adopted).toBe(false);
    expect(await isAlive(pid)).toBe(false);
    // Woken to end by itself, not killed.
    expect(await readFile(join(dataDir, "postgres.log"), "utf8")).toContain("received immediate shutdown request");
    expect(await query(server.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("is no obstacle when it was killed as well", async () => {
    const dataDir = await dataFolder();
    const { pid } = await orphan(dataDir);
    process.kill(pid, "SIGKILL");
    const server = await start(dataDir);
    expect(server.adopted).toBe(false);
    expect(await query(server.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("is not taken for another program that was given its id", async () => {
    const dataDir = await dataFolder();
    await (await start(dataDir)).stop();
    const cluster = join(dataDir, "postgres");
    const { uid, gid } = await stat(cluster);
    // As the server's own user: PostgreSQL itself would take it for a server.
    const other = spawn("sleep", ["3600"], { ...(asRoot && { uid, gid }), stdio: "ignore" });
    afterwards(async () => other.kill("SIGKILL"));
    const lines = [other.pid, cluster, 1_700_000_000, 5432, "", "127.0.0.1", "  1234  5678", "ready   "];
    await writeFile(join(cluster, "postmaster.pid"), `${lines.join("\n")}\n`, { mode: 0o600 });
    if (asRoot) await chown(join(cluster, "postmaster.pid"), uid, gid);
    expect(await connectEmbedded({ dataDir })).toBeNull();
    const server = await start(dataDir);
    expect(server.adopted).toBe(false);
    await server.stop();
    expect(other.exitCode ?? other.signalCode).toBeNull();
  });
});

describe("a command beside the server", () => {
  test("finds it while it is alive", async () => {
    const dataDir = await dataFolder();
    expect(await connectEmbedded({ dataDir })).toBeNull();
    expect(await exists(dataDir)).toBe(false);
    const server = await start(dataDir);
    expect(await connectEmbedded({ dataDir })).toBe(server.url);
    await server.stop();
    expect(await connectEmbedded({ dataDir })).toBeNull();
  });
});
