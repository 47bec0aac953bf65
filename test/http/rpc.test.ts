import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { addFunctions } from "../rest/call/database.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  await addFunctions(db);
  server = await testServer(db);
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const ask = (path: string, init: { method?: string; headers?: Record<string, string>; body?: unknown } = {}) =>
  server.request("acme.localhost", `/rest/v1/rpc/${path}`, { token, ...init });

describe("functions over HTTP", () => {
  test("a call, and nothing for void", async () => {
    const added = await ask("add_them", { method: "POST", body: { a: 1, b: 2 } });
    expect([added.status, added.text, added.headers["content-type"]]).toEqual([
      200,
      "3",
      "application/json; charset=utf-8",
    ]);
    const nothing = await ask("nothing", { method: "POST", body: {} });
    expect([nothing.status, nothing.text, nothing.headers["content-type"]]).toEqual([204, "", undefined]);
  });

  test("claims, headers and cookies of the request itself", async () => {
    const claim = await ask("claim?name=role");
    expect(claim.json()).toBe("admin");
    expect((await ask("claim?name=tenant")).json()).toBe((await db.tenant("acme")).id);
    expect((await ask("header?name=authorization")).json()).toBe(`Bearer ${token}`);
    expect((await ask("cookie?name=theme", { headers: { cookie: "theme=dark; x=y" } })).json()).toBe("dark");
    expect((await ask("setting?name=request.path")).json()).toBe("/rpc/setting");
  });

  test("headers and status that a function sets, several cookies among them", async () => {
    const headers = JSON.stringify([
      { "Set-Cookie": "a=1; HttpOnly" },
      { "Set-Cookie": "b=2" },
      { "X-Name": "Ünïcode" },
      { "Content-Type": "application/custom+json" },
      { "Content-Length": "99999" },
    ]);
    const answer = await ask(`answer?headers=${encodeURIComponent(headers)}&status=203`);
    expect([answer.status, answer.text]).toEqual([203, "1"]);
    expect(answer.headers["set-cookie"]).toEqual(["a=1; HttpOnly", "b=2"]);
    expect(answer.headers["content-type"]).toBe("application/custom+json");
    expect(Buffer.from(String(answer.headers["x-name"]), "latin1").toString()).toBe("Ünïcode");
    expect(answer.headers["content-length"]).toBe("1");
  });

  test("bytes", async () => {
    const answer = await ask("anything", { headers: { accept: "image/png" } });
    expect([answer.status, answer.headers["content-type"], answer.headers["content-length"]]).toEqual([
      200,
      "application/octet-stream",
      "2",
    ]);
  });

  test("a refusal of a function, and one by its settings", async () => {
    expect((await ask("rename_customers?suffix=x")).status).toBe(405);
    const bad = await ask("answer?headers=nonsense");
    expect([bad.status, bad.json<{ code: string }>().code]).toEqual([500, "PGRST111"]);
  });
});
