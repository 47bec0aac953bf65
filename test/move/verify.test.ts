import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rollbackMove } from "../../src/move/back.ts";
import type { Move, MoveEvent } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { resume } from "../../src/move/operation.ts";
import type { MoveSite, RunOptions } from "../../src/move/run.ts";
import { startMove } from "../../src/move/start.ts";
import { findMove } from "../../src/move/store.ts";
import { testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { PATIENCE_SECONDS } from "./patience.ts";
import { startWriter } from "./writer.ts";

let db: TestDatabase;
let big: DedicatedDatabase;
let site: MoveSite;

/** Several tables at once, so that differences are found by more than one pair of sessions. */
const TYPES = `
  set role rowhouse_owner;
  create type app.mood as enum ('calm', 'cross');
  create type app.point3 as (x float8, y numeric, label text);
  create domain app.percent as numeric check (value between 0 and 100);
  create table app.samples (
    tenant_id uuid not null default platform.current_tenant(), id integer not null,
    mood app.mood, moods app.mood[], place app.point3, places app.point3[], share app.percent,
    small real, wide double precision, exact numeric, body jsonb, raw json, bits bit varying, price money, span interval,
    during tstzrange, whole int4multirange, address inet, found tsvector, document xml, blob bytea, one "char", short char(5), named name,
    twice integer generated always as (id * 2) stored, primary key (tenant_id, id));
  select platform.protect_table('app.samples');
  create table app.regions (code text primary key);
  create table app.branches (
    tenant_id uuid not null default platform.current_tenant(), id integer not null, region text references app.regions,
    primary key (tenant_id, id));
  select platform.protect_table('app.branches');
  reset role`;

const SAMPLES = `
  insert into app.samples (tenant_id, id, mood, moods, place, places, share, small, wide, exact, body, raw, bits, price, span, during, whole,
    address, found, document, blob, one, short, named)
  select $1, n, 'cross', array['calm', 'cross']::app.mood[], (0.1 * n, 1.00, E'a"b\\\\c')::app.point3,
    array[(n, n, null)]::app.point3[], 12.50, 0.1::real * n, 0.1::float8 * n, n + 1.10, jsonb_build_object('n', n, 'b', '{}'::jsonb),
    '{"a" : 1,  "a": 2}', b'101', 12.34, interval '1 month 2 days', tstzrange(now(), null), '{[1,3),[7,9)}', '10.0.0.1/8',
    to_tsvector('simple', 'a fat cat'), '<a>b</a>', '\\x00ff', 'x', 'ab', 'name'
  from generate_series(1, 300) n`;

beforeAll(async () => {
  db = await testDatabase();
  big = await db.dedicated("big1", "shared");
  for (const { admin } of [db, big]) await admin.query(TYPES);
  site = { home: db.database, platform: db.platform, actor: "operator:test" };
});
afterAll(() => db.close());

const SETTINGS = { patienceSeconds: PATIENCE_SECONDS };

/** Runs the move up to a point, and stops there. */
async function runTo(move: Move, name: string, options: RunOptions = {}): Promise<Move> {
  const stop = new Error("stopped by the test");
  const atPoint = (reached: string) => {
    if (reached === name) throw stop;
  };
  await expect(runMove(site, move, { ...options, atPoint })).rejects.toBe(stop);
  return findMove(db.platform, move.id);
}

/** As somebody who gets round everything that could notice. */
async function tamper({ admin }: Pick<TestDatabase, "admin">, ...texts: readonly (readonly [string, unknown[]?])[]) {
  await admin.query("begin; set local session_replication_role = replica");
  for (const [text, values] of texts) await admin.query(text, values);
  await admin.query("commit");
}

const ids = async ({ admin }: Pick<TestDatabase, "admin">, table: string, tenantId: string) => {
  const { rows } = await admin.query<{ id: string }>(
    `select id::text from ${table} where tenant_id = $1 order by id limit 3`,
    [tenantId],
  );
  return rows.map(({ id }) => id);
};

/** Locks of a barrier, held or waited for. Other test files move tenants in the same cluster. */
const barriers = async ({ admin }: Pick<TestDatabase, "admin">) => {
  const { rowCount } = await admin.query(
    `select from pg_locks where locktype = 'advisory' and classid = 7242
       and database = (select oid from pg_database where datname = current_database())`,
  );
  return rowCount;
};

/** How often what carries the changes has failed to apply them. */
const failures = async ({ admin }: Pick<TestDatabase, "admin">, subscription: string) => {
  const { rows } = await admin.query<{ errors: number }>(
    "select apply_error_count::int as errors from pg_stat_subscription_stats where subname = $1",
    [subscription],
  );
  return rows[0]?.errors ?? 0;
};

describe("every row, while the tenant writes", () => {
  test("one changed, one missing and one extra row are each found by table and key, and nothing else is", async () => {
    const { id } = await db.tenant("acme");
    await db.admin.query(SAMPLES, [id]);
    const started = await startMove(site, { slug: "acme", to: "big1", settings: SETTINGS });
    const writer = startWriter(db.api, await db.scope("acme"), "w");
    const move = await runTo(started!, "begin_subscribed");
    const [changed] = await ids(db, "app.products", id);
    const [missing] = await ids(db, "app.expenses", id);
    await tamper(
      big,
      ["create table app.kept as select * from app.expenses where id = $1", [missing]],
      ["update app.products set name = name || ' ' where id = $1", [changed]],
      ["delete from app.expenses where id = $1", [missing]],
      ["insert into app.samples (tenant_id, id, mood) values ($1, 1001, 'calm')", [id]],
      ["update app.samples set place.x = (place).x + 1e-15 where id = 7"],
    );
    const refused: unknown = await runMove(site, move).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: "RH714",
      message: "The rows of acme differ in app.expenses, app.products, app.samples",
    });
    const details = (refused as { details: string }).details.split("\n");
    expect(details[0]).toMatch(
      new RegExp(`^app.expenses: (\\d+) rows in shared, \\d+ in big1, missing in big1: ${missing}$`),
    );
    expect(details[1]).toMatch(new RegExp(`^app.products: \\d+ rows, changed in big1: ${changed}$`));
    expect(details.slice(2)).toEqual([
      "app.samples: 300 rows in shared, 301 in big1, changed in big1: 7, extra in big1: 1001",
    ]);
    expect(await findMove(db.platform, move.id)).toMatchObject({ state: "subscribed", error: { code: "RH714" } });

    await tamper(
      big,
      ["update app.products set name = rtrim(name) where id = $1", [changed]],
      ["delete from app.samples where id = 1001"],
      ["update app.samples set place.x = 0.1::numeric * 7 where id = 7"],
    );
    const columns =
      "tenant_id, id, location_id, customer_id, tax_rate_id, category, vendor, description, status, spent_on, currency, amount_cents, tax_cents, is_billable, receipt, approved_at, created_at, updated_at";
    await tamper(
      big,
      [`insert into app.expenses (${columns}) select ${columns} from app.kept`],
      ["drop table app.kept"],
    );
    const events: MoveEvent[] = [];
    const verified = await runTo(move, "begin_caught_up", { onEvent: (event) => events.push(event) });
    await writer.stop();
    const facts = verified.facts.verified!["before"]!;
    console.log(`verified ${facts.rows} rows in ${facts.ms} ms, writers waited ${facts.writersWaitedMs} ms`);
    const told = events.flatMap((event) => (event.event === "verify" ? [event.rows] : []));
    expect(told).toHaveLength(facts.tables);
    expect(told.reduce((sum, rows) => sum + rows, 0)).toBe(facts.rows);
    expect(writer.latencies.length).toBeGreaterThan(0);
  });

  test("the rows that stay behind are verified after the cutover, and the way back before it is gone", async () => {
    const { id } = await db.tenant("acme");
    const move = await findMove(db.platform, "acme");
    const reversing = await runTo(move, "reverse_subscribed");
    expect(reversing.state).toBe("reversing");
    const [changed] = await ids(db, "app.locations", id);
    await tamper(db, ["update app.locations set name = name || '!' where id = $1", [changed]]);
    await expect(runMove(site, reversing)).rejects.toMatchObject({
      code: "RH714",
      details: expect.stringMatching(new RegExp(`^app.locations: \\d+ rows, changed in shared: ${changed}$`)) as string,
      hint: expect.stringContaining("acme lives in big1") as string,
    });
    await tamper(db, ["update app.locations set name = rtrim(name, '!') where id = $1", [changed]]);
    const observing = await runMove(site, move);
    expect(Object.keys(observing.facts.verified!).toSorted()).toEqual(["after", "before"]);
    const back = await rollbackMove(site, observing);
    expect(Object.keys(back.facts.verified!).toSorted()).toEqual([
      "after",
      "before",
      "rollback_after",
      "rollback_before",
    ]);
    expect((await runMove(site, back, { finish: true })).state).toBe("done");
  });

  test("rows that were changed where the tenant has left are told of once, and then don't keep the move from ending", async () => {
    const started = await startMove(site, { slug: "acme", to: "big1", settings: SETTINGS });
    const move = await runTo(started!, "reverse_subscribed");
    const { rows } = await db.admin.query<{ id: string }>("select id from app.locations where tenant_id = $1 limit 1", [
      move.tenantId,
    ]);
    await tamper(db, ["update app.locations set name = name || '!' where id = $1", [rows[0]!.id]]);
    await expect(runMove(site, move, { finish: true })).rejects.toMatchObject({ code: "RH714" });
    expect((await runMove(site, move, { finish: true })).state).toBe("done");
    expect(await db.tenant("acme")).toMatchObject({ movedTo: "big1" });
  });
});

