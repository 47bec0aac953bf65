/**
 * `npm run bench:export`: what an export costs over COPY. In one run, alternately: raw `copy (select … where tenant_id = …) to
 * stdout` of the same rows, table after table over one connection of `pg`, thrown away as it comes (as psql would to /dev/null), by
 * the owner, so past row-level security; the same piped through zstd of the level of an export and SHA-256 into a file for each
 * table, as one would without Rowhouse; the raw one planned as an export plans it; the same over two connections; and the whole
 * exportTenant() to the disk: row-level security, snapshot, SHA-256 twice, zstd, the count and the row hash apart, fsync.
 * The export's ratios to the first two are what it is judged by. Then what memory a small and a large export take, each in a process of its own. Prints what it measured and judges nothing.
 *
 *   BENCH_MB (256) of text of one tenant   BENCH_ROUNDS (9)   BENCH_MEMORY_MB (1024), 0 for none   BENCH_DIR (temporary)
 */
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdCompress } from "node:zlib";
import { to as copyTo } from "pg-copy-streams";
import { ZSTD } from "../src/archive/copy.ts";
import { exportTenant } from "../src/archive/export.ts";
import { PLANNING } from "../src/archive/snapshot.ts";
import { openDatabase, type Database } from "../src/db/connections.ts";
import { readTenantTables } from "../src/db/tables.ts";
import { startEmbedded } from "../src/embedded/server.ts";
import { openLog } from "../src/log.ts";
import type { Tenant } from "../src/tenant/tenant.ts";
import { readCpu } from "./bench-cpu.ts";
import { makeTenants, type Layout } from "./bench-export-data.ts";

const MB = Number(process.env["BENCH_MB"] ?? 256);
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 9);
const MEMORY_MB = Number(process.env["BENCH_MEMORY_MB"] ?? 1024);
const SECRET = "a secret for benchmarks only";
/** Tenants beside the one that is exported. */
const NEIGHBOURS = 3;

const say = (line: string) => process.stderr.write(`${line}\n`);
const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
const median = (values: readonly number[]) => sorted(values)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Throws every byte away and counts them. */
class Sink extends Writable {
  bytes = 0;
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytes += chunk.length;
    done();
  }
}

interface Place {
  readonly database: Database;
  readonly tenant: Tenant;
  readonly dir: string;
  readonly postmaster: number;
}

const copyOf = (identifier: string, columns: readonly { readonly identifier: string }[], tenant: Tenant) =>
  copyTo(
    `copy (select ${columns.map((column) => column.identifier).join(", ")} from ${identifier} where tenant_id = '${tenant.id}') to stdout`,
  );

/** @returns bytes of text COPY */
async function copyRaw({ database, tenant }: Place, connections: number, planning = ""): Promise<number> {
  const clients = await Promise.all(Array.from({ length: connections }, () => database.connectOwner()));
  const tables = (await readTenantTables(clients[0]!)).toSorted((a, b) => b.bytes - a.bytes).values();
  let bytes = 0;
  await Promise.all(
    clients.map(async (client) => {
      await client.query(planning);
      for (const { identifier, columns } of tables) {
        const sink = new Sink();
        await pipeline(client.query(copyOf(identifier, columns, tenant)), sink);
        bytes += sink.bytes;
      }
      await client.end();
    }),
  );
  return bytes;
}

/** What `psql | zstd -1 | tee >(sha256sum)` does, in one process. No fsync, no count. @returns bytes of text COPY */
async function copyPiped({ database, tenant, dir }: Place): Promise<number> {
  const client = await database.connectOwner();
  const tables = (await readTenantTables(client)).toSorted((a, b) => b.bytes - a.bytes);
  let bytes = 0;
  for (const [index, { identifier, columns }] of tables.entries()) {
    const sha256 = createHash("sha256");
    const zstd = createZstdCompress(ZSTD);
    const hash = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        sha256.update(chunk);
        done(null, chunk);
      },
    });
    const file = createWriteStream(join(dir, `piped-${index}.zst`));
    await pipeline(client.query(copyOf(identifier, columns, tenant)), zstd, hash, file);
    sha256.digest("hex");
    bytes += zstd.bytesWritten;
  }
  await client.end();
  return bytes;
}

async function exportWhole({ database, tenant, dir }: Place): Promise<number> {
  const path = join(dir, "bench.rowhouse");
  const { tables } = await exportTenant(database, tenant, { path, overwrite: true });
  return tables.reduce((sum, { rawBytes }) => sum + rawBytes, 0);
}

const RAW = "raw COPY, 1 connection";
const PIPED = "COPY | zstd | sha256";

const CONTESTANTS: Readonly<Record<string, (place: Place) => Promise<number>>> = {
  [RAW]: (place) => copyRaw(place, 1),
  [PIPED]: copyPiped,
  "raw, export's plan": (place) => copyRaw(place, 1, PLANNING.replaceAll(" local ", " ")),
  "raw, 2 connections": (place) => copyRaw(place, 2),
  export: exportWhole,
};

interface Measured {
  readonly seconds: number;
  readonly bytes: number;
  /** Seconds of processor time of this process and of PostgreSQL. */
  readonly own: number;
  readonly postgres: number;
}

