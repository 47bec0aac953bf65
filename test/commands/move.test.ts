import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findMove, insertMove } from "../../src/move/store.ts";
import { lockMover } from "../../src/move/lock.ts";
import { DEFAULT_SETTINGS } from "../../src/move/move.ts";
import { SALES, testDatabase, withDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { leftovers } from "../move/leftovers.ts";
import { ended, runOn, start, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let big: DedicatedDatabase;
let eu: DedicatedDatabase;
let rowhouse: (...args: string[]) => Promise<Ended>;
const LONG = 300_000;

beforeAll(async () => {
  db = await testDatabase();
  big = await db.dedicated("big1");
  eu = await db.dedicated("eu", "shared");
  rowhouse = runOn(db.url);
});
afterAll(() => db.close());

interface Answer {
  readonly moved?: boolean;
  readonly move: { readonly id: string; readonly state: string; readonly lives: string; readonly slug: string };
}

const placement = async (slug: string) => (await db.tenant(slug)).movedTo;

describe("before the start", () => {
  const refusals: [args: string[], code: number, stderr: RegExp][] = [
    [["promote", "nobody", "--to", "big1"], 4, /RH102/],
    [["promote", "acme", "--to", "nowhere"], 4, /There is no database nowhere \[RH702\]/],
    [
      ["promote", "acme", "--to", "eu"],
      3,
      /eu is a shared database: promote wants a dedicated one \[RH712\]\nhint: .*rowhouse move acme --to eu/,
    ],
    [["demote", "acme", "--to", "big1"], 3, /big1 is a dedicated database: demote wants a shared one \[RH712\]/],
    [["promote", "acme"], 2, /--to/],
    [["promote", "acme", "--to", "big9", "--create"], 2, /--create and --url-from go together/],
    [
      ["promote", "acme", "--to", "big9", "--create", "--url-from", "postgres://me:hunter2@x/y"],
      2,
      /^(?!.*hunter2).*not the URL/s,
    ],
    [["move", "acme", "--to", "eu", "--window", "soon"], 2, /--window is not a duration/],
    [["move", "acme", "--to", "eu", "--workers", "0"], 2, /--workers takes a number from 1 to 16/],
    [["move", "acme", "--to", "eu", "--fence-limit", "5m"], 2, /--fence-limit takes 20ms to 30s/],
    [["moves", "show", "acme"], 4, /There is no move acme \[RH710\]/],
    [["moves", "resume", "acme"], 4, /RH710/],
    [["moves", "resume"], 2, /--due/],
    [["moves", "abort", "acme"], 4, /RH710/],
    [["moves", "rollback", "acme"], 4, /RH710/],
  ];
  test.each(refusals)("%j ends with %i", async (args, code, stderr) => {
    const result = await rowhouse(...args);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toMatch(stderr);
  });

  test("demote of a tenant that lives among the others does nothing", async () => {
    const { code, stdout, stderr } = await rowhouse("demote", "acme");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toBe("acme lives in shared already: nothing to do.\n");
  });

  test("--dry-run prints the plan and writes nothing down", async () => {
    const text = await rowhouse("promote", "acme", "--to", "big1", "--dry-run");
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(
      /^acme: shared → big1, [\d,]+ rows of \d+ tables, .*; about \d+ s \(a guess.*\); writes wait about \d+ ms, 500 ms at most; way back until /,
    );
    expect(text.stdout).toMatch(/app\.customers +\d+/);
    const json = await rowhouse("promote", "acme", "--to", "big1", "--dry-run", "--json", "--no-window");
    const { rows } = await db.admin.query<{ count: number }>(
      "select count(*)::int as count from app.customers where tenant_id = $1",
      [(await db.tenant("acme")).id],
    );
    expect(json.json()).toMatchObject({
      errors: 0,
      plan: { slug: "acme", from: "shared", to: "big1", windowEnds: null, settings: { windowSeconds: 0 } },
    });
    const { plan } = json.json<{ plan: { tables: { table: string; rows: number }[] } }>();
    expect(plan.tables.find(({ table }) => table === "app.customers")?.rows).toBe(rows[0]!.count);
    expect((await rowhouse("moves", "list")).stderr).toMatch(/No moves/);
  });
});

describe("there and back", () => {
  test("promote says what it does, and again does nothing", { timeout: LONG }, async () => {
    const { code, stdout, stderr } = await rowhouse("promote", "acme", "--to", "big1", "--window", "2h");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^observing  acme  shared → big1  [0-9a-f-]{36}\n$/);
    expect(stderr).toMatch(/^acme: shared → big1, /);
    expect(stderr).toMatch(/^acme: copying /m);
    expect(stderr).toMatch(/^acme: writes waited \d+(\.\d)? ms \(drained /m);
    expect(stderr).toMatch(
      /^acme lives in big1\. Until \S+ shared is kept in step with it: `rowhouse moves rollback acme`/m,
    );
    expect(await placement("acme")).toBe("big1");
    const again = await rowhouse("promote", "acme", "--to", "big1", "--json");
    expect(again.code).toBe(0);
    expect(again.json<Answer>().move).toMatchObject({
      state: "observing",
      lives: "big1",
      observeUntil: expect.any(String) as string,
    });
    const { rows } = await db.admin.query("select count(*)::int as count from platform.moves");
    expect(rows).toEqual([{ count: 1 }]);
  });

  test("list and show tell of it, and nobody's token", async () => {
    const list = await rowhouse("moves", "list");
    expect(list.stdout).toMatch(/^TENANT +FROM +TO +STATE .*\nacme +shared +big1 +observing .* ms +[0-9a-f-]{36}\n$/);
    expect((await rowhouse("moves", "list", "--unfinished", "--json")).json<unknown[]>()).toHaveLength(1);
    const text = await rowhouse("moves", "show", "acme");
    expect(text).toMatchObject({ code: 0, stderr: "" });
    for (const part of [
      /^lives in +big1$/m,
      /^copied +[\d,]+ rows of /m,
      /^cutover +writes waited /m,
      /^planned +/m,
      /^subscription +rowhouse_move_/m,
    ])
      expect(text.stdout).toMatch(part);
    const json = await rowhouse("moves", "show", "acme", "--json");
    const report = json.json<{ id: string; events: { event: string }[]; resources: unknown[]; isRunning: boolean }>();
    expect(report.events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["run", "copying", "committed", "observing"]),
    );
    expect(report).toMatchObject({ isRunning: false, resources: { length: 3 } });
    const { token } = await findMove(db.platform, "acme");
    expect(json.stdout).not.toContain(token);
    expect((await rowhouse("moves", "show", report.id, "--json")).json()).toMatchObject({ id: report.id });
  });

  test("another may not be promoted into the same one, nor this one elsewhere", async () => {
    const taken = await rowhouse("promote", "globex", "--to", "big1");
    expect(taken).toMatchObject({ code: 3, stdout: "" });
    expect(taken.stderr).toMatch(/globex can't be moved: big1: .*acme lives in it .*\[RH712\]\n  target_occupied: /);
    const dry = await rowhouse("promote", "globex", "--to", "big1", "--dry-run", "--json");
    expect(dry.code).toBe(3);
    expect(dry.json()).toMatchObject({ errors: 1, findings: [{ code: "target_occupied", severity: "error" }] });
    expect((await rowhouse("moves", "show", "globex")).code).toBe(4);
    const elsewhere = await rowhouse("move", "acme", "--to", "eu");
    expect(elsewhere).toMatchObject({ code: 5, stdout: "" });
    expect(elsewhere.stderr).toMatch(/RH711\]\nhint: .*rollback acme/);
    const abort = await rowhouse("moves", "abort", "acme");
    expect(abort).toMatchObject({ code: 5, stdout: "" });
    expect(abort.stderr).toMatch(/RH716/);
  });

  test("rollback brings it back, and said twice leaves it there", { timeout: LONG }, async () => {
    const back = await rowhouse("moves", "rollback", "acme", "--json");
    expect(back.code).toBe(0);
    expect(back.json<Answer>().move).toMatchObject({ state: "observing", isRollback: true, lives: "shared" });
    expect(back.lines()).toContainEqual({ event: "turned", from: "big1", to: "shared", isRollback: true });
    expect(back.lines().map(({ event, state }) => state ?? event)).toEqual(
      expect.arrayContaining(["fencing", "committed", "observing"]),
    );
    expect(await placement("acme")).toBeNull();
    const again = await rowhouse("moves", "rollback", "acme");
    expect(again.code).toBe(0);
    expect(await placement("acme")).toBeNull();
  });

  test(
    "resume --finish ends it with nothing left; resume of one that is done leaves it",
    { timeout: LONG },
    async () => {
      const { code, stderr } = await rowhouse("moves", "resume", "acme", "--finish");
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stderr).toMatch(/acme lives in shared; its rows in big1 are removed\./);
      expect(await leftovers([db, big])).toEqual([]);
      expect((await rowhouse("moves", "resume", "acme")).code).toBe(0);
      expect((await rowhouse("moves", "abort", "acme")).code).toBe(5);
    },
  );
});