describe("a barrier that is not met", () => {
  let move: Move;
  beforeAll(async () => {
    const started = await startMove(site, { slug: "globex", to: "big1", settings: SETTINGS });
    move = await runTo(started!, "begin_subscribed");
  });

  test.each(["barrier_set", "barrier_met"])("a mover that ends at %s holds nobody", async (name) => {
    await runTo(move, name);
    await expect.poll(() => barriers(big)).toBe(0);
    const writer = startWriter(db.api, await db.scope("globex"), name);
    await expect.poll(() => writer.latencies.length).toBeGreaterThan(2);
    await writer.stop();
  });

  test("a subscription that is disabled is told of at once, and the move goes on when it is enabled", async () => {
    const alter = (what: string) => big.admin.query(`alter subscription ${move.forwardName} ${what}`);
    await alter("disable");
    await expect(runMove(site, move)).rejects.toMatchObject({
      code: "RH715",
      message: expect.stringContaining("the subscription is disabled") as string,
      details: expect.stringContaining("subscription disabled, no process applies") as string,
    });
    expect(await barriers(big)).toBe(0);
    await alter("enable");
  });

  test("a foreign key to a table that does not move is refused by name", async () => {
    const { id } = await db.tenant("globex");
    await db.admin.query("insert into app.regions values ('north')");
    await db.admin.query("insert into app.branches (tenant_id, id, region) values ($1, 1, 'north'), ($1, 2, null)", [
      id,
    ]);
    await expect(runMove(site, move)).rejects.toMatchObject({
      code: "RH714",
      details: "branches_region_fkey: 1 rows of app.branches refer to no row of app.regions",
    });
    await big.admin.query("insert into app.regions values ('north')");
    await expect(runTo(move, "begin_caught_up")).resolves.toMatchObject({ state: "caught_up" });
  });

  test("rows that can't be applied are told of when patience ends", async () => {
    const started = await startMove(site, { slug: "initech", to: "big1", settings: SETTINGS });
    const other = await runTo(started!, "begin_subscribed");
    const { id } = await db.tenant("initech");
    const key = "7d444840-9dc0-41c5-b8a2-0d2c3c1d0b2f";
    const text = "insert into app.customers (tenant_id, id, number, name) values ($1, $2, 'X', 'X')";
    await tamper(big, [text, [id, key]]);
    await tamper(db, [text, [id, key]]);
    await expect.poll(() => failures(big, other.forwardName)).toBeGreaterThan(0);
    await expect(resume(site, "initech", {}, { patienceSeconds: 2 })).rejects.toMatchObject({
      code: "RH715",
      message: expect.stringMatching(/^What shared writes does not come to big1 within \d+ s$/) as string,
      details: expect.stringMatching(/subscription enabled, .*[1-9]\d* errors so far; slot /) as string,
    });
    expect(await barriers(big)).toBe(0);
    await tamper(big, ["delete from app.customers where id = $1", [key]]);
  });
});
