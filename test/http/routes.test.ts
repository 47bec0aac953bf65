import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually, sendRaw, testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db, {
    settings: { MAX_BODY_BYTES: 2000 },
  });
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

describe("problem documents, RFC 9457", () => {
  test("what is not the data API answers one", async () => {
    const answer = await server.get("acme.localhost", "/nothing");
    expect([answer.status, answer.headers["content-type"]]).toEqual([404, "application/problem+json"]);
    expect(answer.json()).toEqual({
      type: "urn:rowhouse:error:RH108",
      title: "There is nothing at this path",
      status: 404,
      code: "RH108",
      detail: null,
      hint: expect.any(String),
      request_id: answer.headers["x-request-id"],
    });
  });
  test("a method that a path does not take", async () => {
    const answer = await server.request("acme.localhost", "/openapi.json", { method: "DELETE" });
    expect([answer.status, answer.json()["code"], answer.headers.allow]).toEqual([405, "RH109", "GET, HEAD, OPTIONS"]);
  });
  test("OPTIONS tells the methods, without a token", async () => {
    const answer = await server.request("acme.localhost", "/rest/v1/customers", { method: "OPTIONS" });
    expect([answer.status, answer.headers.allow]).toEqual([204, "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS"]);
  });
  test("a path that only looks like the API's", async () => {
    for (const path of ["/rest/v10/customers", "/rest", "/REST/v1/customers", "/rest/v1%2fcustomers"]) {
      expect((await server.get("acme.localhost", path)).json()["code"]).toBe("RH108");
    }
  });
});

describe("headers of every answer", () => {
  test.each(["/rest/v1/customers", "/nothing", "/", "/healthz", "/docs"])("%s", async (path) => {
    const { headers } = await server.get("acme.localhost", path);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["referrer-policy"]).toBe("no-referrer");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers["x-powered-by"]).toBeUndefined();
  });
  test("a tenant's data is never kept, and depends on who asks", async () => {
    const { headers } = await server.get("acme.localhost", "/rest/v1/customers?limit=1", {
      token: await server.token("acme"),
    });
    expect(headers["cache-control"]).toBe("no-store");
    for (const name of ["Authorization", "Host", "X-Tenant", "Origin", "Accept", "Prefer", "Range"])
      expect(headers.vary).toContain(name);
  });
});

