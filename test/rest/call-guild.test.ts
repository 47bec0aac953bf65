import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { guildClient, loadGuild } from "./guild-client.ts";
import type { Client } from "./served.ts";

let db: TestDatabase;
let ask: Client;

beforeAll(async () => {
  db = await testDatabase();
  await loadGuild(db);
  ask = await guildClient(db);
});
afterAll(() => db.close());

describe("functions of every shape in a schema of another kind", () => {
  test.each([
    ["/rpc/add_them?a=2&b=3", 200, "5"],
    ["/rpc/greet", 200, '"Hello, guild!"'],
    ["/rpc/greet?name=Ada", 200, '"Hello, Ada!"'],
    ["/rpc/always_null", 200, "null"],
    ["/rpc/sum_all?numbers=1&numbers=2", 200, "3"],
    ["/rpc/area?width=3", 200, "9"],
    ["/rpc/area?width=3&height=2", 200, "6"],
    ["/rpc/count_to?last=2", 200, "[1, 2]"],
    ["/rpc/month_totals?year=2&select=total&month=eq.3", 200, '[{"total":6}]'],
    ["/rpc/split_name?full_name=A%20B", 200, '{"first_name":"A","last_name":"B"}'],
    ["/rpc/one_out?n=1", 200, '{"n":2}'],
    ["/rpc/Quoted%20Function?An%20Argument=x", 200, '"X"'],
    ["/rpc/slow_lookup", 200, '"done"'],
    ["/rpc/find_member?member_id=1&select=id", 200, '{"id":1}'],
    ["/rpc/list_members?select=id&limit=2", 200, '[{"id":1}, \n {"id":2}]'],
    ["/rpc/list_members?select=id,initials&id=eq.1", 200, expect.stringMatching(/^\[\{"id":1,"initials":"\w\w"\}\]$/)],
    [
      "/rpc/list_members?select=id,halls(name)&id=eq.1",
      200,
      expect.stringMatching(/^\[\{"id":1,"halls":\{"name": ".+"\}\}\]$/),
    ],
    ["/rpc/tidy", 404, expect.stringContaining("PGRST202")],
    ["/rpc/count_change", 404, expect.stringContaining("PGRST202")],
    ["/rpc/open_ticket?subject=x", 405, expect.stringContaining("25006")],
  ])("GET %s: %s %s", async (url, status, text) => {
    const answer = await ask("GET", url);
    expect({ status: answer.status, text: answer.text }).toEqual({ status, text });
  });

  test("computed relationships of rows that a function returns", async () => {
    const { status, json } = await ask("GET", "/rpc/list_members?select=id,workshops_led(id)&limit=1");
    expect({ status, json }).toEqual({ status: 200, json: [{ id: 1, workshops_led: expect.any(Array) }] });
  });

  test("arrays of composites, enums and row types", async () => {
    expect(await ask("GET", "/rpc/sizes_of?crate_id=1")).toMatchObject({ status: 200, json: expect.any(Array) });
    expect(await ask("POST", "/rpc/by_ranks", { body: { ranks: ["no such rank"] } })).toMatchObject({
      status: 400,
      json: { code: "22P02" },
    });
  });

  test("a function that writes a row answers it, and tells of an error as it was raised", async () => {
    const ticket = await ask("POST", "/rpc/open_ticket?select=subject,priority", { body: { subject: "s" } });
    expect({ status: ticket.status, json: ticket.json }).toEqual({ status: 200, json: { subject: "s", priority: 3 } });
    const failed = await ask("POST", "/rpc/fail_with", { body: { state: "PT418", message: "tea" } });
    expect({ status: failed.status, json: failed.json }).toEqual({
      status: 418,
      json: { code: "PT418", message: "tea", details: "as asked", hint: "ask for less" },
    });
  });

  test("a domain that names a media type, and an aggregate that makes one of rows", async () => {
    const page = await ask("GET", "/rpc/page", { headers: { accept: "text/html" } });
    expect(page.headers["content-type"]).toBe("text/html");
    expect(page.text).toMatch(/^<h1>\d+ halls<\/h1>$/);
    await db.admin
      .query(`create function guild.all_halls() returns setof guild.halls language sql stable as 'table guild.halls';
      grant execute on function guild.all_halls() to rowhouse_api`);
    const fresh = await guildClient(db);
    const list = await fresh("GET", "/rpc/all_halls?limit=2", { headers: { accept: "text/html" } });
    expect(list.text).toMatch(/^(<li>[^<]+<\/li>){2}$/);
    const parts = await fresh("GET", "/rpc/all_halls?select=name", { headers: { accept: "text/html" } });
    expect(parts.status).toBe(406);
  });

  test("a total of rows that a volatile function returns calls it once", async () => {
    await db.admin.query(`create sequence guild.calls;
      create function guild.called() returns setof guild.halls language plpgsql volatile as $$
        begin perform nextval('guild.calls'); return query select * from guild.halls; end $$;
      grant usage on sequence guild.calls to rowhouse_api;
      grant execute on function guild.called() to rowhouse_api`);
    const fresh = await guildClient(db);
    for (const prefer of ["count=exact", "count=none", "count=exact"]) {
      await fresh("POST", "/rpc/called?select=id&limit=1", { body: {}, headers: { prefer } });
    }
    const { rows } = await db.admin.query<{ last_value: string }>("select last_value from guild.calls");
    expect(rows[0]!.last_value).toBe("3");
  });
});
