import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { client, readCatalog } from "../rest/served.ts";
import { makeLibrary } from "./library.ts";
import { testServer, type TestAnswer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  await makeLibrary(db);
  await db.admin.query("update app.books set deleted_at = null");
  await db.admin.query(
    "insert into app.books (tenant_id, id, title, rating, year) select tenant_id, 100 + id, title, rating, null from app.books",
  );
  server = await testServer(db);
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

type Row = Record<string, unknown>;
const get = (path: string, as = token, host = "acme.localhost"): Promise<TestAnswer> =>
  server.get(host, path, { token: as });
const nextOf = ({ headers }: TestAnswer) => /^<([^>]+)>; rel="next"$/.exec(String(headers.link ?? ""))?.[1];

/** Follows the links to the end. */
async function walk(query: string): Promise<Row[][]> {
  const pages: Row[][] = [];
  for (let path: string | undefined = `/rest/v1/books?${query}&cursor=`; path !== undefined;) {
    const answer: TestAnswer = await get(path);
    expect(answer.status).toBe(200);
    pages.push(answer.json<Row[]>());
    path = nextOf(answer);
  }
  return pages;
}

describe("pages by a cursor", () => {
  test.each([
    ["id", "", 5],
    ["id.desc", "", 7],
    ["title", "", 3],
    ["title.desc,id.desc", "", 5],
    ["title.desc,id.asc", "", 5],
    ["rating", "", 4],
    ["rating.desc", "", 4],
    ["rating.nullsfirst,title.desc", "", 4],
    ["rating.desc.nullslast,year.nullsfirst", "", 1],
    ["year.desc,rating.asc.nullsfirst,title", "", 5],
    ["meta->>n.desc,title", "", 5],
    ["meta->n,title.desc", "", 5],
    ["title", "rating=not.is.null", 2],
    ["title", "or=(year.eq.2000,year.is.null)", 3],
  ])("order=%s, %s, %i a page, are the whole listing", async (order, filter, limit) => {
    // What completes the order goes the way of its first term.
    const way = /^[^,]*\.desc/.test(order) ? "desc" : "asc";
    const full = /\bid\b/.test(order) ? order : `${order},id.${way}`;
    const whole = (await get(`/rest/v1/books?order=${full}&${filter}`)).json<Row[]>();
    const pages = await walk(`order=${order}&${filter}&limit=${limit}`);
    expect(pages.flat()).toEqual(whole);
    expect(pages.map(({ length }) => length).slice(0, -1)).toEqual(pages.slice(1).map(() => limit));
    expect(pages.at(-1)!.length).toBeGreaterThan(0);
  });

  test("without an order are those of the primary key", async () => {
    expect((await walk("limit=7")).flat()).toEqual((await get("/rest/v1/books?order=id")).json());
  });

  test("show what select and embeds say, and the total when it is asked for", async () => {
    const answer = await server.get(
      "acme.localhost",
      "/rest/v1/books?select=title,shelves!inner(name)&order=id&limit=2&cursor=",
      {
        token,
        headers: { prefer: "count=exact" },
      },
    );
    expect([answer.status, answer.headers["content-range"]]).toEqual([206, "0-1/8"]);
    expect(answer.json<Row[]>()[0]).toEqual({ title: "Title 1", shelves: { name: "Shelf 2" } });
    const next = await server.get("acme.localhost", nextOf(answer)!, { token, headers: { prefer: "count=exact" } });
    expect([next.status, next.headers["content-range"], next.json<Row[]>().length]).toEqual([206, "0-1/8", 2]);
  });

  test("rows that come or go in between move no other", async () => {
    const first = await get("/rest/v1/books?order=id&limit=3&select=id&cursor=");
    const id = (await db.tenant("acme")).id;
    await db.admin.query("delete from app.book_topics");
    await db.admin.query("delete from app.books where tenant_id = $1 and id in (2, 3)", [id]);
    await db.admin.query("insert into app.books (tenant_id, id, title) values ($1, 0, 'early')", [id]);
    expect((await get(nextOf(first)!)).json()).toEqual([{ id: 4 }, { id: 5 }, { id: 6 }]);
  });

  test("select and limit may change on the way, filters, order and tenant not", async () => {
    const first = await get("/rest/v1/books?order=title&limit=3&year=eq.2000&cursor=");
    const cursor = /cursor=([\w-]+)/.exec(nextOf(first)!)![1]!;
    expect((await get(`/rest/v1/books?year=eq.2000&limit=1&order=title&select=id&cursor=${cursor}`)).status).toBe(200);
    const wrong = [
      `books?order=title&year=eq.2001&cursor=${cursor}`,
      `books?order=title.desc&year=eq.2000&cursor=${cursor}`,
      `books?order=title&cursor=${cursor}`,
      `live_books?order=title&year=eq.2000&cursor=${cursor}`,
      `books?order=title&year=eq.2000&cursor=${cursor.slice(0, -4)}AAAA`,
      "books?order=title&year=eq.2000&cursor=abc",
      `books?order=title&year=eq.2000&offset=3&cursor=${cursor}`,
      "loans?select=count()&cursor=",
      "books?order=shelves(name)&select=*,shelves(*)&cursor=",
    ];
    for (const path of wrong) {
      const answer = await get(`/rest/v1/${path}`);
      expect([path, answer.status]).toEqual([path, 400]);
    }
    expect((await get(`/rest/v1/books?order=title&year=eq.2001&cursor=${cursor}`)).json()["code"]).toBe("RH126");
    const globex = await server.token("globex");
    expect((await get(nextOf(first)!, globex, "globex.localhost")).json()["code"]).toBe("RH126");
    const post = await server.request("acme.localhost", "/rest/v1/loans?cursor=", { method: "POST", token, body: {} });
    expect(post.json()["code"]).toBe("RH126");
  });

  test("a forged row of another tenant's finds nothing of theirs", async () => {
    const pages = await walk("order=id&limit=4&select=id,title");
    const { rows } = await db.admin.query("select id, title from app.books where tenant_id = $1 order by id", [
      (await db.tenant("acme")).id,
    ]);
    expect(pages.flat()).toEqual(rows);
  });

  test("the index of the key serves every page", async () => {
    const catalog = await readCatalog(db);
    const acme = await client(db, "acme", catalog);
    const first = await acme("GET", "/customers?order=id.desc&limit=5&cursor=");
    const next = nextOf({ headers: first.headers } as unknown as TestAnswer)!.slice("/rest/v1".length);
    const { statement } = await acme("GET", next);
    // As many rows as make an index worth it.
    await db.admin.query(
      "insert into app.customers (tenant_id, number, name) select $1, 'many ' || n, 'x' from generate_series(1, 20000) n",
      [acme.tenantId],
    );
    await db.admin.query("analyze app.customers");
    const { rows } = await db.admin.query<Record<string, string>>(`explain ${statement!.text}`, [...statement!.values]);
    expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toMatch(/Index Cond:.*\bid < /);
  });
});
