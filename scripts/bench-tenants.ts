/**
 * Makes BENCH_TENANTS (10,000) tenants through the platform API, one after the other and then side by side, and prints milliseconds each:
 * the first thousand against the last. Runs on a database of its own in an embedded PostgreSQL, or beside DATABASE_URL's.
 */
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

const env = (name: string, initial: number) => Number(process.env[name] ?? initial);
const COUNT = env("BENCH_TENANTS", 10_000);
const SIDE_BY_SIDE = env("BENCH_CONCURRENCY", 1);

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
      if ((number + 1) % 1000 === 0)
        console.error(`${number + 1} tenants, ${Math.round((performance.now() - start) / 1000)} s`);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  const seconds = (performance.now() - start) / 1000;

  const summary = (part: readonly number[]) => {
    const sorted = part.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(2);
    const mean = (sorted.reduce((sum, value) => sum + value, 0) / sorted.length).toFixed(2);
    return { mean, median: at(0.5), p95: at(0.95), p99: at(0.99) };
  };
  const part = Math.min(1000, Math.floor(COUNT / 2));
  console.log(
    `${COUNT} tenants through the API in ${seconds.toFixed(1)} s, ${SIDE_BY_SIDE} at once; milliseconds each:`,
  );
  console.table({ [`first ${part}`]: summary(times.slice(0, part)), [`last ${part}`]: summary(times.slice(-part)) });
  await pool.end();
  agent.destroy();
  await server.close();
} finally {
  await cluster.stop();
  await rm(dataDir, { recursive: true, force: true });
}
