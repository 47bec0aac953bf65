import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { restError } from "../../src/rest/errors.ts";
import { detailWithoutTenant, hintWithoutTenant, withoutTenant } from "../../src/rest/sanitize.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { client, readCatalog, type Client } from "./served.ts";

let db: TestDatabase;
let acme: Client;
const ME = "0b8f3c1e-0000-4000-8000-000000000001";

beforeAll(async () => {
  db = await testDatabase();
  // The definer's rights are those of a superuser, so that PostgreSQL tells all (row-level security keeps DETAIL back).
  await db.admin.query(`
    create table app.seats (tenant_id uuid, room text, id int, note text check (note <> 'bad'), amount int not null default 1,
      primary key (tenant_id, id), unique (room, tenant_id));
    create unique index on app.seats (tenant_id, lower(note));
    select platform.protect_table('app.seats');
    create table app.guests (tenant_id uuid, id int, seat_id int, primary key (tenant_id, id),
      foreign key (tenant_id, seat_id) references app.seats (tenant_id, id));
    select platform.protect_table('app.guests');
    create type app.mood as enum ('glad', 'sad');
    create table app.codes (tenant_id uuid, number bigint, code varchar(8), mood app.mood not null default 'glad', at date,
      primary key (tenant_id, number), unique (tenant_id, mood, code), unique (tenant_id, at));
    select platform.protect_table('app.codes');
    create function app.told(sql text) returns void language plpgsql security definer as $$ begin execute sql; end $$;
    create function app.raise_it() returns trigger language plpgsql as $$
    declare
      wanted json := new.note::json;
    begin
      if wanted->>'sql' is not null then
        perform app.told(wanted->>'sql');
      elsif wanted->>'detail' is null then
        raise exception using errcode = wanted->>'state', message = coalesce(wanted->>'message', 'no');
      else
        raise exception using errcode = wanted->>'state', message = wanted->>'message', detail = wanted->>'detail',
          hint = coalesce(wanted->>'hint', '');
      end if;
      return new;
    end $$;
    create table app.raises (tenant_id uuid, id int, note text, primary key (tenant_id, id));
    select platform.protect_table('app.raises');
    create trigger raise_it before insert on app.raises for each row execute function app.raise_it();
    grant execute on all functions in schema app to rowhouse_api;
  `);
  const catalog = await readCatalog(db);
  acme = await client(db, "acme", catalog);
  await acme("POST", "/seats", { body: [{ id: 1, room: "A", note: "a, b" }] });
  await acme("POST", "/guests", { body: { id: 1, seat_id: 1 } });
});
afterAll(() => db?.close());

interface Wanted {
  readonly state?: string;
  readonly message?: string;
  readonly detail?: string | undefined;
  readonly hint?: string;
  readonly sql?: string;
}

/** What comes of an error that a trigger raises. */
const raise = async (wanted: Wanted) => {
  const body = { id: 1, note: JSON.stringify(wanted) };
  const { status, headers, json } = await acme("POST", "/raises", { body });
  return { status, headers, json };
};
/** What comes of SQL with all rights, where PostgreSQL tells the values. */
const tell = (sql: string) => raise({ sql: sql.replaceAll("ME", `'${acme.tenantId}'`) });