describe("limits", () => {
  const insert = (body: unknown, headers = {}) =>
    server
      .token("acme")
      .then((token) =>
        server.request("acme.localhost", "/rest/v1/customers", { method: "POST", token, body, headers }),
      );

  test("a body over MAX_BODY_BYTES, told by its length", async () => {
    const answer = await insert({ name: "x".repeat(2000) });
    expect([answer.status, answer.json()["code"], answer.headers.connection]).toEqual([413, "RH110", "close"]);
  });
  test("a body over it that does not tell its length", async () => {
    const token = await server.token("acme");
    const chunk = `${(1000).toString(16)}\r\n${" ".repeat(1000)}\r\n`;
    const head = `POST /rest/v1/customers HTTP/1.1\r\nHost: acme.localhost\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await sendRaw(server.port, head + chunk.repeat(3));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"RH110"');
  });
  test("a body is not read for who may not write", async () => {
    const head = "POST /rest/v1/customers HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 1999\r\n\r\n";
    const answer = await sendRaw(server.port, head); // the body never comes
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toMatch(/^connection: close/im);
  });
  describe("of what waits for a lock", () => {
    // Long enough for a server that starts while the machine stands still: connections and statements of the start have these limits, too.
    const LIMIT_MS = 6000;
    const write = (to: TestServer, token: string) =>
      to.request("acme.localhost", "/rest/v1/customers?number=eq.C-00013", {
        method: "PATCH",
        token,
        body: { notes: "x" },
      });
    const lockedOut = async () => {
      await db.admin.query("select pg_stat_clear_snapshot()"); // in a transaction, what it showed first stays
      const { rowCount } = await db.admin.query(
        "select from pg_stat_activity where wait_event_type = 'Lock' and usename = 'rowhouse_api' and datname = current_database()",
      );
      return rowCount;
    };
    beforeEach(async () => {
      await db.admin.query("begin");
      await db.admin.query("select from app.customers for update");
    });
    afterEach(() => db.admin.query("rollback"));

    test("a statement over STATEMENT_TIMEOUT_MS is ended, with the database's own code", async () => {
      await using strict = await testServer(db, { settings: { STATEMENT_TIMEOUT_MS: LIMIT_MS } });
      const token = await strict.token("acme");
      const answer = await write(strict, token);
      expect([answer.status, answer.json()["code"]]).toEqual([500, "57014"]); // dialect.md 9: 57* is 500
      await db.admin.query("rollback");
      expect((await write(strict, token)).status).toBe(204);
    });

    test("a pool without a free connection for CONNECTION_WAIT_MS: 503 with Retry-After", async () => {
      const settings = { CONNECTION_POOL_SIZE: 1, CONNECTION_WAIT_MS: LIMIT_MS };
      await using small = await testServer(db, { settings });
      const token = await small.token("acme");
      const first = write(small, token);
      await eventually(async () => expect(await lockedOut()).toBe(1));
      const busy = await write(small, token);
      expect([busy.status, busy.json()["code"], busy.headers["retry-after"]]).toEqual([503, "RH305", "1"]);
      await db.admin.query("rollback");
      expect((await first).status).toBe(204);
      expect((await write(small, token)).status).toBe(204);
    });
  });
});

describe("/openapi.json and /docs", () => {
  test("the description is public, of this tenant's address, and without tenant_id", async () => {
    const answer = await server.get(`acme.localhost:${server.port}`, "/openapi.json");
    expect([answer.status, answer.headers["cache-control"]]).toEqual([200, "public, max-age=60"]);
    const document = answer.json<{
      openapi: string;
      info: { title: string };
      servers: { url: string }[];
      paths: object;
    }>();
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info.title).toBe("Acme Corp");
    expect(document.servers).toEqual([{ url: `http://acme.localhost:${server.port}/rest/v1` }]);
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(["/customers", "/invoices"]));
    expect(answer.text).not.toContain("tenant_id");
    const other = await server.get(`globex.localhost:${server.port}`, "/openapi.json");
    expect(other.json<typeof document>().info.title).toBe("Globex");
  });
  test("it can be asked for again by its ETag", async () => {
    const { headers } = await server.get("acme.localhost", "/openapi.json");
    const again = await server.get("acme.localhost", "/openapi.json", { headers: { "if-none-match": headers.etag } });
    expect([again.status, again.text]).toEqual([304, ""]);
  });
  test("only a tenant's and the API's host have them", async () => {
    for (const host of ["admin.localhost", "localhost"]) {
      for (const path of ["/openapi.json", "/docs"]) expect((await server.get(host, path)).status).toBe(404);
    }
    expect((await server.get("api.localhost", "/openapi.json")).status).toBe(200);
  });
  test("of Swagger UI's folder nothing is served but what the page needs", async () => {
    const types = {
      "swagger-ui.css": "text/css",
      "swagger-ui-bundle.js": "text/javascript",
      "favicon-32x32.png": "image/png",
      "start.js": "text/javascript",
    };
    for (const [name, type] of Object.entries(types)) {
      const answer = await server.get("acme.localhost", `/docs/${name}`);
      expect([name, answer.status]).toEqual([name, 200]);
      expect(answer.headers["content-type"]).toContain(type);
    }
    for (const path of [
      "/docs/index.html",
      "/docs/package.json",
      "/docs/",
      "/docs/../package.json",
      "/docs/%2e%2e/package.json",
      "/docs/swagger-ui-bundle.js.map",
    ]) {
      expect([path, (await server.get("acme.localhost", path)).status]).toEqual([path, 404]);
    }
  });
});
