import { afterAll, beforeAll, expect, test } from "vitest";
import type { Catalog, Routine } from "../../src/catalog/catalog.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { readSchema, readServed, serveGuild } from "./guild.ts";

let db: TestDatabase;
let guild: Catalog;
beforeAll(async () => {
  db = await testDatabase();
  await serveGuild(db);
  guild = await readSchema(db, "guild");
});
afterAll(() => db.close());

const routine = (name: string, overload = 0): Routine => guild.routines.get(name)![overload]!;
const keys = (from: string) =>
  guild.foreignKeys
    .filter((key) => key.from === from)
    .map(({ name, columns, to, referenced }) => `${name}(${columns.join()}) ${to}(${referenced.join()})`);

test("schemas are served in their order, each with its own", async () => {
  const { catalogs } = await readServed(db);
  expect([...catalogs.keys()]).toEqual(["app", "guild"]);
  expect(guild.comment).toBe("The guild: members, what they make, and for whom.");
  expect(guild.relations.size).toBeGreaterThan(50);
  expect(catalogs.get("app")?.relations.has("members")).toBe(false);
  await db.admin.query("update platform.schemas set served = false where name = 'app'");
  expect([...(await readServed(db)).catalogs.keys()]).toEqual(["guild"]);
  await db.admin.query(
    "update platform.schemas set served = name = 'app'; create schema empty; select platform.add_schema('empty')",
  );
  expect([...(await readServed(db)).catalogs.keys()]).toEqual(["app"]);
  await db.admin.query("update platform.schemas set served = name = 'empty'");
  const { catalogs: none } = await readServed(db);
  expect([...none.keys()]).toEqual(["app"]);
  expect(none.get("app")?.relations.size).toBe(0);
  await db.admin.query("update platform.schemas set served = name <> 'empty'");
});

test("partitions, materialized views and foreign tables are not served", async () => {
  expect(guild.relations.get("events")).toMatchObject({ isPartitioned: true, primaryKey: ["happened_on", "id"] });
  expect([...guild.relations.keys()].filter((name) => name.startsWith("events_"))).toEqual([]);
  expect(keys("event_guests")).toContain("event_guests_event_fkey(event_id,happened_on) events(id,happened_on)");
  expect(keys("events")).toEqual(["events_hall_id_fkey(hall_id) halls(id)"]);
});

test("nothing of an extension is served: its views tell of the whole server", async () => {
  await db.admin.query(
    "create extension pg_stat_statements schema guild; grant select on guild.pg_stat_statements to rowhouse_api",
  );
  expect((await readSchema(db, "guild")).relations.has("pg_stat_statements")).toBe(false);
  await db.admin.query("drop extension pg_stat_statements");
});

test("views can do what PostgreSQL lets them do", () => {
  const verbs = (name: string) => [...guild.relations.get(name)!.verbs].join();
  expect(verbs("active_members")).toBe("select,insert,update,delete");
  expect(verbs("member_cards")).toBe("select,insert,update,delete"); // by INSTEAD OF triggers
  expect(verbs("commission_totals")).toBe("select"); // grouped
});

test("views have the keys of the tables that their columns come from", () => {
  const primaryKey = (name: string) => guild.relations.get(name)!.primaryKey;
  expect(primaryKey("senior_members")).toEqual(["id"]); // through a view
  expect(primaryKey("commission_totals")).toEqual(["id"]);
  expect(primaryKey("craft_levels")).toEqual(["code"]); // has the crafts' key, and not that of member_crafts
  expect(keys("open_commissions")).toEqual([
    "commissions_customer_id_fkey(customer_id) customers(id)",
    "commissions_master_id_fkey(master_id) members(id)",
    "commissions_master_id_fkey(master_id) active_members(id)",
    "commissions_master_id_fkey(master_id) member_cards(id)",
    "commissions_master_id_fkey(master_id) senior_members(id)",
  ]);
  expect(guild.foreignKeys.find(({ from, to }) => from === "member_secrets" && to === "senior_members")?.oneToOne).toBe(
    true,
  );
});

test("computed columns and relationships", () => {
  expect(guild.relations.get("members")?.computed.get("initials")).toMatchObject({ type: "text", generated: true });
  expect(guild.relations.get("commission_items")?.computed.get("is_grown")).toMatchObject({ castType: "boolean" });
  expect(guild.computedRelationships).toEqual([
    { schema: "guild", name: "workshops_led", from: "members", to: "workshops", isToOne: false },
    { schema: "guild", name: "computed_head", from: "workshops", to: "members", isToOne: true },
  ]);
});

