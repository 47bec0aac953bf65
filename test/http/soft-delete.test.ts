import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { makeLibrary } from "./library.ts";
import { testServer, type TestAnswer, type TestRequest, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
const tokens = new Map<string, string>();
beforeAll(async () => {
  db = await testDatabase();
  await makeLibrary(db);
  server = await testServer(db);
  for (const role of ["owner", "admin", "manager", "member", "viewer"])
    tokens.set(role, await server.token("acme", role));
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const ask = (method: string, path: string, options: TestRequest = {}, role = "admin"): Promise<TestAnswer> =>
  server.request("acme.localhost", `/rest/v1/${path}`, { method, token: tokens.get(role)!, ...options });
const ids = (answer: TestAnswer) => answer.json<{ id: number }[]>().map(({ id }) => id);
const codeOf = (answer: TestAnswer) => [answer.status, answer.json()["code"]];

describe("rows that are deleted", () => {
  test("are not read, counted, changed or embedded", async () => {
    const read = await ask("GET", "books?select=id&order=id", { headers: { prefer: "count=exact" } });
    expect([ids(read), read.headers["content-range"]]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9], "0-8/9"]);
    expect((await ask("GET", "books?id=eq.10")).json()).toEqual([]);
    expect((await ask("GET", "books?deleted_at=not.is.null")).json()).toEqual([]);
    expect(ids(await ask("GET", "books?deleted_at=is.null&select=id&limit=2&order=id"))).toEqual([1, 2]);
    const patched = await ask("PATCH", "books?id=gte.9", {
      headers: { prefer: "return=representation" },
      body: { year: 1 },
    });
    expect(ids(patched)).toEqual([9]);
    const shelves = await ask("GET", "shelves?select=id,books(id)&order=id&books.order=id");
    expect(shelves.json()).toEqual([
      { id: 1, books: [{ id: 3 }, { id: 6 }, { id: 9 }] },
      { id: 2, books: [{ id: 1 }, { id: 4 }, { id: 7 }] },
    ]);
    expect((await ask("GET", "books?id=eq.2&select=id,shelves(id)")).json()).toEqual([{ id: 2, shelves: null }]);
    expect(ids(await ask("GET", "books?select=id,shelves!inner(id)&id=lt.4&order=id"))).toEqual([1, 3]);
    expect(ids(await ask("GET", "books?select=id,shelves()&shelves=is.null&order=id"))).toEqual([2, 5, 8]);
  });

  test("of a junction join nothing", async () => {
    expect((await ask("GET", "books?id=in.(1,2)&select=id,topics(id)&order=id&topics.order=id")).json()).toEqual([
      { id: 1, topics: [{ id: 1 }] },
      { id: 2, topics: [{ id: 1 }, { id: 2 }] },
    ]);
  });

  test("DELETE marks them, and says what it always says", async () => {
    const shown = await ask("DELETE", "books?id=eq.8", { headers: { prefer: "return=representation, count=exact" } });
    expect([shown.status, shown.headers["content-range"], ids(shown)]).toEqual([200, "*/1", [8]]);
    expect((await ask("DELETE", "books?id=eq.8")).status).toBe(204);
    expect((await ask("GET", "books?id=eq.8")).json()).toEqual([]);
    const { rows } = await db.admin.query(
      "select tenant_id, deleted_at is not null as gone from app.books where id = 8",
    );
    expect(rows).toEqual(
      expect.arrayContaining([
        { tenant_id: (await db.tenant("acme")).id, gone: true },
        { tenant_id: (await db.tenant("globex")).id, gone: false },
      ]),
    );
    // Marked once: the time stays.
    const again = await ask("DELETE", "books?id=in.(8,10)", { headers: { prefer: "count=exact" } });
    expect(again.headers["content-range"]).toBe("*/0");
  });

  test("a table without the column deletes for good", async () => {
    await ask("POST", "loans", { body: { id: 77 } });
    expect((await ask("DELETE", "loans?id=eq.77")).status).toBe(204);
    expect((await db.admin.query("select from app.loans where id = 77")).rowCount).toBe(0);
    expect(codeOf(await ask("GET", "loans?deleted=include"))).toEqual([400, "RH128"]);
    expect(codeOf(await ask("GET", "live_books?deleted=only"))).toEqual([400, "RH128"]);
  });

  test("deleted=include and deleted=only show them to roles that may", async () => {
    for (const role of ["owner", "admin", "manager"]) {
      expect(ids(await ask("GET", "books?deleted=only&select=id&id=gte.10&order=id", {}, role))).toEqual([10, 11, 12]);
    }
    expect(ids(await ask("GET", "books?deleted=include&select=id&id=gte.9&order=id"))).toEqual([9, 10, 11, 12]);
    const embedded = await ask("GET", "shelves?deleted=only&select=id,books(id)&books.order=id");
    expect(embedded.json()).toEqual([{ id: 3, books: [{ id: 2 }, { id: 5 }, { id: 8 }, { id: 11 }] }]);
    for (const role of ["member", "viewer"]) {
      expect(codeOf(await ask("GET", "books?deleted=only", {}, role))).toEqual([403, "RH127"]);
      expect(codeOf(await ask("PATCH", "books?deleted=include&id=eq.10", { body: { year: 1 } }, role))).toEqual([
        403,
        "RH127",
      ]);
    }
  });

  test("are restored by PATCH, and removed by nobody but the operator", async () => {
    expect((await ask("PATCH", "books?id=eq.10&deleted=only", { body: { deleted_at: null } })).status).toBe(204);
    expect(ids(await ask("GET", "books?id=eq.10"))).toEqual([10]);
    await ask("DELETE", "books?id=eq.10");
    expect(codeOf(await ask("DELETE", "books?id=eq.10&deleted=only"))).toEqual([400, "RH128"]);
  });

  test("stand in the way of an upsert and a PUT, which say so", async () => {
    const merge = { prefer: "resolution=merge-duplicates" };
    const body = [
      { id: 11, title: "again" },
      { id: 500, title: "new" },
    ];
    expect(codeOf(await ask("POST", "books", { headers: merge, body }))).toEqual([409, "RH129"]);
    expect((await ask("GET", "books?id=eq.500")).json()).toEqual([]);
    expect(codeOf(await ask("PUT", "books?id=eq.11", { body: { id: 11, title: "again" } }))).toEqual([409, "RH129"]);
    expect((await ask("POST", "books", { headers: merge, body: [{ id: 1, title: "merged" }] })).status).toBe(200);
    expect((await ask("PUT", "books?id=eq.501", { body: { id: 501, title: "made" } })).status).toBe(204);
    const wrong = await ask("PUT", "books?id=eq.501", { body: { id: 502, title: "made" } });
    expect(codeOf(wrong)).toEqual([400, "PGRST115"]);
  });

  test("with If-Match, DELETE marks the row that was read", async () => {
    const tag = (await ask("GET", "books?id=eq.9")).headers.etag!;
    expect((await ask("DELETE", "books?id=eq.9", { headers: { "if-match": tag } })).status).toBe(204);
    expect((await ask("DELETE", "books?id=eq.9", { headers: { "if-match": tag } })).status).toBe(412);
  });

  test("who may not delete does not get to mark", async () => {
    await db.admin.query("revoke delete on app.shelves from rowhouse_api");
    const strict = await testServer(db);
    const answer = await strict.request("acme.localhost", "/rest/v1/shelves?id=eq.1", {
      method: "DELETE",
      token: tokens.get("admin")!,
    });
    expect(codeOf(answer)).toEqual([403, "42501"]);
    await strict.close();
    await db.admin.query("grant delete on app.shelves to rowhouse_api");
  });

  test("SOFT_DELETE=off leaves it all to the app", async () => {
    const off = await testServer(db, { settings: { SOFT_DELETE: false } });
    const get = (path: string, method = "GET") =>
      off.request("acme.localhost", `/rest/v1/${path}`, { method, token: tokens.get("admin")! });
    expect(ids(await get("books?id=eq.12&select=id"))).toEqual([12]);
    expect((await get("book_topics?book_id=eq.12", "DELETE")).status).toBe(204);
    expect((await get("books?id=eq.12", "DELETE")).status).toBe(204);
    expect((await db.admin.query("select from app.books where id = 12")).rowCount).toBe(1);
    expect(codeOf(await get("books?deleted=only"))).toEqual([400, "RH128"]);
    await off.close();
  });
});
