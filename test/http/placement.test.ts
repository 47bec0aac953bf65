import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { activate, arrive, fence, flip, release, relocate, RUN, silently } from "../tenant/relocate.ts";
import { eventually, letLocksWait, send, testServer, type TestServer, type TestServerOptions } from "./server.ts";

let db: TestDatabase;
let big1: DedicatedDatabase;
let big2: DedicatedDatabase;
let server: TestServer;
let tokens: Record<string, string>;

/** Far longer than a test may take, so that who waits for a fence in vain does not get through. */
const LONG_MS = 600_000;

async function openServer(settings: TestServerOptions["settings"] = {}): Promise<TestServer> {
  return testServer(db, { settings: { FENCE_WAIT_MS: LONG_MS, ...settings } });
}

const unfence = (id: string) => db.admin.query("select platform.unfence_tenant($1, $2)", [id, RUN]);

beforeAll(async () => {
  db = await testDatabase();
  [big1, big2] = [await db.dedicated("big1"), await db.dedicated("big2")];
  for (const each of [big1, big2]) await letLocksWait(each);
  server = await openServer();
  tokens = { acme: await server.token("acme"), globex: await server.token("globex") };
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});
/** Every tenant at home again, at an epoch that none of the databases has seen. */
beforeEach(async () => {
  for (const { admin } of [big1, big2]) await admin.query("delete from platform.tenants");
  for (const { admin } of [db, big1, big2])
    await admin.query("delete from app.customers where name like 'made%'; delete from platform.move_watermarks");
  await db.admin.query(
    "update platform.tenants set moved_to = null, arriving = null, fence = null, fenced_until = null, epoch = epoch + 10",
  );
});

const read = (slug = "acme", { port } = server) =>
  send(port, `${slug}.localhost`, "/rest/v1/customers?select=name&name=like.made*&order=name", { token: tokens[slug] });

const write = (name: string, slug = "acme", { port } = server) =>
  send(port, `${slug}.localhost`, "/rest/v1/customers", {
    method: "POST",
    token: tokens[slug],
    body: { number: `made ${name}`, name: `made ${name}` },
  });

async function namesIn({ admin }: Pick<TestDatabase, "admin">): Promise<string[]> {
  const { rows } = await admin.query("select name from app.customers where name like 'made%' order by name");
  return rows.map(({ name }) => name);
}

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  return [await work, performance.now() - start];
}

describe("a tenant that lives elsewhere", () => {
  test("is read and written there, and the others here", async () => {
    await relocate(db, "shared", big1, "big1", "acme");
    await eventually(async () => expect((await write("there")).status).toBe(201));
    expect((await write("here", "globex")).status).toBe(201);
    expect((await read()).json()).toEqual([{ name: "made there" }]);
    expect((await read("globex")).json()).toEqual([{ name: "made here" }]);
    expect([await namesIn(db), await namesIn(big1)]).toEqual([["made here"], ["made there"]]);
    expect((await server.get("acme.localhost", "/", { headers: { accept: "text/html" } })).status).toBe(200);
  });

  test("a server that missed the news is put right by the database, at its first read and its first write", async () => {
    await using other = await openServer();
    expect([(await read()).status, (await read("acme", other)).status]).toEqual([200, 200]);
    await silently(db, () => relocate(db, "shared", big1, "big1", "acme"));
    expect((await write("one")).status).toBe(201);
    expect((await read("acme", other)).json()).toEqual([{ name: "made one" }]);
    await silently(db, () => relocate(big1, "big1", db, "shared", "acme"));
    expect((await read()).json()).toEqual([]);
    expect((await write("two", "acme", other)).status).toBe(201);
    expect([await namesIn(db), await namesIn(big1)]).toEqual([["made two"], ["made one"]]);
  });

  test("between two others, while the registry still names the first", async () => {
    await relocate(db, "shared", big1, "big1", "acme");
    await eventually(async () => expect((await write("first")).status).toBe(201));
    const id = await relocate(big1, "big1", big2, "big2", "acme");
    expect((await write("second")).status).toBe(201);
    expect((await read()).json()).toEqual([{ name: "made second" }]);
    const { rows } = await big2.admin.query("select epoch::text from platform.tenants where id = $1", [id]);
    await flip(db, id, "big2", rows[0].epoch);
    expect((await write("third")).status).toBe(201);
    expect(await namesIn(big2)).toEqual(["made second", "made third"]);
    expect(await namesIn(big1)).toEqual(["made first"]);
  });

  test("whose row is not in the database that the registry names is a 503, and nothing is waited for", async () => {
    await db.admin.query("update platform.tenants set moved_to = 'big1', epoch = epoch + 1 where slug = 'acme'");
    await eventually(async () => expect((await read()).json()["code"]).toBe("RH106"));
    expect((await read()).status).toBe(503);
  });
});