/** Starts a command, whose stdout and stderr can be waited on. */
function startTold(args: string[]) {
  const child = start(args, { env: { DATABASE_URL: db.url } });
  child.stdin.end();
  const end = ended(child);
  let seen = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: string) => (seen += text));
  const until = async (pattern: RegExp) => {
    await expect.poll(() => seen).toMatch(pattern);
  };
  return { child, end, until };
}

/**
 * No row comes into the table of whose database the lock 77 is taken: a copy is caught in it, however fast it is. As a constraint, since triggers
 * don't fire for a copy; in both databases, which have to be alike.
 */
const HOLD = `create function app.hold(name text) returns boolean language plpgsql security definer
    as $$ begin perform pg_advisory_xact_lock_shared(77); return true; end $$;
  alter table app.customers add constraint hold check (app.hold(name))`;
const HOLD_NO_MORE = "alter table app.customers drop constraint hold; drop function app.hold(text)";

describe("stopped", () => {
  test("Ctrl-C stops at the next step; resume goes on, as JSON tells", { timeout: LONG }, async () => {
    for (const { admin } of [db, eu]) await admin.query(HOLD);
    await eu.admin.query("select pg_advisory_lock(77)");
    const { child, end, until } = startTold(["move", "globex", "--to", "eu", "--json"]);
    await until(/"event":"copy"/);
    // The signal is there before the copy can go on, and it has five seconds to tidy up.
    child.kill("SIGINT");
    await eu.admin.query("select pg_advisory_unlock(77)");
    const stopped = await end;
    expect(stopped.code).toBe(130);
    expect(stopped.lines().find(({ event }) => event === "stopping")).toEqual({
      event: "stopping",
      resume: "rowhouse moves resume globex",
      abort: "rowhouse moves abort globex",
    });
    expect(stopped.stderr).toMatch(/INTERRUPTED/);
    expect(await placement("globex")).toBeNull();
    expect((await rowhouse("moves", "show", "globex", "--json")).json()).toMatchObject({
      state: "copying",
      isRunning: false,
    });
    expect((await rowhouse("moves", "show", "globex")).stderr).toMatch(
      /Nobody works on it: `rowhouse moves resume globex`/,
    );
    for (const { admin } of [db, eu]) await admin.query(HOLD_NO_MORE);
    const resumed = await rowhouse("moves", "resume", "globex", "--json", "--lag-limit", "2s");
    expect(resumed.code).toBe(0);
    expect(resumed.json<Answer>().move).toMatchObject({
      state: "observing",
      lives: "eu",
      settings: { lagMs: 2000, fenceMs: 500 },
    });
  });

  test("resume --due finishes the moves whose time is over, and those alone", { timeout: LONG }, async () => {
    expect((await rowhouse("moves", "resume", "--due", "--json")).json()).toEqual({
      event: "done",
      finished: [],
      failed: [],
    });
    await db.admin.query("update platform.moves set observe_until = now() - interval '1 second' where slug = 'globex'");
    const { code, stderr, json } = await rowhouse("moves", "resume", "--due", "--json");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(json()).toMatchObject({ finished: [{ slug: "globex", state: "done", lives: "eu" }], failed: [] });
  });

  test("demote with --no-window is done at once", { timeout: LONG }, async () => {
    const { code, stdout, stderr } = await rowhouse("demote", "globex", "--no-window");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^done  globex  eu → shared /);
    expect(await leftovers([db, big])).toEqual([]);
  });

  test("a move that was given up leaves the tenant, and can't be resumed", { timeout: LONG }, async () => {
    const tenant = await db.tenant("initech");
    const wanted = {
      tenantId: tenant.id,
      slug: "initech",
      from: "shared",
      to: "big1",
      epoch: tenant.epoch,
      settings: DEFAULT_SETTINGS,
    };
    await insertMove(db.platform, wanted, "operator:test");
    const aborted = await rowhouse("moves", "abort", "initech");
    expect(aborted).toMatchObject({ code: 0 });
    expect(aborted.stdout).toMatch(/^aborted  initech /);
    expect((await rowhouse("moves", "abort", "initech")).code).toBe(0);
    const resumed = await rowhouse("moves", "resume", "initech");
    expect(resumed).toMatchObject({ code: 5, stdout: "" });
    expect(resumed.stderr).toMatch(/given up \[RH716\]\nhint: .*rowhouse move initech --to big1/);
    expect(await db.tenant("initech")).toEqual(tenant);
  });
});

