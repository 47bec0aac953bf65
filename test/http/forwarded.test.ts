import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isDirectLoopback, trustProxies } from "../../src/http/forwarded.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let alone: TestServer;
let proxied: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  alone = await testServer(db);
  proxied = await testServer(db, { settings: { TRUSTED_PROXIES: ["10.0.0.0/8", "127.0.0.1"] } });
  token = await alone.token("acme");
});
afterAll(async () => {
  await alone?.close();
  await proxied?.close();
  await db?.close();
});

const read = (server: TestServer, host: string, headers: Record<string, string>) =>
  server.get(host, "/rest/v1/customers?limit=1", { token, headers });

describe("a stranger's forwarded headers count for nothing", () => {
  test("the Host decides", async () => {
    expect((await read(alone, "acme.localhost", { "x-forwarded-host": "globex.localhost" })).status).toBe(200);
    const other = await read(alone, "globex.localhost", { "x-forwarded-host": "acme.localhost" });
    expect([other.status, other.json()["code"]]).toEqual([403, "RH104"]);
  });
  test("malformed ones are not even read", async () => {
    expect((await read(alone, "acme.localhost", { "x-forwarded-proto": "gopher" })).status).toBe(200);
  });
  test("an id that it brings is not taken", async () => {
    const answer = await read(alone, "acme.localhost", { "x-request-id": "chosen-by-client" });
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });
});

describe("a trusted proxy's are believed", () => {
  test("X-Forwarded-Host decides", async () => {
    const headers = {
      "x-forwarded-host": "acme.localhost",
      "x-forwarded-proto": "https",
      "x-forwarded-for": "203.0.113.9, 10.1.2.3",
    };
    expect((await read(proxied, "internal.example", headers)).status).toBe(200);
  });
  test("without one, Host does", async () => {
    expect((await read(proxied, "acme.localhost", {})).status).toBe(200);
  });
  test.each([
    ["x-forwarded-host", "acme.localhost, globex.localhost", "RH107"],
    ["x-forwarded-host", "evil:x@acme.localhost", "RH100"],
    ["x-forwarded-proto", "https, http", "RH107"],
    ["x-forwarded-for", "unknown", "RH107"],
    ["x-forwarded-for", "203.0.113.9:443", "RH107"],
  ])("%s: %s is refused", async (name, value, code) => {
    const answer = await read(proxied, "acme.localhost", { [name]: value });
    expect([answer.status, answer.json()["code"]]).toEqual([400, code]);
  });
  test.each([
    ["abcdefgh", true],
    ["req_1.2-3AZ", true],
    ["1", true],
    ["", false],
    ["has space in it", false],
    ["a".repeat(129), false],
    ['quote"brace}', false],
  ])("X-Request-Id %s is taken: %s", async (id, taken) => {
    const answer = await read(proxied, "acme.localhost", { "x-request-id": id });
    expect(answer.headers["x-request-id"] === id).toBe(taken);
    expect(answer.headers["x-request-id"]).toBeTruthy();
  });
});

describe("ranges", () => {
  const from = (remoteAddress: string) => ({ socket: { remoteAddress } }) as never;
  test("addresses and CIDR ranges of both versions, and IPv4 as a dual-stack socket writes it", () => {
    const isTrusted = trustProxies(["10.0.0.0/8", "192.0.2.7", "fd00::/8"]);
    const trusted = ["10.255.1.1", "::ffff:10.0.0.1", "192.0.2.7", "fd12::1"];
    const strangers = ["11.0.0.1", "192.0.2.8", "fe80::1", "::ffff:11.0.0.1", ""];
    expect(trusted.map((address) => isTrusted(from(address)))).toEqual([true, true, true, true]);
    expect(strangers.map((address) => isTrusted(from(address)))).toEqual([false, false, false, false, false]);
  });
  test.each(["10.0.0.0/33", "10.0.0", "proxy.example", "10.0.0.0/8/8", "::1/x", ""])("%j is no range", (range) => {
    expect(() => trustProxies([range])).toThrow(expect.objectContaining({ kind: "configInvalid" }));
  });
  test("a server with a malformed range does not start", async () => {
    await expect(testServer(db, { settings: { TRUSTED_PROXIES: ["10.0.0.0/99"] } })).rejects.toMatchObject({
      code: "RH401",
    });
  });
});

describe("who sits at the machine", () => {
  const from = (remoteAddress: string, headers: Record<string, string> = {}) =>
    ({ socket: { remoteAddress }, headers }) as never;
  test("loopback without any sign of a proxy", () => {
    expect(isDirectLoopback(from("127.0.0.1"))).toBe(true);
    expect(isDirectLoopback(from("::1"))).toBe(true);
    expect(isDirectLoopback(from("192.168.1.5"))).toBe(false);
    for (const name of ["forwarded", "via", "x-forwarded-for", "x-real-ip"]) {
      expect(isDirectLoopback(from("127.0.0.1", { [name]: "x" }))).toBe(false);
    }
  });
});
