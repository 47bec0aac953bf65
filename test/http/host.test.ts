import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { sendRaw, testServer, type TestServer } from "./server.ts";

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

const rest = (host: string, headers = {}) => server.get(host, "/rest/v1/customers?limit=1", { token, headers });

describe("hosts that are acme's", () => {
  test.each(["acme.localhost", "ACME.LocalHost", "acme.localhost.", "acme.localhost:80", "acme.localhost:3000"])(
    "%s",
    async (host) => {
      expect((await rest(host)).status).toBe(200);
    },
  );
});

describe("hosts that are nobody's or no host", () => {
  test.each([
    ["evil.example", 404, "RH101"],
    ["a.acme.localhost", 404, "RH101"],
    ["127.0.0.1", 404, "RH101"],
    ["[::1]:3000", 404, "RH101"],
    ["acme.localhost.evil.example", 404, "RH101"],
    ["xn--acme.localhost", 400, "RH100"],
    ["evil:x@acme.localhost", 400, "RH100"],
    ["acme.localhost@evil.example", 400, "RH100"],
    ["acme.localhost:0", 400, "RH100"],
    ["acme.localhost:99999", 400, "RH100"],
    ["acme.localhost/x", 400, "RH100"],
    ["acme.localhost,globex.localhost", 400, "RH100"],
    ["acme .localhost", 400, "RH100"],
    ["acme_.localhost", 400, "RH100"],
    ["..", 400, "RH100"],
    [`${"a".repeat(64)}.localhost`, 400, "RH100"],
  ])("%s", async (host, status, code) => {
    const answer = await rest(host);
    expect([answer.status, answer.json()["code"]]).toEqual([status, code]);
  });
});

describe("two readings of one request", () => {
  const raw = (lines: string[], target = "/rest/v1/customers?limit=1") =>
    sendRaw(server.port, [`GET ${target} HTTP/1.1`, ...lines, "Connection: close", "", ""].join("\r\n"));
  const auth = () => `Authorization: Bearer ${token}`;

  test.each([
    ["Host twice", () => ["Host: acme.localhost", "Host: globex.localhost", auth()], "RH100"],
    ["Host twice, the same", () => ["Host: acme.localhost", "host: acme.localhost", auth()], "RH100"],
    ["X-Tenant twice", () => ["Host: acme.localhost", "X-Tenant: acme", "x-tenant: globex", auth()], "RH114"],
    ["Authorization twice", () => ["Host: acme.localhost", auth(), "authorization: Bearer other"], "RH114"],
    ["apikey twice", () => ["Host: acme.localhost", auth(), `apikey: ${token}`, "ApiKey: other"], "RH114"],
    [
      "X-Forwarded-Host twice",
      () => ["Host: acme.localhost", "X-Forwarded-Host: a", "X-Forwarded-Host: b", auth()],
      "RH107",
    ],
  ])("%s is refused", async (_, lines, code) => {
    const answer = await raw(lines());
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(`"code":"${code}"`);
  });

  test("an absolute request target does not override the host", async () => {
    const answer = await raw(["Host: acme.localhost", auth()], "http://globex.localhost/rest/v1/customers?limit=1");
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"RH100"');
  });

  test("no Host at all is refused", async () => {
    expect(await raw([auth()])).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("HTTP/1.0 without a Host, which node:http lets through, is refused", async () => {
    const answer = await sendRaw(server.port, `GET /rest/v1/customers HTTP/1.0\r\n${auth()}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"RH100"');
  });

  test("a control character can't get into a header", async () => {
    expect(await raw(["Host: acme.localhost\0", auth()])).toMatch(/^HTTP\/1\.1 400 /);
  });
});