test("functions: what they take", () => {
  expect(routine("greet").parameters).toEqual([
    { name: "name", type: "text", castType: "text", isRequired: false, isVariadic: false },
  ]);
  expect(routine("sum_all").parameters).toMatchObject([{ name: "numbers", type: "integer[]", isVariadic: true }]);
  expect(guild.routines.get("area")?.map(({ parameters }) => parameters.length)).toEqual([1, 2]);
  expect(routine("echo_json").parameters).toMatchObject([{ name: "", type: "json" }]);
  expect(routine("split_name").parameters.map(({ name }) => name)).toEqual(["full_name"]);
  expect(routine("one_out").parameters.map(({ name }) => name)).toEqual(["n"]);
  expect(routine("by_ranks").parameters).toMatchObject([{ type: "guild.rank[]", castType: "guild._rank" }]);
  expect(routine("add_them")).toMatchObject({ comment: "The sum of two numbers.", volatility: "immutable" });
  expect([...routine("slow_lookup").settings]).toEqual([["statement_timeout", "50s"]]);
});

test("functions: what they give", () => {
  expect(routine("nothing").returns).toEqual({ kind: "void" });
  expect(routine("count_to").returns).toMatchObject({ kind: "scalar", isSet: true, castType: "integer" });
  expect(routine("page").returns).toMatchObject({ kind: "scalar", mediaType: "text/html", castType: "text" });
  const members = guild.relations.get("members");
  expect(routine("list_members").returns).toEqual({ kind: "rows", isSet: true, relation: members, isServed: true });
  expect(routine("find_member").returns).toMatchObject({ kind: "rows", isSet: false, isServed: true });
  const columnsOf = (name: string) => {
    const { returns } = routine(name);
    return returns.kind === "rows" && [returns.isServed, ...returns.relation.columns.keys()];
  };
  expect(columnsOf("month_totals")).toEqual([false, "month", "total"]);
  expect(columnsOf("split_name")).toEqual([false, "first_name", "last_name"]);
  expect(columnsOf("one_out")).toEqual([false, "n"]);
  expect(columnsOf("sizes_of")).toEqual([false, "width_cm", "height_cm", "depth in cm"]);
});

test("neither procedures, aggregates, triggers' functions, computed things nor what is not granted can be called", async () => {
  for (const name of ["tidy", "halls_as_html", "count_change", "initials", "workshops_led"])
    expect(guild.routines.has(name)).toBe(false);
  await db.admin.query("revoke execute on function guild.add_them from public, rowhouse_api");
  expect((await readSchema(db, "guild")).routines.has("add_them")).toBe(false);
  await db.admin.query("create extension if not exists citext schema guild");
  expect((await readSchema(db, "guild")).routines.has("citext_eq")).toBe(false);
});

test("media types and representations", () => {
  expect(guild.handlers).toEqual([{ mediaType: "text/html", aggregate: "guild.halls_as_html", relation: "halls" }]);
  expect(guild.relations.get("swatches")?.columns.get("color")).toMatchObject({
    type: "guild.color",
    castType: "integer",
    representation: {
      domain: "guild.color",
      toJson: expect.stringMatching(/^guild\."?json"?$/),
      fromJson: "guild.color",
      fromText: "guild.color",
    },
  });
  expect(guild.relations.get("swatches")?.columns.get("label")).toMatchObject({
    type: "guild.short_text",
    castType: "character varying",
    maxLength: 40,
    representation: null,
  });
});

test("what the app reads and writes of a request's settings", async () => {
  expect(await readServed(db)).toMatchObject({ readsRequest: false, writesResponse: false });
  await db.admin.query(`create view guild.asked as select current_setting('request.method', true) as method`);
  expect(await readServed(db)).toMatchObject({ readsRequest: true, writesResponse: false });
  await db.admin.query(`
    drop view guild.asked; create schema elsewhere;
    create function elsewhere.ask(named text) returns text language sql as $$ select current_setting(named, true) $$`);
  expect(await readServed(db)).toMatchObject({ readsRequest: true, writesResponse: false });
  await db.admin.query(`
    create or replace function elsewhere.ask(named text) returns text language sql as $$ select current_setting('app.' || named, true) $$`);
  expect(await readServed(db)).toMatchObject({ readsRequest: false, writesResponse: false });
  await db.admin.query(`
    create function elsewhere.teapot() returns void language plpgsql as $$ begin perform set_config('response.status', '418', true); end $$`);
  expect(await readServed(db)).toMatchObject({ readsRequest: false, writesResponse: true });
  await db.admin.query("drop schema elsewhere cascade");
});