describe("--create", () => {
  const created = `rowhouse_test_${randomBytes(6).toString("hex")}`;
  afterAll(async () => {
    await db.admin.query(`drop database if exists ${created} with (force)`);
  });

  test("makes the database, sets it up and moves the tenant into it", { timeout: LONG }, async () => {
    const env = { BIG2: withDatabase(db.url, created), ROWHOUSE_APP: SALES };
    const promote = ["promote", "globex", "--to", "big2", "--create", "--url-from", "env:BIG2", "--json"];
    const { code, stderr, lines, json } = await runOn(db.url, env)(...promote);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(lines().slice(0, 2)).toMatchObject([
      { event: "database", name: "big2", kind: "dedicated", secretRef: "env:BIG2" },
      { event: "plan", slug: "globex", to: "big2" },
    ]);
    expect(json<Answer>()).toMatchObject({ moved: true, move: { state: "observing", lives: "big2" } });
    const again = await runOn(db.url, env)(...promote);
    expect(again.code).toBe(0);
    const end = await runOn(db.url, env)("moves", "rollback", "globex");
    expect(end.code).toBe(0);
    expect((await runOn(db.url, env)("moves", "resume", "globex", "--finish")).code).toBe(0);
    expect(await placement("globex")).toBeNull();
  });
});

