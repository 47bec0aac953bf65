import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { makeLibrary } from "./library.ts";
import { testServer, type TestAnswer, type TestRequest, type TestServer } from "./server.ts";

const OBJECT = "application/vnd.pgrst.object+json";

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

const ask = (method: string, path: string, options: TestRequest = {}): Promise<TestAnswer> =>
  server.request("acme.localhost", `/rest/v1/${path}`, { method, token, ...options });
const tagOf = ({ headers }: TestAnswer) => headers.etag!;
const rowOf = (answer: TestAnswer) => tagOf(answer).slice(1, 25);

describe("the entity-tag of one row", () => {
  test("is strong, and the same for the same answer", async () => {
    const [one, again] = [await ask("GET", "books?id=eq.1"), await ask("GET", "books?id=eq.1")];
    expect(tagOf(one)).toMatch(/^"[0-9a-f]{24}\.[\w-]{16}"$/);
    expect(tagOf(again)).toBe(tagOf(one));
  });

  test("has one part for the row, and one for what is shown of it", async () => {
    const answers = [
      await ask("GET", "books?id=eq.1"),
      await ask("GET", "books?id=eq.1", { headers: { accept: OBJECT } }),
      await ask("GET", "books?id=eq.1&select=title", { headers: { accept: OBJECT } }),
      await ask("GET", "books?id=eq.1&select=*,shelves(name)", { headers: { accept: OBJECT } }),
      await ask("GET", "books?select=id,title&order=id&limit=1&offset=0", { headers: { accept: OBJECT } }),
      await ask("GET", "books?id=eq.1&select=title", { headers: { "if-none-match": '"x"', accept: "text/csv" } }),
    ];
    expect(new Set(answers.map(rowOf)).size).toBe(1);
    expect(new Set(answers.map(tagOf)).size).toBe(answers.length);
  });

  test("HEAD has that of GET, and lists of several rows have none", async () => {
    expect(tagOf(await ask("HEAD", "books?id=eq.1"))).toBe(tagOf(await ask("GET", "books?id=eq.1")));
    expect((await ask("GET", "books?id=lt.3")).headers.etag).toBeUndefined();
    expect((await ask("GET", "books?id=eq.999")).headers.etag).toBeUndefined();
  });

  test("If-None-Match answers 304 without a body, to a weak tag as well", async () => {
    const path = "books?id=eq.1&select=*,shelves(name)";
    const tag = tagOf(await ask("GET", path, { headers: { accept: OBJECT } }));
    for (const said of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const answer = await ask("GET", path, { headers: { accept: OBJECT, "if-none-match": said } });
      expect([answer.status, answer.text, tagOf(answer)]).toEqual([304, "", tag]);
      expect(answer.headers["content-type"]).toBeUndefined();
      expect(answer.headers.vary).toContain("Accept");
    }
    // The row is the same, what is embedded is not.
    await db.admin.query("update app.shelves set name = 'Renamed' where id = 2");
    const changed = await ask("GET", path, { headers: { accept: OBJECT, "if-none-match": tag } });
    expect([changed.status, tagOf(changed).slice(0, 25)]).toEqual([200, tag.slice(0, 25)]);
  });

  test("If-Match on a read", async () => {
    const tag = tagOf(await ask("GET", "books?id=eq.1"));
    expect((await ask("GET", "books?id=eq.1", { headers: { "if-match": tag } })).status).toBe(200);
    expect((await ask("GET", "books?id=eq.1", { headers: { "if-match": '"x.y"' } })).status).toBe(412);
  });

  test("what is spelled anew is another row", async () => {
    const before = await ask("GET", "books?id=eq.1");
    await db.admin.query("update app.books set rating = 1.5000 where id = 1");
    expect(rowOf(await ask("GET", "books?id=eq.1"))).not.toBe(rowOf(before));
  });
});

