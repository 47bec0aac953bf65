/**
 * `npm run bench:move`: what a move costs the tenant that moves. Clients write over HTTP through two server processes at a steady
 * rate while their tenant goes from one PostgreSQL to another and back. Prints, for each rate, the fence, the longest that a client
 * waited, and by an offline check of every acknowledged write what was lost, doubled or wrong. Judges nothing, except that it ends
 * with an error when a write was.
 *
 *   BENCH_MOVES (10)   BENCH_RATES (50,200,500,1000)   BENCH_WRITERS (16)   BENCH_PG_BIN, BENCH_TO_PG_BIN: other servers' binaries
 */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { openKeyset } from "../src/auth/keyset.ts";
import { mintToken } from "../src/auth/token.ts";
import { readConfig } from "../src/config.ts";
import { openDatabase, type Database } from "../src/db/connections.ts";
import { migrate } from "../src/db/migrate.ts";
import { startEmbedded, type EmbeddedServer } from "../src/embedded/server.ts";
import { openLog } from "../src/log.ts";
import type { FenceFacts, MoveEvent } from "../src/move/move.ts";
import { runMove } from "../src/move/mover.ts";
import type { MoveSite } from "../src/move/run.ts";
import { startMove } from "../src/move/start.ts";
import { createTenant } from "../src/tenant/create.ts";
import { seedTenant } from "../src/tenant/seed.ts";
import { generate } from "../examples/sales/seed.ts";
import { clock, type LoadOptions, type LoadOperation } from "../test/move/load.ts";
import { judge, readWritten } from "../test/move/verdict.ts";

const MOVES = Number(process.env["BENCH_MOVES"] ?? 10);
const RATES = (process.env["BENCH_RATES"] ?? "50,200,500,1000").split(",").map(Number);
const WRITERS = Number(process.env["BENCH_WRITERS"] ?? 16);
const SECRET = "a secret for benchmarks only";
const APP = join(import.meta.dirname, "../examples/sales");

const say = (line: string) => process.stderr.write(`${line}\n`);
const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
const quantile = (values: readonly number[], q: number) => {
  const all = sorted(values);
  return all[Math.min(all.length - 1, Math.ceil(q * all.length) - 1)] ?? Number.NaN;
};
const ms = (value: number) => value.toFixed(1).padStart(7);

interface Moved {
  readonly fence: FenceFacts;
  /** When the commit point had passed, by {@link clock}. */
  readonly at: number;
}

interface Place {
  readonly server: EmbeddedServer;
  readonly database: Database;
  readonly dir: string;
}

async function openPlace(home: Database | null, binDir: string | undefined): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), "rowhouse-bench-move-"));
  const server = await startEmbedded({
    dataDir: dir,
    log: openLog("silent"),
    binDir,
    settings: { max_connections: "200" },
  });
  const database = home === null ? openDatabase(server.url, SECRET) : home.sibling(server.url);
  await migrate(database, { appDir: APP });
  return { server, database, dir };
}

async function closePlace({ server, dir }: Place): Promise<void> {
  await server.stop();
  await rm(server.dataDir, { recursive: true, force: true });
  await rm(dir, { recursive: true, force: true });
}

/** `rowhouse serve`, as an operator runs it. */
async function serve(databaseUrl: string): Promise<{ child: ChildProcess; port: number }> {
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    ROWHOUSE_SECRET: SECRET,
    LOG_LEVEL: "error",
    CONNECTION_POOL_SIZE: "16",
  };
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "../src/cli.ts"), "serve", "--port", "0", "--app", APP, "--json"],
    {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  for await (const line of createInterface({ input: child.stdout! })) {
    const { url } = JSON.parse(line) as { url?: string };
    if (url !== undefined) return { child, port: Number(new URL(url).port) };
  }
  throw new Error("The server did not start");
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  await once(child, "exit");
}

/** The clients begin; the returned function ends them and gives what they were told. */
function startClients(options: LoadOptions): () => Promise<LoadOperation[]> {
  const child = fork(join(import.meta.dirname, "bench-move-load.ts"), { serialization: "advanced" });
  child.send(options);
  return async () => {
    child.send("stop");
    const [operations] = (await once(child, "message")) as [LoadOperation[]];
    return operations;
  };
}

async function moveOnce(site: MoveSite, to: string): Promise<Moved> {
  let at = 0;
  const onEvent = (event: MoveEvent) => {
    if (event.event === "state" && event.state === "committed") at = clock();
  };
  const move = await startMove(site, { slug: "acme", to, settings: { windowSeconds: 3600 } });
  const { facts } = await runMove(site, move!, { finish: true, onEvent });
  return { fence: facts.fence!, at };
}

/** The longest request of those that ran while writes were fenced, or began shortly after. */
function longestWait(operations: readonly LoadOperation[], { fence, at }: Moved): number {
  const [from, to] = [at - fence.activatedMs - 20, at + 200];
  const hit = operations.filter(({ startedAt, endedAt }) => endedAt >= from && startedAt <= to);
  return Math.max(0, ...hit.map(({ startedAt, endedAt }) => endedAt - startedAt));
}

