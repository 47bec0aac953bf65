import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { makeLibrary } from "./library.ts";
import { testServer, type TestServer } from "./server.ts";

const SETTINGS = {
  MAX_ROWS: 5,
  MAX_INSERT_ROWS: 3,
  MAX_BODY_BYTES: 2000,
  MAX_URL_BYTES: 4000,
  MAX_EMBEDS: 3,
  MAX_EMBED_DEPTH: 2,
  MAX_SELECT_ITEMS: 6,
  MAX_FILTERS: 4,
  MAX_LOGIC_DEPTH: 3,
  MAX_LIST_ITEMS: 5,
};

let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  await makeLibrary(db);
  server = await testServer(db, { settings: SETTINGS });
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const times = (count: number, text: string, by = ",") => Array.from({ length: count }, () => text).join(by);

test.each([
  [
    "MAX_LIST_ITEMS",
    "books?id=in.(1,2,3,4,5)",
    "books?id=in.(1,2,3,4,5,6)",
    "The list of id has 6 values; at most 5 are accepted",
  ],
  [
    "MAX_LIST_ITEMS in a tree",
    "books?or=(id.in.(1,2))",
    "books?or=(id.in.(1,2,3,4,5,6))",
    "The list of id has 6 values; at most 5 are accepted",
  ],
  [
    "MAX_FILTERS",
    `books?${times(4, "id=gt.0", "&")}`,
    `books?${times(5, "id=gt.0", "&")}`,
    "The request has 5 filters; at most 4 are accepted",
  ],
  [
    "MAX_FILTERS in trees",
    `books?or=(${times(4, "id.gt.0")})`,
    `books?id=gt.0&or=(${times(4, "id.gt.0")})`,
    "The request has 5 filters; at most 4 are accepted",
  ],
  [
    "MAX_LOGIC_DEPTH",
    "books?or=(and(or(id.eq.1)))",
    "books?or=(and(or(and(id.eq.1))))",
    "The logic tree is nested deeper than 3 levels",
  ],
  [
    "MAX_SELECT_ITEMS",
    `books?select=${times(6, "id")}`,
    `books?select=${times(5, "id")},shelves(id)`,
    "The request selects 7 columns and embeds; at most 6 are accepted",
  ],
  [
    "MAX_SELECT_ITEMS of order",
    `books?order=${times(6, "id")}`,
    `books?order=${times(7, "id")}`,
    "The request is ordered by 7 terms; at most 6 are accepted",
  ],
  [
    "MAX_EMBEDS",
    "books?select=a:shelves(),b:shelves(),c:shelves()",
    `books?select=${times(4, "shelves()")}`,
    "The request has more than 3 embeds",
  ],
  [
    "MAX_EMBED_DEPTH",
    "books?select=shelves(books(id))",
    "books?select=shelves(books(shelves(id)))",
    "Embeds are nested deeper than 2 levels",
  ],
  [
    "MAX_URL_BYTES",
    `books?title=eq.${"x".repeat(3900)}`,
    `books?title=eq.${"x".repeat(4000)}`,
    "The path and the query have 4015 bytes; at most 4000 are accepted",
  ],
  [
    "a pattern's cost",
    "books?title=like.*a*",
    `books?title=like.${"*a".repeat(17)}`,
    "The pattern has 17 wildcards and 34 characters; at most 16 and 1000 are accepted",
  ],
])("%s", async (_, good, bad, message) => {
  expect((await server.get("acme.localhost", `/rest/v1/${good}`, { token })).status).toBe(200);
  const refused = await server.get("acme.localhost", `/rest/v1/${bad}`, { token });
  expect([refused.status, refused.json()]).toEqual([400, expect.objectContaining({ code: "RH112", message })]);
});

test("MAX_ROWS: a page has no more, of any level, and says where it ends", async () => {
  const answer = await server.get("acme.localhost", "/rest/v1/books?select=id&order=id&limit=1000", {
    token,
    headers: { prefer: "count=exact" },
  });
  expect([answer.status, answer.headers["content-range"]]).toEqual([206, "0-4/9"]);
  const embedded = await server.get("acme.localhost", "/rest/v1/topics?id=eq.1&select=books(id)", { token });
  expect(embedded.json<{ books: unknown[] }[]>()[0]!.books).toHaveLength(5);
});

test("MAX_INSERT_ROWS", async () => {
  const post = (count: number) =>
    server.request("acme.localhost", "/rest/v1/loans", {
      method: "POST",
      token,
      body: Array.from({ length: count }, () => ({ note: "x" })),
    });
  expect((await post(3)).status).toBe(201);
  const refused = await post(4);
  expect([refused.status, refused.json()]).toEqual([
    400,
    expect.objectContaining({ code: "RH112", message: "The body has 4 rows; at most 3 are accepted at once" }),
  ]);
});

test("MAX_BODY_BYTES", async () => {
  const refused = await server.request("acme.localhost", "/rest/v1/loans", {
    method: "POST",
    token,
    body: { note: "x".repeat(2000) },
  });
  expect([refused.status, refused.json()["code"]]).toEqual([413, "RH110"]);
});

test("a function's filters are counted as well", async () => {
  const refused = await server.request("acme.localhost", `/rest/v1/rpc/lend?${times(5, "id=gt.0", "&")}`, {
    method: "POST",
    token,
    body: { book: 1 },
  });
  expect([refused.status, refused.json()["code"]]).toEqual([400, "RH112"]);
});