describe("during a move", () => {
  test("reads go on, and writes wait for the fence and run at the new place", async () => {
    const id = await arrive(db, "shared", big1, "acme");
    await fence(db, id, LONG_MS);
    const writes = Array.from({ length: 40 }, (_, index) => write(`${index}`));
    await sleep(150); // so that they come to the fence, or some of them
    expect((await read()).status).toBe(200);
    await activate(big1, id, await release(db, id, "big1"));
    const answers = await Promise.all(writes);
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 201));
    expect([(await namesIn(db)).length, new Set(await namesIn(big1)).size]).toEqual([0, 40]);
  });

  test("waiting writes hold no connection: the tenant's reads and the other tenants go on", async () => {
    await using small = await openServer({ CONNECTION_POOL_SIZE: 2 });
    const id = await arrive(db, "shared", big1, "acme");
    await fence(db, id, LONG_MS);
    const writes = Array.from({ length: 60 }, (_, index) => write(`${index}`, "acme", small));
    await sleep(100);
    const [[mine, myMs], [theirs, theirMs]] = await Promise.all([
      timed(read("acme", small)),
      timed(write("x", "globex", small)),
    ]);
    expect([mine.status, theirs.status]).toEqual([200, 201]);
    console.log(
      `beside 60 waiting writes: a read ${myMs.toFixed(0)} ms, another tenant's write ${theirMs.toFixed(0)} ms`,
    );
    await unfence(id);
    expect(new Set((await Promise.all(writes)).map(({ status }) => status))).toEqual(new Set([201]));
  });

  test("a fence that outlasts FENCE_WAIT_MS is a 503 that says when to try again", async () => {
    await using hasty = await openServer({ FENCE_WAIT_MS: 200 });
    const id = await arrive(db, "shared", big1, "acme");
    await fence(db, id, LONG_MS);
    const [answer, ms] = await timed(write("late", "acme", hasty));
    expect([answer.status, answer.json()["code"], answer.headers["retry-after"]]).toEqual([503, "RH700", "1"]);
    expect(ms).toBeGreaterThan(180);
    expect(await namesIn(db)).toEqual([]);
  });

  test("a fence that lapses lets the writes in where they are", async () => {
    const id = await arrive(db, "shared", big1, "acme");
    await fence(db, id, 150);
    expect((await write("stays")).status).toBe(201);
    expect(await namesIn(db)).toEqual(["made stays"]);
  });

  test("whoever has gone while waiting writes nothing", async () => {
    const id = await arrive(db, "shared", big1, "acme");
    await fence(db, id, LONG_MS);
    const body = JSON.stringify({ number: "late", name: "made too late" });
    const headers = {
      host: "acme.localhost",
      authorization: `Bearer ${tokens["acme"]}`,
      "content-type": "application/json",
    };
    const ended = () => server.log.filter(({ msg, method }) => msg === "request" && method === "POST").length;
    const before = ended();
    const to = { host: "127.0.0.1", port: server.port, path: "/rest/v1/customers" };
    const going = httpRequest({ ...to, method: "POST", headers, agent: false });
    going.on("error", () => {});
    going.end(body);
    await once(going, "finish");
    expect((await read()).status).toBe(200); // meanwhile it comes to the fence
    expect(ended()).toBe(before);
    going.destroy();
    await eventually(() => Promise.resolve(expect(ended()).toBe(before + 1)));
    await unfence(id);
    expect((await write("in time")).status).toBe(201);
    expect(await namesIn(db)).toEqual(["made in time"]);
  });

  test("a mover that died after the commit point: the first request finishes the arrival, and nobody waits", async () => {
    const id = await arrive(db, "shared", big1, "acme");
    await fence(db, id, LONG_MS);
    const writes = Array.from({ length: 20 }, (_, index) => write(`${index}`));
    await sleep(50);
    await silently(db, () => release(db, id, "big1"));
    const [answers, ms] = await timed(Promise.all(writes));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(await namesIn(big1)).toHaveLength(20);
    console.log(`20 writes behind a mover that died after its commit point: ${ms.toFixed(0)} ms`);
    const { rows } = await big1.admin.query(
      "select moved_to, arriving, epoch > 10 as newer from platform.tenants where id = $1",
      [id],
    );
    expect(rows).toEqual([{ moved_to: null, arriving: null, newer: true }]);
  });

  test("a registry that names the target too early activates nothing, and the request is refused in time", async () => {
    await using hasty = await openServer({ FENCE_WAIT_MS: 300 });
    const id = await arrive(db, "shared", big1, "acme");
    await silently(db, () => db.admin.query("update platform.tenants set moved_to = 'big1' where id = $1", [id]));
    const answer = await read("acme", hasty);
    expect([answer.status, answer.json()["code"]]).toEqual([503, "RH701"]);
    const { rows } = await big1.admin.query("select arriving is null as active from platform.tenants where id = $1", [
      id,
    ]);
    expect(rows).toEqual([{ active: false }]);
  });
});