describe("If-Match on a write", () => {
  test("changes the row that was read, and no other", async () => {
    const read = await ask("GET", "books?id=eq.2&select=title", { headers: { accept: OBJECT } });
    const headers = { "if-match": tagOf(read) };
    const changed = await ask("PATCH", "books?id=eq.2", { headers, body: { title: "First" } });
    expect(changed.status).toBe(204);
    const late = await ask("PATCH", "books?id=eq.2", { headers, body: { title: "Second" } });
    expect([late.status, late.json()["code"]]).toEqual([412, "RH120"]);
    expect((await ask("GET", "books?id=eq.2")).json<{ title: string }[]>()[0]!.title).toBe("First");
  });

  test("what shows the changed row has its next tag", async () => {
    const headers = { prefer: "return=representation", "if-match": tagOf(await ask("GET", "books?id=eq.6")) };
    const changed = await ask("PATCH", "books?id=eq.6", { headers, body: { title: "Next" } });
    expect(tagOf(changed)).toBe(tagOf(await ask("GET", "books?id=eq.6")));
    const again = { ...headers, "if-match": tagOf(changed), accept: OBJECT };
    const second = await ask("PATCH", "books?id=eq.6", { headers: again, body: { title: "After" } });
    expect([second.status, tagOf(second)]).toEqual([
      200,
      tagOf(await ask("GET", "books?id=eq.6", { headers: { accept: OBJECT } })),
    ]);
    const made = await ask("POST", "loans", { headers: { prefer: headers.prefer }, body: { id: 800, note: "made" } });
    expect(tagOf(made)).toBe(tagOf(await ask("GET", "loans?id=eq.800")));
    const put = await ask("PUT", "loans?id=eq.800", {
      headers: { prefer: headers.prefer },
      body: { id: 800, note: "put" },
    });
    expect(put.headers.etag).toBeUndefined();
  });

  test("a weak tag does not do, a star wants the row to be there", async () => {
    const tag = tagOf(await ask("GET", "books?id=eq.3"));
    const patch = (id: number, said: string) =>
      ask("PATCH", `books?id=eq.${id}`, { headers: { "if-match": said }, body: { year: 1 } });
    expect((await patch(3, `W/${tag}`)).status).toBe(412);
    expect((await patch(3, `"other", ${tag}`)).status).toBe(204);
    expect([(await patch(3, "*")).status, (await patch(999, "*")).status]).toEqual([204, 412]);
  });

  test("DELETE and PUT", async () => {
    await ask("POST", "loans", { body: { id: 900, note: "a" } });
    const path = "loans?id=eq.900";
    const tag = tagOf(await ask("GET", path));
    const put = (said: string, note: string) =>
      ask("PUT", path, { headers: { "if-match": said, prefer: "return=representation" }, body: { id: 900, note } });
    const replaced = await put(tag, "b");
    expect([replaced.status, replaced.json()]).toEqual([200, [{ id: 900, book_id: null, note: "b" }]]);
    expect((await put(tag, "c")).status).toBe(412);
    expect((await ask("DELETE", path, { headers: { "if-match": tag } })).status).toBe(412);
    const now = tagOf(await ask("GET", path));
    expect((await ask("DELETE", path, { headers: { "if-match": now } })).status).toBe(204);
    // A row that is gone is not made again.
    expect((await put(now, "d")).status).toBe(412);
    expect((await put("*", "d")).status).toBe(412);
    expect((await ask("GET", path)).json()).toEqual([]);
  });

  test("a PUT under If-Match writes the row that it names, and no other", async () => {
    await ask("POST", "loans", { body: { id: 901, note: "a" } });
    const answer = await ask("PUT", "loans?id=eq.901", { headers: { "if-match": "*" }, body: { id: 902, note: "b" } });
    expect(answer.status).toBe(412);
    expect((await ask("GET", "loans?id=gte.901&select=id,note")).json()).toEqual([{ id: 901, note: "a" }]);
  });

  test("of many writers that read the same, one changes the row", async () => {
    for (let round = 0; round < 5; round += 1) {
      const tag = tagOf(await ask("GET", "books?id=eq.4"));
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, n) =>
          ask("PATCH", "books?id=eq.4", { headers: { "if-match": tag }, body: { title: `${round} by ${n}` } }),
        ),
      );
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
        204,
        ...Array.from({ length: 7 }, () => 412),
      ]);
      const winner = answers.findIndex(({ status }) => status === 204);
      expect((await ask("GET", "books?id=eq.4")).json<{ title: string }[]>()[0]!.title).toBe(`${round} by ${winner}`);
    }
  });

  test("another tenant's row of the same key has nothing to do with it", async () => {
    const other = await server.get("globex.localhost", "/rest/v1/books?id=eq.5", {
      token: await server.token("globex"),
    });
    await ask("PATCH", "books?id=eq.5", { body: { title: "Mine" } });
    const answer = await ask("PATCH", "books?id=eq.5", { headers: { "if-match": tagOf(other) }, body: { title: "x" } });
    expect(answer.status).toBe(412);
  });

  test("is refused where the request does not name one row", async () => {
    const headers = { "if-match": "*" };
    for (const [method, path, body] of [
      ["PATCH", "books?year=eq.2000", { title: "x" }],
      ["PATCH", "books", { title: "x" }],
      ["DELETE", "books?id=gt.1", undefined],
      ["POST", "loans", { note: "x" }],
    ] as const) {
      const answer = await ask(method, path, { headers, body });
      expect([answer.status, answer.json()["code"]]).toEqual([400, "RH121"]);
    }
    const malformed = await ask("GET", "books?id=eq.1", { headers: { "if-match": "abc" } });
    expect([malformed.status, malformed.json()["code"]]).toEqual([400, "RH121"]);
  });
});

describe("If-None-Match: * on a write", () => {
  const headers = { "if-none-match": "*" };
  test("makes a row only when there is none", async () => {
    const put = (note: string) => ask("PUT", "loans?id=eq.950", { headers, body: { id: 950, note } });
    expect((await put("first")).status).toBe(204);
    const second = await put("second");
    expect([second.status, second.json()["code"]]).toEqual([412, "RH120"]);
    const post = await ask("POST", "loans", {
      headers,
      body: [
        { id: 951, note: "x" },
        { id: 950, note: "third" },
      ],
    });
    expect([post.status, post.json()["code"]]).toEqual([412, "RH120"]);
    expect((await ask("GET", "loans?id=gte.950&select=id,note")).json()).toEqual([{ id: 950, note: "first" }]);
    expect((await ask("POST", "loans", { headers, body: { id: 951, note: "x" } })).status).toBe(201);
  });

  test("of many at once, one makes it", async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) => ask("PUT", "loans?id=eq.960", { headers, body: { id: 960, note: `${n}` } })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 412, 412, 412, 412, 412]);
  });

  test("is refused with PATCH, and as a list", async () => {
    expect((await ask("PATCH", "loans?id=eq.950", { headers, body: { note: "x" } })).json()["code"]).toBe("RH121");
    const list = await ask("PUT", "loans?id=eq.950", {
      headers: { "if-none-match": '"a"' },
      body: { id: 950, note: "x" },
    });
    expect(list.json()["code"]).toBe("RH121");
  });
});
