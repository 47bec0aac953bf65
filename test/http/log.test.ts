import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const linesOf = (id: unknown) => server.log.filter(({ request_id }) => request_id === id);

test("one line per request: tenant, id, method, route, status, duration", async () => {
  const answer = await server.get("acme.localhost", "/rest/v1/customers?name=eq.Secret&limit=1", { token });
  const lines = linesOf(answer.headers["x-request-id"]);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    tenant: "acme",
    method: "GET",
    route: "/rest/v1/customers",
    status: 200,
    msg: "request",
  });
  expect(lines[0]!["duration_ms"]).toBeGreaterThan(0);
});

test("a refusal has its code, an unknown path no text of the client's", async () => {
  const refused = await server.get("globex.localhost", "/rest/v1/customers", { token });
  expect(linesOf(refused.headers["x-request-id"])).toMatchObject([{ tenant: "globex", status: 403, code: "RH104" }]);
  const unknown = await server.get("acme.localhost", "/eyJhbGciOi/guess", { token });
  expect(linesOf(unknown.headers["x-request-id"])).toMatchObject([
    { tenant: "acme", route: "-", status: 404, code: "RH108" },
  ]);
  const table = await server.get("acme.localhost", "/rest/v1/eyJhbGciOi", { token });
  expect(linesOf(table.headers["x-request-id"])).toMatchObject([
    { route: "/rest/v1/*", status: 404, code: "PGRST205" },
  ]);
});

test("no token, query, body or value of a row is ever logged, whatever goes wrong", async () => {
  const secret = "s3cret-needle";
  const attempts = [
    server.get("acme.localhost", `/rest/v1/customers?name=eq.${secret}`, { token }),
    server.get("acme.localhost", `/rest/v1/customers?apikey=${token}&x=${secret}`, { token }),
    server.get("acme.localhost", "/rest/v1/customers", { token: `${token}${secret}` }),
    server.get("acme.localhost", "/rest/v1/customers", {
      headers: { apikey: secret, cookie: `session=${secret}`, "x-tenant": secret },
    }),
    server.get(`${secret}.localhost`, "/", { token }),
    server.get("acme.localhost", `/${secret}`, { token }),
    server.request("acme.localhost", "/rest/v1/customers", { method: "POST", token, body: `{"${secret}` }),
    server.request("acme.localhost", "/rest/v1/customers", {
      method: "POST",
      token,
      body: { name: secret, kind: secret },
    }),
    server.request("acme.localhost", `/rest/v1/customers?id=eq.${secret}`, {
      method: "PATCH",
      token,
      body: { notes: secret },
    }),
  ];
  const answers = await Promise.all(attempts);
  expect(answers.map(({ status }) => status).filter((status) => status >= 500)).toEqual([]);
  const text = JSON.stringify(server.log);
  expect(text).not.toContain(secret);
  expect(text).not.toContain(token);
  expect(text).not.toContain(token.split(".")[2]);
  expect(server.log.filter(({ msg }) => msg === "request").length).toBeGreaterThanOrEqual(attempts.length);
});

test("a failure of ours is logged with its cause and told without it", async () => {
  await db.admin
    .query(`create function app.fail() returns trigger language plpgsql as $$ begin raise exception 'inner workings' using errcode = 'XX000'; end $$;
    create trigger fail before update on app.customers for each statement execute function app.fail()`);
  const answer = await server.request("acme.localhost", "/rest/v1/customers?number=eq.C-00013", {
    method: "PATCH",
    token,
    body: { notes: "x" },
  });
  expect(answer.status).toBe(500);
  const lines = linesOf(answer.headers["x-request-id"]);
  expect(lines.map(({ msg }) => msg)).toEqual(["request failed", "request"]);
  expect(lines[0]).toMatchObject({ tenant: "acme", err: { code: "XX000", message: "inner workings" } });
  await db.admin.query("drop trigger fail on app.customers; drop function app.fail()");
});