async function measure(place: Place, work: (place: Place) => Promise<number>): Promise<Measured> {
  const before = readCpu(place.postmaster);
  const start = performance.now();
  const bytes = await work(place);
  const seconds = (performance.now() - start) / 1000;
  const after = readCpu(place.postmaster);
  return {
    seconds,
    bytes,
    own: (after.server - before.server) / 1e6,
    postgres: (after.postgres - before.postgres) / 1e6,
  };
}

/** All contestants side by side in each round, so that what else the machine does meets all of them. The first round warms up. */
async function race(place: Place): Promise<Map<string, Measured[]>> {
  const results = new Map<string, Measured[]>(Object.keys(CONTESTANTS).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, work] of Object.entries(CONTESTANTS)) {
      const measured = await measure(place, work);
      if (round > 0) results.get(name)!.push(measured);
    }
  }
  return results;
}

const spread = (values: readonly number[]) =>
  `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;

function report(layout: Layout, results: ReadonlyMap<string, readonly Measured[]>): void {
  const heads = ["seconds", "MB/s", "CPU own", "PostgreSQL", `against ${RAW}`, `against ${PIPED}`];
  const widths = [24, 8, 10, 12, 33, 31];
  const line = (cells: readonly string[]) => cells.map((cell, index) => cell.padStart(widths[index]!)).join("");
  console.log(`\n${layout.padEnd(26)}${line(heads)}`);
  for (const [name, rounds] of results) {
    // Of each round, whose contestants ran one after another.
    const against = (other: string) =>
      spread(rounds.map(({ seconds }, round) => results.get(other)![round]!.seconds / seconds));
    const cells = [
      spread(rounds.map(({ seconds }) => seconds)),
      median(rounds.map(({ bytes, seconds }) => bytes / seconds / 1e6)).toFixed(0),
      median(rounds.map(({ own }) => own)).toFixed(2),
      median(rounds.map(({ postgres }) => postgres)).toFixed(2),
      against(RAW),
      against(PIPED),
    ];
    console.log(`  ${name.padEnd(24)}${line(cells)}`);
  }
}

/** Runs in a process of its own: one export, and what memory it took. */
async function exportAlone([url, slug, path]: readonly string[]): Promise<void> {
  const database = openDatabase(url!, SECRET);
  const before = process.memoryUsage.rss();
  const start = performance.now();
  await exportTenant(database, { slug: slug! }, { path: path!, overwrite: true });
  const seconds = (performance.now() - start) / 1000;
  process.send?.({
    before: before / 1e6,
    peak: process.resourceUsage().maxRSS / 1000,
    seconds,
    bytes: (await stat(path!)).size,
  });
}

interface Memory {
  readonly before: number;
  readonly peak: number;
  readonly seconds: number;
  readonly bytes: number;
}

function measureMemory(url: string, slug: string, dir: string): Promise<Memory> {
  const child = fork(import.meta.filename, [url, slug, join(dir, "memory.rowhouse")]);
  return new Promise((resolve, reject) => {
    child.once("message", (measured) => resolve(measured as Memory));
    child.once("exit", (code) => reject(new Error(`The export ended with ${code}`)));
  });
}

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(process.env["BENCH_DIR"] ?? tmpdir(), "rowhouse-bench-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const settings = { shared_buffers: "1GB", max_wal_size: "4GB", autovacuum: "off" };
  const embedded = await startEmbedded({ dataDir: join(dir, "data"), log: openLog("silent"), settings });
  stack.defer(() => embedded.stop());
  const postmaster = Number.parseInt(readFileSync(join(embedded.dataDir, "postgres/postmaster.pid"), "utf8"), 10);
  const make = async (name: string, sizes: readonly number[], layout: Layout) => {
    say(`${name}: loading ${sizes.join(" + ")} MB, ${layout}`);
    const admin = await openDatabase(embedded.url, SECRET).connectOwner();
    await admin.query(`create database ${name}`);
    await admin.end();
    const url = Object.assign(new URL(embedded.url), { pathname: `/${name}` }).href;
    const database = openDatabase(url, SECRET);
    return {
      database,
      tenant: await makeTenants(
        database,
        sizes.map((size) => size * 1e6),
        layout,
      ),
      url,
      dir,
      postmaster,
    };
  };

  console.log(
    `Node ${process.version}, PostgreSQL ${embedded.version}, ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)} at the start, one tenant of ${MB} MB and ${NEIGHBOURS} neighbours of the same size, ${ROUNDS} rounds. Medians (least to most); against: the other's seconds by its own, above 1 it is the quicker`,
  );
  for (const layout of ["clustered", "interleaved"] as const) {
    const place = await make(
      `bench_${layout}`,
      Array.from({ length: NEIGHBOURS + 1 }, () => MB),
      layout,
    );
    report(layout, await race(place));
  }
  if (MEMORY_MB > 0) {
    const { url } = await make("bench_memory", [MEMORY_MB, MEMORY_MB / 16], "clustered");
    for (const slug of ["bench-1", "bench-0"]) {
      const { before, peak, seconds, bytes } = await measureMemory(url, slug, dir);
      console.log(
        `${slug === "bench-0" ? MEMORY_MB : MEMORY_MB / 16} MB: ${before.toFixed(0)} MB resident before, ${peak.toFixed(0)} MB at the peak; ${seconds.toFixed(1)} s, ${(bytes / 1e6).toFixed(0)} MB on disk`,
      );
    }
  }
}

await (process.send === undefined ? main() : exportAlone(process.argv.slice(2)));