function report(rate: number, moves: readonly Moved[], operations: readonly LoadOperation[], seconds: number): void {
  const fences = moves.map(({ fence }) => fence.activatedMs);
  const waits = moves.map((moved) => longestWait(operations, moved));
  const latencies = operations.map(({ startedAt, endedAt }) => endedAt - startedAt);
  const part = (name: keyof FenceFacts) =>
    quantile(
      moves.map(({ fence }) => fence[name]),
      0.5,
    ).toFixed(1);
  console.log(
    `${String(rate).padStart(5)}/s  ${(operations.length / seconds).toFixed(0).padStart(5)}/s  ${String(moves.length).padStart(5)}` +
      `  ${ms(quantile(fences, 0.5))} ${ms(quantile(fences, 0.99))}  ${ms(quantile(waits, 0.5))} ${ms(quantile(waits, 0.99))}` +
      `  ${ms(quantile(latencies, 0.5))} ${ms(quantile(latencies, 0.99))}   ${part("drainedMs")} / ${part("appliedMs")} / ${part("committedMs")} / ${part("activatedMs")}`,
  );
}

interface Bench {
  readonly site: MoveSite;
  readonly home: Place;
  readonly big: Place;
  readonly ports: readonly number[];
  readonly token: string;
  readonly tenantId: string;
}

async function measureRate(bench: Bench, rate: number): Promise<number> {
  const { site, home, big } = bench;
  const begin = clock();
  const options = { ports: bench.ports, host: "acme.localhost", token: bench.token, writers: WRITERS, perSecond: rate };
  const end = startClients(options);
  await sleep(1500);
  const moves: Moved[] = [];
  for (let n = 0; n < MOVES; n++) {
    moves.push(await moveOnce(site, n % 2 === 0 ? "big1" : "shared"));
    await sleep(500);
  }
  const operations = await end();
  report(rate, moves, operations, (clock() - begin) / 1000);
  const [atHome, atBig] = await Promise.all(
    [home, big].map(async ({ database }) => {
      const owner = await database.connectOwner();
      const written = await readWritten(owner, bench.tenantId);
      await owner.end();
      return written;
    }),
  );
  const [here, there] = MOVES % 2 === 0 ? [atHome!, atBig!] : [atBig!, atHome!];
  const mine = new Set(operations.map(({ key }) => key));
  const own = here!.filter(({ key }) => mine.has(key));
  const { acked, failed, unknown, lost, doubled, wrong } = judge(operations, own, [there!]);
  const bad = lost.length + doubled.length + wrong.length;
  console.log(
    `         ${acked} acknowledged, ${failed} refused, ${unknown} without an answer; lost ${lost.length}, doubled ${doubled.length}, wrong ${wrong.length}`,
  );
  return bad + failed + unknown;
}

async function prepare(stack: AsyncDisposableStack): Promise<Bench> {
  const home = await openPlace(null, process.env["BENCH_PG_BIN"]);
  stack.defer(() => closePlace(home));
  const big = await openPlace(home.database, process.env["BENCH_TO_PG_BIN"]);
  stack.defer(() => closePlace(big));
  const platform = home.database.openPool("rowhouse_platform", { max: 4 });
  stack.defer(() => platform.end());
  const { tenant } = await createTenant(platform, home.database.keyring, { slug: "acme", name: "Acme" }, "bench");
  const importer = await home.database.connect("rowhouse_importer");
  await seedTenant(importer, home.database.keyring, tenant, generate("acme", 2));
  await importer.end();
  const secretFile = join(home.dir, "big1.url");
  await writeFile(secretFile, big.server.url, { mode: 0o600 });
  await platform.query(
    "insert into platform.databases (name, kind, secret_ref, address) values ('big1', 'dedicated', $1, $2)",
    [`file:${secretFile}`, big.database.address],
  );
  const servers = [await serve(home.server.url), await serve(home.server.url)];
  for (const { child } of servers) stack.defer(() => stop(child));
  const config = readConfig({}, {});
  const policy = { issuer: config.issuer, audience: config.TOKEN_AUDIENCE };
  const request = { tenantId: tenant.id, sub: "service:bench", role: "admin", ttlSeconds: 12 * 3600 };
  const token = await mintToken(openKeyset(platform), policy, request);
  const site: MoveSite = { home: home.database, platform, actor: "operator:bench" };
  return { site, home, big, ports: servers.map(({ port }) => port), token, tenantId: tenant.id };
}

await using stack = new AsyncDisposableStack();
say(
  `Two PostgreSQL servers, two server processes, ${WRITERS} clients; ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)} before it began`,
);
const bench = await prepare(stack);
say(`PostgreSQL ${bench.home.server.version} and ${bench.big.server.version}, to and fro`);
console.log(" asked    written  moves     fence ms          longest wait ms     request ms");
console.log(
  "                           p50     p99      p50     p99      p50     p99    drained / applied / committed / active",
);
let bad = 0;
for (const rate of RATES) bad += await measureRate(bench, rate);
if (bad > 0) process.exitCode = 1;