describe("constraints", () => {
  const seat = (body: object) => acme("POST", "/seats", { body });

  test("of the tenant's own rows: no text names what the API has no name for", async () => {
    // One after the other: of two at once one waits for the other's lock, and only for so long.
    const answers = [
      await seat({ id: 1, room: "B" }),
      await seat({ id: 2, room: "A" }),
      await seat({ id: 2, room: "B", note: "bad" }),
      await seat({ id: 2, room: "B", amount: null }),
      await acme("POST", "/guests", { body: { id: 2, seat_id: 9 } }),
      await acme("DELETE", "/seats?id=eq.1"),
      await acme("POST", "/seats?on_conflict=note", {
        body: { id: 3 },
        headers: { prefer: "resolution=merge-duplicates" },
      }),
    ];
    expect(answers.map(({ status, json }) => [status, (json as { code: string }).code])).toEqual([
      [409, "23505"],
      [409, "23505"],
      [400, "23514"],
      [400, "23502"],
      [409, "23503"],
      [409, "23503"],
      [400, "42P10"],
    ]);
    for (const { text } of answers) {
      expect(text).not.toMatch(/tenant_id|tenant_row_id/);
      expect(text).not.toContain(acme.tenantId);
    }
    expect(answers[0]!.json).toMatchObject({
      message: 'duplicate key value violates unique constraint "seats_pkey"',
      details: "Key (id)=(1) already exists.",
      hint: null,
    });
  });

  test("of keys, with the values that the request brought itself, and no others", async () => {
    await acme("POST", "/seats", { body: [{ id: 5, room: "E" }] });
    await acme("POST", "/codes", { body: { number: "9007199254740993", code: "x", mood: "glad", at: "2024-01-01" } });
    const told = async (method: string, url: string, body: object) => {
      const { json } = await acme(method, url, { body });
      const { code, details } = json as { code: string; details: string | null };
      return [code, details];
    };
    const asked: [string, string, object, string | null][] = [
      ["POST", "/seats", { id: 7, room: "A" }, "Key (room)=(A) already exists."],
      ["PATCH", "/seats?id=eq.5", { room: "A" }, "Key (room)=(A) already exists."],
      ["PATCH", "/seats?id=in.(5,1)", { id: 6 }, "Key (id)=(6) already exists."],
      // Which of several rows it was is not known.
      ["POST", "/seats", [{ id: 7 }, { id: 1 }], null],
      // An index on an expression, whose value only PostgreSQL knows.
      ["POST", "/seats", { id: 7, note: "a, B" }, null],
      ["POST", "/codes", { number: "9007199254740993" }, "Key (number)=(9007199254740993) already exists."],
      ["POST", "/codes", { number: "+9007199254740993" }, null],
      ["POST", "/codes", { number: 1, code: "x", mood: "glad" }, "Key (mood, code)=(glad, x) already exists."],
      ["POST", "/codes", { number: 1, at: "2024-01-01" }, null],
      // What the default gave is not the request's.
      ["POST", "/codes?columns=number,code", { number: 1, code: "x", mood: "sad" }, null],
    ];
    for (const [method, url, body, details] of asked) {
      expect([url, body, ...(await told(method, url, body))]).toEqual([url, body, "23505", details]);
    }
    const missing = 'is not present in table "seats".';
    expect(await told("POST", "/guests", { id: 2, seat_id: 9 })).toEqual(["23503", `Key (seat_id)=(9) ${missing}`]);
    const several = [
      { id: 2, seat_id: 9 },
      { id: 3, seat_id: 1 },
    ];
    expect(await told("POST", "/guests", several)).toEqual(["23503", `Key ${missing}`]);
    expect(await told("PATCH", "/seats?id=eq.1", { id: 70 })).toEqual([
      "23503",
      'Key is still referenced from table "guests".',
    ]);
  });

  test("where PostgreSQL tells the values, they are told without the tenant", async () => {
    const told = async (sql: string) => {
      const { status, json } = await tell(sql);
      return [status, (json as { code: string }).code, (json as { details: string | null }).details];
    };
    expect(await told("insert into app.seats (tenant_id, id, room) values (ME, 1, 'Z')")).toEqual([
      409,
      "23505",
      "Key (id)=(1) already exists.",
    ]);
    expect(await told("insert into app.seats (tenant_id, id, room) values (ME, 2, 'A')")).toEqual([
      409,
      "23505",
      "Key (room)=(A) already exists.",
    ]);
    expect(await told("insert into app.seats (tenant_id, id, note) values (ME, 2, 'A, B')")).toEqual([
      409,
      "23505",
      "Key (lower(note))=(a, b) already exists.",
    ]);
    expect(await told("insert into app.guests (tenant_id, id, seat_id) values (ME, 2, 9)")).toEqual([
      409,
      "23503",
      'Key (seat_id)=(9) is not present in table "seats".',
    ]);
    expect(await told("delete from app.seats where id = 1 and tenant_id = ME")).toEqual([
      409,
      "23503",
      'Key (id)=(1) is still referenced from table "guests".',
    ]);
    expect(await told("insert into app.seats (tenant_id, id, room, note) values (ME, 2, 'x, y', 'bad')")).toEqual([
      400,
      "23514",
      "Failing row contains (x, y, 2, bad, 1).",
    ]);
    // The tenant's id stands twice: which of them is the column can't be told.
    expect(await told("insert into app.seats (tenant_id, id, room, note) values (ME, 2, ME, 'bad')")).toEqual([
      400,
      "23514",
      null,
    ]);
  });
});

