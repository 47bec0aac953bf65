import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { dataFolder, exists, log, query, script, sourceUrl, start } from "./folders.ts";
import { startEmbedded } from "../../src/embedded/server.ts";
import { makeDataFolder } from "../../src/embedded/place.ts";
import { findPostmaster } from "../../src/embedded/postmaster.ts";
import { waitForEnd } from "../../src/embedded/process.ts";

/** Rejects when it is taken. */
async function listenOn(port: number): Promise<Server> {
  const server = createServer();
  await once(server.listen(port, "127.0.0.1"), "listening");
  return server;
}

/** A free port below those that the system gives away to whoever asks for any, which are from 32768 on, or from 49152 (ip_local_port_range). */
async function quietPort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); ; port++) {
    const server = await listenOn(port).catch(() => null);
    if (server === null) continue;
    await new Promise((closed) => server.close(closed));
    return port;
  }
}

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe("a first start", () => {
  test("keeps data, password and log private and listens on loopback only", async () => {
    const dataDir = await dataFolder();
    const server = await start(dataDir);
    expect(server).toMatchObject({ adopted: false, dataDir });
    // Under a closed checkout the binaries are copied, but these data need not move.
    expect(server.note ?? "").not.toContain("database's files");
    expect(server.url).toMatch(/^postgres:\/\/postgres:[\w-]{32}@127\.0\.0\.1:\d+\/rowhouse$/);
    expect(await modeOf(join(dataDir, "postgres"))).toBe(0o700);
    expect(await modeOf(join(dataDir, "password"))).toBe(0o600);
    expect(await modeOf(join(dataDir, "postgres.log"))).toBe(0o600);
    expect((await modeOf(dataDir)) & 0o066).toBe(0);
    expect((await stat(join(dataDir, "password"))).uid).toBe(process.getuid?.());
    const [facts] = await query(
      server.url,
      `select current_setting('listen_addresses') as address, current_setting('unix_socket_directories') as sockets,
        current_setting('wal_level') as wal, current_setting('TimeZone') as zone, current_setting('server_version') as version,
        (select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = 'postgres') as scram,
        pg_encoding_to_char(encoding) as encoding, datlocprovider as provider, datlocale as locale
        from pg_database where datname = current_database()`,
    );
    expect(facts).toEqual({
      address: "127.0.0.1",
      sockets: "",
      wal: "logical",
      zone: "UTC",
      version: server.version,
      scram: true,
      encoding: "UTF8",
      provider: "b",
      locale: "C.UTF-8",
    });
  });

  test("refuses a connection without the password", async () => {
    const server = await start(await dataFolder());
    const wrong = server.url.replace(/:[\w-]+@/, ":guess@");
    await expect(query(wrong, "select 1")).rejects.toMatchObject({ code: "28P01" });
  });

  test("takes settings and the database's name from its caller", async () => {
    const server = await start(await dataFolder(), { settings: { max_connections: "37" }, database: 'odd "name' });
    const rows = await query(
      server.url,
      "select current_database() as name, current_setting('max_connections') as most",
    );
    expect(rows).toEqual([{ name: 'odd "name', most: "37" }]);
  });

  test("tells what the server said when it does not start, and leaves nothing running", async () => {
    const dataDir = await dataFolder();
    const failing = startEmbedded({ dataDir, log, settings: { shared_buffers: "nonsense" } });
    await expect(failing).rejects.toMatchObject({
      kind: "embeddedFailed",
      details: expect.stringContaining('"shared_buffers"') as string,
      hint: expect.stringContaining(join(dataDir, "postgres.log")) as string,
    });
    expect(await findPostmaster(join(dataDir, "postgres"))).toBeNull();
  });

  test("names a data folder that can't be made", async () => {
    const dataDir = await dataFolder();
    await writeFile(dataDir, "a file");
    const failing = startEmbedded({ dataDir, log });
    await expect(failing).rejects.toMatchObject({
      kind: "embeddedFailed",
      message: expect.stringContaining(dataDir) as string,
    });
  });

  test("closes an empty folder, and leaves the mode of one that holds something", async () => {
    const dataDir = await dataFolder();
    await mkdir(dataDir);
    await chmod(dataDir, 0o755);
    await makeDataFolder(dataDir);
    expect((await modeOf(dataDir)) & 0o066).toBe(0);
    await chmod(dataDir, 0o755);
    await writeFile(join(dataDir, "something"), "");
    await makeDataFolder(dataDir);
    expect(await modeOf(dataDir)).toBe(0o755);
  });
});

