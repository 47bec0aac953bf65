import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Served } from "../../src/catalog/catalog.ts";
import { runScoped } from "../../src/db/transaction.ts";
import type { ConnectionPool } from "../../src/db/connections.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { addFunctions } from "./call/database.ts";
import { caller, readServed, type Caller } from "./caller.ts";

let db: TestDatabase;
let served: Served;
let call: Caller;

beforeAll(async () => {
  db = await testDatabase();
  await addFunctions(db);
  served = await readServed(db);
  call = await caller(db, "acme", served);
});
afterAll(() => db.close());

const get = (url: string, headers: Record<string, string> = {}) => call("GET", url, { headers });
const texts = ({ asked }: { asked: readonly { text: string }[] }) => asked.map(({ text }) => text.split(/[ (]/, 2)[1]);
/** The one connection of a pool, so that it is the same from one request to the next. */
const SINGLE = { max: 1, waitMs: 60_000, idleMs: 3_600_000 };
/** As the server finds an app whose functions ask for nothing and say nothing. */
const quiet = (): Served => ({ ...served, readsRequest: false, writesResponse: false });

describe("what it costs", () => {
  test("a request that needs no settings is one statement after the context", async () => {
    const plain = await caller(db, "acme", quiet());
    for (const [method, url] of [
      ["GET", "/customers?number=eq.C-00001"],
      ["HEAD", "/customers"],
      ["DELETE", "/customers?number=eq.none"],
      ["GET", "/rpc/greet"],
      ["POST", "/rpc/nothing"],
    ] as const) {
      expect((await plain(method, url)).asked).toHaveLength(1);
    }
  });

  test.each([
    ["GET", "/customers?limit=1", { prefer: "timezone=UTC" }, ["platform.set_request", "count"]],
    ["GET", "/things", { "accept-profile": "extra" }, ["platform.set_request", "count"]],
    ["GET", "/rpc/patient", {}, ["platform.set_request", "called"]],
  ])("%s %s with %j asks %j", async (method, url, headers, statements) => {
    const plain = await caller(db, "acme", quiet());
    const answer = await plain(method, url, { headers: headers as Record<string, string> });
    expect({ status: answer.status, texts: texts(answer).map((text) => text?.replace(/^count.*/, "count")) }).toEqual({
      status: 200,
      texts: statements,
    });
  });
});

describe("what a function is told", () => {
  test.each([
    ["/rpc/setting?name=request.method", {}, "GET"],
    ["/rpc/setting?name=request.path", {}, "/rpc/setting"],
    ["/rpc/header?name=x-custom", { "x-custom": "é" }, "é"],
    ["/rpc/header?name=cookie", { cookie: "a=b" }, null],
    ["/rpc/cookie?name=a", { cookie: "a=1; b=two=2" }, "1"],
    ["/rpc/cookie?name=b", { cookie: "a=1;b=two=2" }, "two=2"],
    ["/rpc/cookie?name=a", {}, null],
    ["/rpc/claim?name=sub", {}, "someone"],
    ["/rpc/claim?name=role", {}, "admin"],
  ])("%s with %j: %j", async (url, headers, expected) => {
    expect((await get(url, headers as Record<string, string>)).json).toBe(expected);
  });

  test("nothing of the request before", async () => {
    const pool = db.database.openPool("rowhouse_api", SINGLE);
    const scope = await db.scope("acme");
    const setting = { text: "select current_setting('request.method', true)", values: [] };
    const told = {
      text: "select platform.set_request('PATCH', '/', '{}', '{}', '{}', 'extra', 'Asia/Tokyo', '1h')",
      values: [],
    };
    const rest = {
      text: "select current_setting('search_path') !~ 'pg_catalog, extra', current_setting('timezone') <> 'Asia/Tokyo', current_setting('statement_timeout')",
      values: [],
    };
    const [, during] = await runScoped(pool, scope, "read", [told, setting]);
    const [after, others] = await runScoped(pool, scope, "read", [setting, rest]);
    await pool.end();
    expect([during!.rows, after!.rows, others!.rows]).toEqual([[["PATCH"]], [[""]], [["t", "t", "0"]]]);
  });
});

describe("time zones", () => {
  test.each([
    ["America/New_York", "2026-07-01T08:00:00-04:00"],
    ["+05:30", "2026-07-01T06:30:00-05:30"],
    ["-4", "2026-07-01T08:00:00-04:00"],
  ])("%s", async (zone, expected) => {
    const { json, headers } = await get("/rpc/noon", { prefer: `handling=strict,timezone=${zone}` });
    expect(json).toBe(expected);
    expect(headers["preference-applied"]).toBe(`handling=strict, timezone=${zone}`);
  });

  test.each(["", "handling=strict, ", "handling=lenient, "])(
    "%sone that there is not is PostgreSQL's to refuse",
    async (also) => {
      expect(await get("/customers?limit=1", { prefer: `${also}timezone=Invalid/Timezone` })).toMatchObject({
        status: 400,
        json: { code: "22023", message: 'invalid value for parameter "TimeZone": "Invalid/Timezone"' },
      });
    },
  );

  test("it holds for tables, and for this request alone", async () => {
    const at = async (headers: Record<string, string>) => {
      const { json } = await get("/customers?select=created_at&limit=1", headers);
      return (json as { created_at: string }[])[0]!.created_at.slice(-6);
    };
    expect(await at({ prefer: "timezone=Asia/Tokyo" })).toBe("+09:00");
    expect(await at({})).not.toBe("+09:00");
  });
});

describe("schemas", () => {
  test("functions of the profile's schema find their own tables first, and PostgreSQL's functions before both", async () => {
    const profile = { "accept-profile": "extra" };
    await db.admin.query("insert into extra.things (tenant_id, name) select id, 'mine' from platform.tenants");
    const { json, headers } = await get("/rpc/things_named?wanted=mine", profile);
    expect(json).toEqual([{ id: expect.any(Number), name: "mine" }]);
    expect(headers["content-profile"]).toBe("extra");
    expect((await get("/rpc/where_am_i", profile)).json).toBe("rowhouse, pg_catalog, extra, app, extra, public");
    expect((await get("/rpc/lowered", profile)).json).toBe("abc");
  });

  test("a function of another schema is not found without its profile", async () => {
    expect((await get("/rpc/where_am_i")).status).toBe(404);
    expect(await get("/rpc/where_am_i", { "accept-profile": "nosuch" })).toMatchObject({
      status: 406,
      json: { code: "PGRST106" },
    });
  });
});

describe("settings of a function", () => {
  test("its statement_timeout counts for the call", async () => {
    expect(await get("/rpc/slow_for_ever")).toMatchObject({ json: { code: "57014" } });
    expect((await get("/rpc/patient")).json).toBe("50s");
  });

  test.each([
    ["40s", "40s"],
    ["50000", "50s"],
    ["2min", "2min"],
    ["3min", "2min"],
    ["0", "2min"],
    ["1d", "2min"],
  ])("%s is %s where the server allows 2min", async (wanted, counts) => {
    const pool = db.database.openPool("rowhouse_api", { ...SINGLE, statementTimeoutMs: 120_000 });
    const [, shown] = await runScoped(pool, await db.scope("acme"), "read", [
      { text: "select platform.set_request(null, null, null, null, null, null, null, $1)", values: [wanted] },
      { text: "select current_setting('statement_timeout')", values: [] },
    ]);
    await pool.end();
    expect(shown!.rows).toEqual([[counts]]);
  });
});

describe("what a function answers", () => {
  const answered = (headers: unknown, status = "") => {
    const said = encodeURIComponent(typeof headers === "string" ? headers : JSON.stringify(headers));
    return get(`/rpc/answer?headers=${said}&status=${status}`);
  };

  test("headers and status", async () => {
    const answer = await answered([{ "X-One": "a; b" }, { "Content-Type": "text/x" }, { "X-Two": "é" }], "418");
    expect(answer).toMatchObject({
      status: 418,
      headers: { "x-one": "a; b", "content-type": "text/x", "x-two": "Ã©" },
      text: "1",
    });
  });

  test("one header twice", async () => {
    const { headers } = await answered([{ "Set-Cookie": "a=1; Path=/" }, { "Set-Cookie": "b=2" }]);
    expect(headers["set-cookie"]).toEqual(["a=1; Path=/", "b=2"]);
  });

  test("by SET LOCAL as well, and from a trigger of a write", async () => {
    expect((await call("POST", "/rpc/answer_by_set")).status).toBe(202);
    await db.admin.query(`create function app.answer_write() returns trigger language plpgsql as $$
        begin perform set_config('response.headers', '[{"Location": "/elsewhere"}]', true); return new; end $$;
      create trigger answer_write before update on app.customers for each row execute function app.answer_write()`);
    const { headers, status } = await call("PATCH", "/customers?number=eq.C-00001", { body: { notes: "x" } });
    expect({ status, location: headers["location"] }).toEqual({ status: 204, location: "/elsewhere" });
    await db.admin.query("drop trigger answer_write on app.customers; drop function app.answer_write()");
  });

  test.each([
    ["{}"],
    ["null"],
    ["nonsense"],
    ['[{"a": 1}]'],
    ['[{"a": "1", "b": "2"}]'],
    ["[{}]"],
    ['["a"]'],
    ['[{"a b": "c"}]'],
    ['[{"a": "b\\r\\nSet-Cookie: c"}]'],
    ['[{"": "b"}]'],
  ])("headers that are none: %s", async (headers) => {
    expect(await answered(headers)).toMatchObject({
      status: 500,
      json: {
        code: "PGRST111",
        message: "response.headers guc must be a JSON array composed of objects with a single key and a string value",
        details: null,
        hint: null,
      },
    });
  });

  test.each(["bad", "100", "1000", "-1"])("a status that is none: %s", async (status) => {
    expect(await answered("[]", status)).toMatchObject({
      status: 500,
      json: { code: "PGRST112", message: "response.status guc must be a valid status code", details: null },
    });
  });

  test("what frames the message is not the function's to say", async () => {
    const { headers } = await answered([{ "Content-Length": "3" }, { "Transfer-Encoding": "chunked" }, { a: "b" }]);
    expect(Object.keys(headers)).not.toContain("content-length");
    expect(headers["transfer-encoding"]).toBeUndefined();
    expect(headers["a"]).toBe("b");
  });

  test("what one left in the session is not in the next one's answer", async () => {
    const single = db.database.openPool("rowhouse_api", SINGLE);
    const alone = await caller({ ...db, api: single } as TestDatabase, "acme", served);
    const other = await caller({ ...db, api: single } as TestDatabase, "globex", served);
    const left = await alone("POST", "/rpc/answer_for_ever");
    expect(left.headers["x-left"]).toBe("over");
    expect((await other("GET", "/customers?limit=1")).headers).not.toHaveProperty("x-left");
    expect((await other("GET", "/rpc/setting?name=response.headers")).json).toBe("");
    await single.end();
  });
});

describe("before every request", () => {
  test("a function is asked first, of reads, writes and calls alike", async () => {
    const asked = await caller(db, "acme", quiet(), { preRequest: "app.before_request" });
    for (const [method, url, body] of [
      ["GET", "/customers", undefined],
      ["HEAD", "/customers", undefined],
      ["POST", "/customers", { number: "P-1", name: "p" }],
      ["PATCH", "/customers?number=eq.P-1", { name: "q" }],
      ["DELETE", "/customers?number=eq.P-1", undefined],
      ["GET", "/rpc/greet", undefined],
    ] as const) {
      const { headers, status } = await asked(method, url, { body });
      expect(status).toBeLessThan(300);
      expect(headers["x-path"]).toBe(`${method} ${url.replace(/\?.*/, "")}`);
    }
  });

  test("it may refuse, and then nothing else is done", async () => {
    const asked = await caller(db, "acme", quiet(), { preRequest: "app.before_request" });
    const headers = { "x-stop": "1" };
    expect(await asked("POST", "/customers", { body: { number: "P-2", name: "p" }, headers })).toMatchObject({
      status: 451,
      json: { code: "PT451", message: "Stopped" },
    });
    expect((await call("GET", "/customers?number=eq.P-2")).json).toEqual([]);
  });

  test("one that is not there is told", async () => {
    const asked = await caller(db, "acme", served, { preRequest: 'app.no"such' });
    expect(await asked("GET", "/customers")).toMatchObject({ status: 404, json: { code: "42883" } });
  });
});

describe("how a transaction ends", () => {
  const insert = (by: Caller, number: string, prefer = "") =>
    by("POST", "/customers?select=number", {
      body: { number, name: "n" },
      headers: { prefer: `return=representation${prefer}` },
    });
  const isThere = async (number: string) =>
    ((await get(`/customers?number=eq.${number}`)).json as unknown[]).length === 1;

  test.each([
    ["commit", "", true, undefined],
    ["commit", ", tx=rollback", true, undefined],
    ["commit-allow-override", "", true, undefined],
    ["commit-allow-override", ", tx=rollback", false, "tx=rollback"],
    ["commit-allow-override", ", tx=commit", true, "tx=commit"],
    ["rollback", "", false, undefined],
    ["rollback", ", tx=commit", false, undefined],
    ["rollback-allow-override", "", false, undefined],
    ["rollback-allow-override", ", tx=commit", true, "tx=commit"],
    ["rollback-allow-override", ", tx=commit, tx=rollback", true, "tx=commit"],
  ] as const)("%s and%s: %s", async (txEnd, prefer, stays, echoed) => {
    const by = await caller(db, "acme", served, { txEnd });
    const number = `T-${txEnd}${prefer}`.replaceAll(/[^\w-]/g, "");
    const { status, json, headers } = await insert(by, number, prefer);
    expect({ status, json }).toEqual({ status: 201, json: [{ number }] });
    const applied = ["return=representation", ...(echoed === undefined ? [] : [echoed])].join(", ");
    expect(headers["preference-applied"]).toBe(applied);
    expect(await isThere(number)).toBe(stays);
    const called = await by("POST", "/rpc/rename_customers?limit=1", {
      body: { suffix: number },
      headers: { prefer: prefer.slice(2) },
    });
    expect(called.status).toBe(200);
    expect((await get(`/rpc/count_notes?suffix=${number}`)).json === 0).toBe(!stays);
  });

  test("what is checked at its end is checked all the same", async () => {
    const by = await caller(db, "acme", served, { txEnd: "rollback" });
    expect(await by("POST", "/rpc/take_twice")).toMatchObject({ status: 409, json: { code: "23505" } });
    expect(await call("POST", "/rpc/take_twice")).toMatchObject({ status: 409, json: { code: "23505" } });
  });

  test("the connection is as good as new after it", async () => {
    const single = db.database.openPool("rowhouse_api", SINGLE);
    const by = await caller({ ...db, api: single } as TestDatabase, "acme", quiet(), { txEnd: "rollback" });
    expect((await insert(by, "N-1")).status).toBe(201);
    const backend = await pid(single);
    expect((await insert(by, "N-1")).status).toBe(201);
    expect(await pid(single)).toBe(backend);
    const without = single.query("select count(*) from app.customers");
    await expect(without).rejects.toMatchObject({ code: "42501" });
    await single.end();
  });

  async function pid(pool: ConnectionPool): Promise<number> {
    return (await pool.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;
  }
});

describe("isolation", () => {
  const asApi = async (statements: readonly string[]) => {
    const results = await runScoped(
      db.api,
      await db.scope("acme"),
      "read",
      statements.map((text) => ({ text, values: [] })),
    );
    return results.at(-1)!.rows;
  };
  const TENANT = "select platform.current_tenant()::text, count(distinct tenant_id) from app.customers";

  test.each([
    "app.tenant_id",
    "app.context",
    "backtrace_functions",
    "role",
    "session_authorization",
    "transaction_read_only",
    "row_security",
    "search_path",
    "statement_timeout",
    "request.method; set role x",
    "response.headers\n",
    "xresponse.headers",
  ])("set_config of %s stays refused", async (name) => {
    for (const schema of ["", "rowhouse.", "pg_catalog."]) {
      await expect(asApi([`select ${schema}set_config('${name}', '1', true)`])).rejects.toMatchObject({
        code: "42501",
      });
    }
    const by = await call("POST", "/rpc/set_anything", { body: { name, value: "1" } });
    expect(by).toMatchObject({ status: 403, json: { code: "42501" } });
  });

  test("it is local, whatever is said", async () => {
    const pool = db.database.openPool("rowhouse_api", SINGLE);
    const scope = await db.scope("acme");
    const set = { text: "select rowhouse.set_config('response.status', '500', false)", values: [] };
    const read = { text: "select current_setting('response.status', true)", values: [] };
    const [, during] = await runScoped(pool, scope, "read", [set, read]);
    const [after] = await runScoped(pool, scope, "read", [read]);
    await pool.end();
    expect([during!.rows, after!.rows]).toEqual([[["500"]], [[""]]]);
  });

  test.each([
    ["its request", "select platform.set_request('GET', '/', '{}', '{}', '{\"tenant\":\"other\"}', null, null, null)"],
    ["its schema", "select platform.set_request(null, null, null, null, null, 'tenant\", \"platform', null, null)"],
    ["its time zone", "select platform.set_request(null, null, null, null, null, null, 'UTC', null)"],
    ["its timeout", "select platform.set_request(null, null, null, null, null, null, null, '1h')"],
  ])("a function that sets %s itself stays in its tenant", async (_name, sql) => {
    const before = await asApi([TENANT]);
    expect(await asApi([sql, TENANT])).toEqual(before);
    expect(before).toEqual([[(await db.tenant("acme")).id, "1"]]);
  });

  test("a search path with an app's own set_config in it changes nothing of whose rows are seen", async () => {
    const path = "select platform.set_request(null, null, null, null, null, 'extra', null, null)";
    expect(await asApi([path, TENANT])).toEqual([[(await db.tenant("acme")).id, "1"]]);
  });

  test("neither is anybody else's to call", async () => {
    for (const role of ["rowhouse_platform", "rowhouse_exporter", "rowhouse_importer"] as const) {
      const client = await db.database.connect(role);
      const told = client.query("select platform.set_request(null, null, null, null, null, null, null, null)");
      await expect(told).rejects.toMatchObject({ code: "42501" });
      await expect(client.query("select rowhouse.set_config('response.status', '1', true)")).rejects.toMatchObject({
        code: "42501",
      });
      await client.end();
    }
  });

  test("nobody of the server's roles can put a function beside set_config", async () => {
    const sql = "create function rowhouse.lower(text) returns text language sql as 'select 1::text'";
    await expect(db.api.query(sql)).rejects.toMatchObject({ code: "42501" });
    await expect(db.platform.query(sql)).rejects.toMatchObject({ code: "42501" });
  });
});