describe("texts", () => {
  test.each([
    [`Key (tenant_id, id)=(${ME}, 1) already exists.`, "Key (id)=(1) already exists."],
    [`Key (id, tenant_id)=(1, ${ME}) already exists.`, "Key (id)=(1) already exists."],
    [`Key (tenant_id, lower(a))=(${ME}, x, y) already exists.`, "Key (lower(a))=(x, y) already exists."],
    [
      `Key (tenant_id, during)=(${ME}, [1,5)) conflicts with existing key (tenant_id, during)=(${ME}, [2,3)).`,
      "Key (during)=([1,5)) conflicts with existing key (during)=([2,3)).",
    ],
    [`Key (tenant_id, tenant_row_id)=(${ME}, 5) already exists.`, null],
    [`Failing row contains (1, ${ME}, null).`, "Failing row contains (1, null)."],
    [`Failing row contains (${ME}, a, ${ME}).`, null],
    ["Failing row contains (1, 2).", null],
    [`Key (tenant_id)=(${ME}) already exists.`, null],
    [`Something else of ${ME}`, null],
    ['Array value must start with "{".', 'Array value must start with "{".'],
  ])("%s", (detail, shown) => expect(detailWithoutTenant(detail, ME)).toBe(shown));

  test("without knowing whose it is, less is told", () => {
    expect(detailWithoutTenant(`Key (tenant_id, id)=(${ME}, 1) already exists.`)).toBe("Key (id)=(1) already exists.");
    expect(detailWithoutTenant(`Failing row contains (1, ${ME}).`)).toBeNull();
    expect(hintWithoutTenant('Perhaps you meant to reference the column "t0.tenant_id".')).toBeNull();
    expect(withoutTenant(`row of ${ME}`, ME)).toBe("row of …");
  });
});

describe("what functions of the app raise", () => {
  const PGRST = (message: string, detail?: string): Wanted => ({ state: "PGRST", message, detail });

  test("PTxyz is the status", async () => {
    const { status, headers, json } = await raise({
      state: "PT402",
      message: "Payment Required",
      detail: "Quota exceeded",
      hint: "Upgrade",
    });
    expect([status, headers["proxy-status"], json]).toEqual([
      402,
      "PostgREST; error=PT402",
      { code: "PT402", message: "Payment Required", details: "Quota exceeded", hint: "Upgrade" },
    ]);
    expect((await raise({ state: "PT401" })).headers["www-authenticate"]).toBe("Bearer");
    expect((await raise({ state: "PT1AB" })).status).toBe(500);
  });

  test("PGRST says the whole answer", async () => {
    const { status, headers, json } = await raise(
      PGRST(
        '{"code":"123","message":"ABC","details":"DEF","hint":"XYZ"}',
        '{"status":332,"status_text":"My Status","headers":{"X-Header":"str","Content-Length":"5"}}',
      ),
    );
    expect([status, json]).toEqual([332, { code: "123", message: "ABC", details: "DEF", hint: "XYZ" }]);
    expect(headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      "proxy-status": "PostgREST; error=123",
      "x-header": "str",
    });
    const error = Object.assign(new Error('{"code":"a b","message":"m"}'), {
      severity: "ERROR",
      code: "PGRST",
      detail: '{"status":400,"status_text":"My Status","headers":{}}',
    });
    expect(restError(error)).toMatchObject({ reason: "My Status", headers: { "proxy-status": "PostgREST; error=ab" } });
  });

  const MESSAGE_HINT =
    "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.";
  const DETAIL_HINT =
    "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.";
  const good = '{"code":"123","message":"ABC"}';
  test.each([
    ["INVALID", undefined, "Invalid JSON value for MESSAGE: 'INVALID'", MESSAGE_HINT],
    ['{"code":"1"}', "{}", `Invalid JSON value for MESSAGE: '{"code":"1"}'`, MESSAGE_HINT],
    ['["code"]', "{}", `Invalid JSON value for MESSAGE: '["code"]'`, MESSAGE_HINT],
    [good, undefined, "DETAIL is missing in the RAISE statement", DETAIL_HINT],
    [good, "INVALID", "Invalid JSON value for DETAIL: 'INVALID'", DETAIL_HINT],
    [good, '{"status":400}', `Invalid JSON value for DETAIL: '{"status":400}'`, DETAIL_HINT],
    [good, '{"status":99,"headers":{}}', `Invalid JSON value for DETAIL: '{"status":99,"headers":{}}'`, DETAIL_HINT],
    [
      good,
      String.raw`{"status":400,"headers":{"a":"b\r\nc: d"}}`,
      String.raw`Invalid JSON value for DETAIL: '{"status":400,"headers":{"a":"b\r\nc: d"}}'`,
      DETAIL_HINT,
    ],
  ])("PGRST with %s and %s is malformed", async (message, detail, details, hint) => {
    const { status, json } = await raise(PGRST(message, detail));
    expect([status, json]).toEqual([
      500,
      { code: "PGRST121", message: `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`, details, hint },
    ]);
  });

  test.each([
    ["21000", "UPDATE requires a WHERE clause", 400],
    ["21000", "more than one row returned by a subquery used as an expression", 500],
    ["22023", 'role "x" does not exist', 401],
    ["22023", "invalid parameter value", 400],
    ["42883", "function xmlagg(character varying) does not exist", 406],
    ["42883", "function nope() does not exist", 404],
    ["P0001", "refused", 400],
  ])("%s %s is %i", async (sqlstate, message, status) => {
    const { status: found, json } = await raise({ state: sqlstate, message });
    expect([found, json]).toMatchObject([status, { code: sqlstate, message }]);
  });
});