describe("a database that can't serve", () => {
  const out = async () =>
    (await server.get("localhost", "/readyz")).json<{ status: string; databases?: { code: string }[] }>();

  beforeEach(async () => {
    await relocate(db, "shared", big1, "big1", "acme");
    await eventually(async () => {
      if ((await write("before")).status !== 201) throw new Error("acme is not served by big1");
    });
  });

  test("is its tenant's 503 at once and nobody else's, and is served again when it is back", async () => {
    const file = big1.secretRef.slice("file:".length);
    await writeFile(file, big1.url.replace(/:\d+\//, ":1/"));
    await db.admin.query("update platform.databases set address = address where name = 'big1'");
    await eventually(async () => expect((await read()).json()["code"]).toBe("RH302"));
    const answers = await Promise.all(Array.from({ length: 50 }, () => timed(read())));
    expect(new Set(answers.map(([{ status }]) => status))).toEqual(new Set([503]));
    console.log(`50 refusals at once, the slowest after ${Math.max(...answers.map(([, ms]) => ms)).toFixed(0)} ms`);
    expect((await write("here", "globex")).status).toBe(201);
    expect(await out()).toMatchObject({ status: "ready", databases: [{ database: "big1", code: "RH302" }] });
    const said = JSON.stringify([server.log, await out()]);
    expect(said).not.toContain(new URL(big1.url).password || "no password in this URL");
    await writeFile(file, big1.url);
    await eventually(async () => expect((await read()).status).toBe(200));
    expect(await out()).toEqual({ status: "ready" });
  });

  test("silence costs the others nothing", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket.on("error", () => {})));
    await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
    const { port } = silent.address() as { port: number };
    // What it does not answer is given up soon: by every other limit a test would be over before.
    await using brief = await testServer(db, { settings: { FENCE_WAIT_MS: LONG_MS }, answerMs: 1000 });
    await eventually(async () => expect((await read("acme", brief)).status).toBe(200));
    const theirs = async () => {
      const times = [];
      for (let index = 0; index < 150; index++) {
        const [{ status }, ms] = await timed(read("globex", brief));
        expect(status).toBe(200);
        times.push(ms);
      }
      return times.toSorted((a, b) => a - b)[148]!;
    };
    const flood = () => Promise.all(Array.from({ length: 200 }, () => read("acme", brief)));
    const beside = async (running: ReturnType<typeof flood>) => [await theirs(), await running] as const;
    const [before] = await beside(flood()); // the same, while it is served
    await writeFile(big1.secretRef.slice("file:".length), big1.url.replace(/:\d+\//, `:${port}/`));
    await db.admin.query("update platform.databases set address = address where name = 'big1'");
    const [during, answers] = await beside(flood());
    // The news may come after the first of them.
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    await eventually(async () => expect((await read("acme", brief)).status).toBe(503));
    console.log(
      `p99 of another tenant's reads: ${before.toFixed(1)} ms beside 200 requests that are served, ${during.toFixed(1)} ms beside 200 for a silent database`,
    );
    await writeFile(big1.secretRef.slice("file:".length), big1.url);
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => silent.close(done));
  });

  test("an older or newer schema is refused by name, until it is the same", async () => {
    const { rows } = await big1.admin.query(
      "delete from platform.app_migrations where name like '0009%' returning name, run_on",
    );
    await db.admin.query("notify rowhouse_catalog");
    await eventually(async () => expect((await read()).json()["code"]).toBe("RH706"));
    expect((await read("globex")).status).toBe(200);
    const refused = server.log.find(({ problem }) => String(problem).includes("older"));
    expect(refused).toMatchObject({ database: "big1", fix: expect.stringContaining("migrate") });
    await big1.admin.query("insert into platform.app_migrations (name, run_on) values ($1, $2), ('9999_new', now())", [
      rows[0].name,
      rows[0].run_on,
    ]);
    await eventually(async () => {
      expect((await read()).status).toBe(503);
      expect(JSON.stringify(await out())).toContain("newer");
    });
    await big1.admin.query("delete from platform.app_migrations where name = '9999_new'");
    await eventually(async () => expect((await read()).status).toBe(200));
  });

  test("one whose isolation is in doubt is not used", async () => {
    await big1.admin.query("alter table app.customers no force row level security");
    await db.admin.query("notify rowhouse_catalog");
    await eventually(async () => expect((await read()).json()["code"]).toBe("RH303"));
    expect((await read("globex")).status).toBe(200);
    await big1.admin.query("alter table app.customers force row level security");
    await eventually(async () => expect((await read()).status).toBe(200));
  });

  test("a lost connection in use is a 503 for that request, and the next is served", async () => {
    await db.admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowhouse_api' and datname = $1",
      [new URL(big1.url).pathname.slice(1)],
    );
    await eventually(async () => expect((await write("after")).status).toBe(201));
  });
});