describe("two at once", () => {
  test("the second mover ends with 5; a watch follows the first", { timeout: LONG }, async () => {
    const tenant = await db.tenant("initech");
    const wanted = {
      tenantId: tenant.id,
      slug: "initech",
      from: "shared",
      to: "big1",
      epoch: tenant.epoch,
      settings: DEFAULT_SETTINGS,
    };
    const move = await insertMove(db.platform, wanted, "operator:test");
    const lock = await lockMover({ home: db.database, platform: db.platform, actor: "operator:test" }, move);
    const watched = startTold(["moves", "show", "initech", "--watch", "--json"]);
    await watched.until(/"event":"facts"/);
    const second = await rowhouse("promote", "initech", "--to", "big1");
    expect(second).toMatchObject({ code: 5, stdout: "" });
    expect(second.stderr).toMatch(/Another process is moving initech at this moment \[RH711\]/);
    expect((await rowhouse("moves", "show", "initech", "--json")).json()).toMatchObject({
      isRunning: true,
      state: "planned",
    });
    // Until the next mover is at work: it looks no longer than a few seconds at a move that nobody works on.
    watched.child.kill("SIGSTOP");
    await lock[Symbol.asyncDispose]();
    const promoting = rowhouse("promote", "initech", "--to", "big1");
    await expect.poll(async () => (await findMove(db.platform, move.id)).state).not.toBe("planned");
    watched.child.kill("SIGCONT");
    expect((await promoting).code).toBe(0);
    const { code, lines, json } = await watched.end;
    expect(code).toBe(0);
    expect(lines().map(({ state }) => state)).toEqual(
      expect.arrayContaining(["copying", "fencing", "committed", "observing"]),
    );
    expect(json()).toMatchObject({ state: "observing", lives: "big1" });
  });
});
