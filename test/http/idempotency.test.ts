import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { makeLibrary } from "./library.ts";
import { eventually, testServer, type TestAnswer, type TestRequest, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  await makeLibrary(db);
  server = await testServer(db);
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

let made = 0;
const newKey = () => `key-${(made += 1)}`;
const post = (key: string, body: unknown, options: TestRequest = {}, path = "loans"): Promise<TestAnswer> =>
  server.request("acme.localhost", `/rest/v1/${path}`, {
    method: "POST",
    token,
    body,
    ...options,
    headers: { "idempotency-key": key, ...options.headers },
  });
const notes = async (note: string) => (await db.admin.query("select from app.loans where note = $1", [note])).rowCount;
const seen = ({ status, text, headers }: TestAnswer) => ({
  status,
  text,
  location: headers.location,
  type: headers["content-type"],
  applied: headers["preference-applied"],
  range: headers["content-range"],
});

describe("a request with an Idempotency-Key", () => {
  test.each([
    undefined,
    "return=minimal",
    "return=headers-only",
    "return=representation, count=exact",
    "resolution=merge-duplicates",
  ])("is done once, and answered the same: %s", async (prefer) => {
    const [key, note] = [newKey(), `once ${prefer}`];
    const options = prefer === undefined ? {} : { headers: { prefer } };
    const first = await post(key, { note }, options);
    const second = await post(key, { note }, options);
    expect(seen(second)).toEqual(seen(first));
    expect([first.status, first.headers["idempotent-replayed"], second.headers["idempotent-replayed"]]).toEqual([
      201,
      undefined,
      "true",
    ]);
    expect(await notes(note)).toBe(1);
  });

  test("a quoted key is the same key", async () => {
    const key = newKey();
    await post(key, { note: "quoted" });
    expect((await post(`"${key}"`, { note: "quoted" })).headers["idempotent-replayed"]).toBe("true");
    expect(await notes("quoted")).toBe(1);
  });

  test("other media types, PATCH and functions", async () => {
    const key = newKey();
    const csv = () =>
      post(key, "note\ncsv\n", {
        headers: { "content-type": "text/csv", accept: "text/csv", prefer: "return=representation" },
      });
    const [one, two] = [await csv(), await csv()];
    expect([one.status, two.text, await notes("csv")]).toEqual([201, one.text, 1]);

    const patch = () =>
      post("patch", { year: 1999 }, { method: "PATCH", headers: { prefer: "return=representation" } }, "books?id=eq.1");
    expect(seen(await patch())).toEqual(seen(await patch()));

    const lent = () => post("lend", { book: 3 }, {}, "rpc/lend");
    const [called, again] = [await lent(), await lent()];
    expect([called.status, again.text, again.headers["idempotent-replayed"]]).toEqual([200, called.text, "true"]);
    expect((await db.admin.query("select from app.loans where book_id = 3 and note = 'lent'")).rowCount).toBe(1);
  });

  test("of another body, path, query or preference is refused", async () => {
    const key = newKey();
    await post(key, { note: "mine" });
    for (const other of [
      () => post(key, { note: "other" }),
      () => post(key, { note: "mine" }, {}, "loans?select=id"),
      () => post(key, { id: 7, name: "x" }, {}, "shelves"),
      () => post(key, { note: "mine" }, { headers: { prefer: "return=representation" } }),
    ]) {
      const answer = await other();
      expect([answer.status, answer.json()["code"]]).toEqual([422, "RH125"]);
    }
    expect(await notes("mine")).toBe(1);
    expect(await notes("other")).toBe(0);
  });

  test("is another one for another tenant and another principal", async () => {
    const key = newKey();
    await post(key, { note: "scoped" });
    const globex = await server.request("globex.localhost", "/rest/v1/loans", {
      method: "POST",
      token: await server.token("globex"),
      body: { note: "scoped" },
      headers: { "idempotency-key": key },
    });
    expect([globex.status, globex.headers["idempotent-replayed"]]).toEqual([201, undefined]);
    await db.admin.query("update tenant.idempotency_keys set principal = 'somebody else' where key = $1", [key]);
    expect((await post(key, { note: "scoped" })).headers["idempotent-replayed"]).toBeUndefined();
    expect(await notes("scoped")).toBe(3);
  });

  test("what was refused was not done, and is tried again", async () => {
    const key = newKey();
    const body = { book_id: 1, topic_id: 1 };
    const refused = await post(key, body, {}, "book_topics");
    expect(refused.status).toBe(409);
    await db.admin.query("delete from app.book_topics where book_id = 1 and topic_id = 1");
    expect((await post(key, body, {}, "book_topics")).status).toBe(201);
  });

  test("of many at once one is done, and the others are told to wait or get its answer", async () => {
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(key, { note: "at once" })));
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses.has(201)).toBe(true);
    expect([...statuses].every((status) => status === 201 || status === 409)).toBe(true);
    expect(await notes("at once")).toBe(1);
    expect((await post(key, { note: "at once" })).status).toBe(201);
  });

  test("409 while the first one runs", async () => {
    const key = newKey();
    await db.admin.query("begin; lock table app.loans in exclusive mode");
    const first = post(key, { note: "runs" });
    await eventually(async () => {
      await db.admin.query("select pg_stat_clear_snapshot()"); // in a transaction, what it showed first stays
      const waiting = await db.admin.query(
        "select from pg_stat_activity where wait_event_type = 'Lock' and usename = 'rowhouse_api' and datname = current_database()",
      );
      expect(waiting.rowCount).toBe(1);
    });
    const second = await post(key, { note: "runs" });
    expect([second.status, second.json()["code"]]).toEqual([409, "RH123"]);
    await db.admin.query("commit");
    expect((await first).status).toBe(201);
    expect((await post(key, { note: "runs" })).headers["idempotent-replayed"]).toBe("true");
    expect(await notes("runs")).toBe(1);
  });

  test("a session that ends in the middle leaves neither row nor key", async () => {
    const key = newKey();
    const first = post(key, { seconds: 30 }, {}, "rpc/slow");
    const running =
      "from pg_stat_activity where state = 'active' and datname = current_database() and query like '%\"slow\"(%' and pid <> pg_backend_pid()";
    await eventually(async () => expect((await db.admin.query(`select ${running}`)).rowCount).toBe(1));
    const before = await notes("slow");
    await db.admin.query(`select pg_terminate_backend(pid) ${running}`);
    expect((await first).status).toBe(503);
    expect((await db.admin.query("select from tenant.idempotency_keys where key = $1", [key])).rowCount).toBe(0);
    expect(await notes("slow")).toBe(before);
  });

  test("is over after a day, and whoever comes next clears it away", async () => {
    const keys = Array.from({ length: 12 }, newKey);
    for (const key of keys) await post(key, { note: "old" });
    await db.admin.query("update tenant.idempotency_keys set expires_at = now() where key = any($1)", [keys]);
    await post(newKey(), { note: "new" });
    const left = await db.admin.query("select from tenant.idempotency_keys where key = any($1)", [keys]);
    expect(left.rowCount).toBe(2);
    await db.admin.query("update tenant.idempotency_keys set expires_at = now() where key = $1", [keys[11]]);
    expect((await post(keys[11]!, { note: "old" })).headers["idempotent-replayed"]).toBeUndefined();
  });

  test("an answer that is too large takes the write back", async () => {
    const note = "x".repeat(300_000);
    const answer = await post(newKey(), { note }, { headers: { prefer: "return=representation" } });
    expect([answer.status, answer.json()["code"]]).toEqual([400, "RH112"]);
    expect(await notes(note)).toBe(0);
    expect((await post(newKey(), { note })).status).toBe(201);
  });

  test("malformed keys", async () => {
    for (const key of ['"', "a b", '""', "k".repeat(256), "schlüssel"]) {
      const answer = await post(Buffer.from(key).toString("latin1"), { note: "malformed" });
      expect([answer.status, answer.json()["code"]]).toEqual([400, "RH122"]);
    }
    expect(await notes("malformed")).toBe(0);
  });

  test("counts for nothing where a request may be repeated anyway", async () => {
    const headers = { "idempotency-key": "read" };
    for (let n = 0; n < 2; n += 1) {
      const answer = await server.get("acme.localhost", "/rest/v1/books?limit=1", { token, headers });
      expect([answer.status, answer.headers["idempotent-replayed"]]).toEqual([200, undefined]);
    }
  });
});
