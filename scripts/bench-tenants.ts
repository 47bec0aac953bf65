/**
 * `npm run bench:tenants`: makes tenants through the platform API, each with address, plan, profile, first user and a location, and prints
 * milliseconds each, the first thousand against the last; the processor time of PostgreSQL that one took; and how many rows were read by
 * scans of whole tables for one, which would tell what grows with the number of tenants. On an embedded PostgreSQL of its own, fsync on.
 *
 *   node scripts/bench-tenants.ts [tenants]
 *   BENCH_TENANTS (10000)   BENCH_CONCURRENCY (1)   BENCH_PART (1000): how many are the first and the last
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkFirstOperator } from "../src/auth/operator-links.ts";
import { openServer } from "../src/boot.ts";
import { readConfig } from "../src/config.ts";
import { openDatabase } from "../src/db/connections.ts";
import { migrate } from "../src/db/migrate.ts";
import { startEmbedded } from "../src/embedded/server.ts";
import { openLog } from "../src/log.ts";
import { readCpu } from "./bench-cpu.ts";

const env = (name: string, initial: number) => Number(process.env[name] ?? initial);
const COUNT = Number(process.argv[2] ?? env("BENCH_TENANTS", 10_000));
const SIDE_BY_SIDE = env("BENCH_CONCURRENCY", 1);
const PART = Math.min(env("BENCH_PART", 1000), Math.floor(COUNT / 2));

const dataDir = await mkdtemp(join(tmpdir(), "rowhouse-bench-"));
// As a server of one's own is: fsync on.
const cluster = await startEmbedded({ dataDir, log: openLog("silent") });
try {
  const database = openDatabase(cluster.url, "a-secret-for-benchmarks-only");
  await migrate(database, { appDir: null });
  const config = { ...readConfig({ PORT: "0", BASE_DOMAIN: "localhost" }, {}), appDir: null };
  const server = await openServer({ config, database, log: openLog("silent"), appDir: null });
  const agent = new Agent({ keepAlive: true, maxSockets: SIDE_BY_SIDE });

  const post = (path: string, token: string | null, body: object): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const payload = JSON.stringify(body);
      const headers = {
        host: "admin.localhost",
        "content-type": "application/json",
        "content-length": Buffer.byteLength(payload),
        ...(token !== null && { authorization: `Bearer ${token}` }),
      };
      const options = {
        host: "127.0.0.1",
        port: server.port,
        path: `/platform/v1${path}`,
        method: "POST",
        headers,
        agent,
      };
      const outgoing = request(options, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      outgoing.on("error", reject);
      outgoing.end(payload);
    });

  const pool = database.openPool("rowhouse_platform", { max: 1 });
  const link = await linkFirstOperator(pool, "bench");
  const accepted = await post("/sessions/link", null, {
    token: link!.token,
    email: "bench@ops.example",
    password: "correct battery horse",
  });
  const { token } = JSON.parse(accepted.text) as { token: string };

  const postmaster = Number.parseInt(readFileSync(join(cluster.dataDir, "postgres/postmaster.pid"), "utf8"), 10);
  const owner = await database.connectOwner();
  /** What PostgreSQL has done so far. */
  const look = async () => {
    const { rows } = await owner.query<{ name: string; read: number }>(
      "select relid::regclass::text as name, seq_tup_read::float as read from pg_stat_all_tables where seq_tup_read > 0",
    );
    return { cpuUs: readCpu(postmaster).postgres, scanned: new Map(rows.map(({ name, read }) => [name, read])) };
  };
  const looks = new Map([[0, await look()]]);

  const times: number[] = [];
  const start = performance.now();
  let next = 0;
  const work = async () => {
    while (next < COUNT) {
      const number = next++;
      const began = performance.now();
      const { status, text } = await post("/tenants", token, {
        slug: `bench-${number}`,
        name: `Bench ${number}`,
        plan: "standard",
        adminEmail: `owner@bench-${number}.example`,
        contactEmail: `owner@bench-${number}.example`,
        industry: "Benchmarks",
        locations: [{ code: "hq", name: "Headquarters" }],
      });
      if (status !== 201) throw new Error(text);
      times[number] = performance.now() - began;
      if (number + 1 === PART || number + 1 === COUNT - PART) looks.set(number + 1, await look());
      if ((number + 1) % 1000 === 0)
        console.error(`${number + 1} tenants, ${Math.round((performance.now() - start) / 1000)} s`);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  const seconds = (performance.now() - start) / 1000;

  looks.set(COUNT, await look());

  const summary = (from: number, to: number) => {
    const sorted = times.slice(from, to).toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!;
    const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
    const [before, after] = [looks.get(from)!, looks.get(to)!];
    const rows = [...after.scanned].reduce((sum, [name, read]) => sum + read - (before.scanned.get(name) ?? 0), 0);
    const each = (value: number) => value / (to - from);
    return {
      "mean ms": mean,
      "p50 ms": at(0.5),
      "p95 ms": at(0.95),
      "p99 ms": at(0.99),
      "PostgreSQL's CPU ms": each(after.cpuUs - before.cpuUs) / 1000,
      "rows scanned": each(rows),
    };
  };
  type Summary = ReturnType<typeof summary>;
  const [first, last] = [summary(0, PART), summary(COUNT - PART, COUNT)];
  const rounded = (of: Summary) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, value.toFixed(2)]));
  const ratio = Object.fromEntries(
    Object.entries(last).map(([name, value]) => [name, `${(value / first[name as keyof Summary]).toFixed(2)} x`]),
  );
  console.log(`${COUNT} tenants through the API in ${seconds.toFixed(1)} s, ${SIDE_BY_SIDE} at once; each took:`);
  console.table({ [`first ${PART}`]: rounded(first), [`last ${PART}`]: rounded(last), "last / first": ratio });
  const growing = [...looks.get(COUNT)!.scanned]
    .map(([name, read]) => [name, (read - (looks.get(COUNT - PART)!.scanned.get(name) ?? 0)) / PART] as const)
    .filter(([, each]) => each >= COUNT / 4);
  for (const [name, each] of growing)
    console.log(`${name}: ${each.toFixed(0)} rows scanned for each of the last: it grows`);
  await owner.end();
  await pool.end();
  agent.destroy();
  await server.close();
} finally {
  await cluster.stop();
  await rm(dataDir, { recursive: true, force: true });
}