describe("a later start", () => {
  test("keeps data, port and password", async () => {
    const dataDir = await dataFolder();
    // One that nobody else is given meanwhile; the next start takes it for the last one.
    const before = await start(dataDir);
    expect(await readFile(join(dataDir, "port"), "utf8")).toBe(`${new URL(before.url).port}\n`);
    await before.stop();
    await writeFile(join(dataDir, "port"), `${await quietPort()}\n`);
    const first = await start(dataDir);
    await query(first.url, "create table kept as select 42 as answer");
    await first.stop();
    expect(await findPostmaster(join(dataDir, "postgres"))).toBeNull();
    const second = await start(dataDir);
    expect(second.url).toBe(first.url);
    expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
    const { port } = new URL(second.url);
    expect(await readFile(join(dataDir, "port"), "utf8")).toBe(`${port}\n`);
  });

  test("goes to another port when the last one is taken", async () => {
    const dataDir = await dataFolder();
    const first = await start(dataDir);
    await first.stop();
    // One that is ours for sure: the first server's own may be anybody's by now.
    const taken = await listenOn(0);
    const { port } = taken.address() as AddressInfo;
    await writeFile(join(dataDir, "port"), `${port}\n`);
    try {
      const second = await start(dataDir);
      expect(new URL(second.url).port).not.toBe(String(port));
      expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
    } finally {
      taken.close();
    }
  });

  test("asks for the password's file when that is gone", async () => {
    const dataDir = await dataFolder();
    await (await start(dataDir)).stop();
    await writeFile(join(dataDir, "password"), "another\n");
    const failing = startEmbedded({ dataDir, log });
    await expect(failing).rejects.toMatchObject({
      kind: "embeddedFailed",
      hint: expect.stringContaining("password") as string,
    });
    expect(await findPostmaster(join(dataDir, "postgres"))).toBeNull();
  });
});

describe("an end", () => {
  test("may be asked for twice, and cuts off sessions", async () => {
    const server = await start(await dataFolder());
    const asleep = query(server.url, "select pg_sleep(3600)").catch((error: unknown) => error);
    await Promise.all([server.stop(), server.stop()]); // waiting for the session would take longer than a test may
    expect(await asleep).toBeInstanceOf(Error);
  });

  test("does not come with Ctrl-C, which the terminal sends to the whole process group", async () => {
    const dataDir = await dataFolder();
    const { child, line } = script(`
      import { startEmbedded } from ${JSON.stringify(sourceUrl("embedded/server.ts"))};
      import { openLog } from ${JSON.stringify(sourceUrl("log.ts"))};
      const server = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log: openLog("silent") });
      process.on("SIGINT", () => console.error("interrupted"));
      process.on("SIGTERM", () => server.stop().then(() => process.exit(7)));
      console.log(server.url);
      setInterval(() => {}, 1000);
    `);
    const url = await line;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    let said = "";
    child.stderr!.on("data", (text: Buffer) => (said += String(text)));
    process.kill(-(child.pid ?? 0), "SIGINT");
    await expect.poll(() => said).toContain("interrupted");
    await sleep(300); // for a server that got it as well to show it
    expect(await readFile(join(dataDir, "postgres.log"), "utf8")).not.toContain("shutdown request");
    expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]);
    child.kill("SIGTERM");
    expect(await gone).toBe(7);
    expect(await findPostmaster(join(dataDir, "postgres"))).toBeNull();
  });

  test("comes with the process when nobody stopped the server", async () => {
    const dataDir = await dataFolder();
    const { line } = script(`
      import { startEmbedded } from ${JSON.stringify(sourceUrl("embedded/server.ts"))};
      import { openLog } from ${JSON.stringify(sourceUrl("log.ts"))};
      import { readPostmaster } from ${JSON.stringify(sourceUrl("embedded/postmaster.ts"))};
      const server = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log: openLog("silent") });
      console.log((await readPostmaster(server.dataDir + "/postgres")).pid);
    `);
    const pid = Number(await line);
    expect(pid).toBeGreaterThan(0);
    expect(await waitForEnd(pid, 120_000)).toBe(true);
    expect(await readFile(join(dataDir, "postgres.log"), "utf8")).toContain("database system is shut down");
    expect(await exists(join(dataDir, "postgres", "postmaster.pid"))).toBe(false);
  });
});
