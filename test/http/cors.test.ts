import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "./server.ts";

const LISTED = "https://app.example.com";
let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  const { id } = await db.tenant("acme");
  await db.admin.query(
    `insert into platform.domains (name, kind, tenant_id, verified_at) values
      ('shop.acme.example', 'custom', $1, now()), ('unproved.acme.example', 'custom', $1, null)`,
    [id],
  );
  server = await testServer(db, { settings: { CORS_ORIGINS: [LISTED] } });
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const origins = () => ({
  own: `http://acme.localhost:${server.port}`,
  domain: `http://shop.acme.example:${server.port}`,
  globex: `http://globex.localhost:${server.port}`,
});
const read = (host: string, origin: string) =>
  server.get(host, "/rest/v1/customers?limit=1", { token, headers: { origin } });
const preflight = (host: string, origin: string) =>
  server.request(host, "/rest/v1/customers", {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization, prefer, x-client-info",
    },
  });

describe("the tenant's own origins and the listed ones", () => {
  test.each(["own", "domain", "listed"] as const)("%s", async (which) => {
    const origin = which === "listed" ? LISTED : origins()[which];
    const answer = await read("acme.localhost", origin);
    expect(answer.status).toBe(200);
    expect(answer.headers["access-control-allow-origin"]).toBe(origin);
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
    expect(answer.headers.vary).toContain("Origin");
    for (const name of ["Content-Range", "Location", "Preference-Applied", "X-Request-Id", "ETag"]) {
      expect(answer.headers["access-control-expose-headers"]).toContain(name);
    }
  });

  test("a preflight is answered without a token", async () => {
    const answer = await preflight("acme.localhost", origins().own);
    expect(answer.status).toBe(204);
    expect(answer.headers["access-control-allow-origin"]).toBe(origins().own);
    expect(answer.headers["access-control-allow-methods"]).toBe("GET, HEAD, POST, PATCH, PUT, DELETE");
    expect(answer.headers["access-control-allow-headers"]).toBe("authorization, prefer, x-client-info");
  });

  test("a refusal can be read as well", async () => {
    const answer = await server.get("acme.localhost", "/rest/v1/customers", { headers: { origin: origins().own } });
    expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([401, origins().own]);
  });
});

describe("everybody else", () => {
  const foreign = () => [
    origins().globex,
    "null",
    "https://evil.example",
    `https://acme.localhost:${server.port}`, // another scheme
    "http://acme.localhost", // another port
    `http://acme.localhost:${server.port}/`,
    `http://acme.localhost:${server.port}.evil.example`,
    `http://evil-acme.localhost:${server.port}`,
    `http://ACME.localhost:${server.port}`,
    `http://unproved.acme.example:${server.port}`,
    "https://app.example.com.evil.example",
    "https://APP.example.com",
    "*",
  ];
  test("is not allowed, by exact match", async () => {
    const allowed: unknown[] = [];
    for (const origin of foreign()) {
      const answer = await read("acme.localhost", origin);
      allowed.push(
        answer.headers["access-control-allow-origin"],
        (await preflight("acme.localhost", origin)).headers["access-control-allow-origin"],
      );
      expect(answer.headers.vary).toContain("Origin");
    }
    expect(allowed).toEqual(allowed.map(() => undefined));
  });

  test("no origin, no header", async () => {
    const answer = await server.get("acme.localhost", "/rest/v1/customers?limit=1", { token });
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    expect(answer.headers.vary).toContain("Origin");
  });
});

describe("api.BASE_DOMAIN, where the token names the tenant", () => {
  test("takes a preflight from any tenant's address and gives the answer to the token's own", async () => {
    const { own, globex } = origins();
    expect((await preflight("api.localhost", globex)).headers["access-control-allow-origin"]).toBe(globex);
    expect(
      (await preflight("api.localhost", "https://evil.example")).headers["access-control-allow-origin"],
    ).toBeUndefined();
    expect((await read("api.localhost", own)).headers["access-control-allow-origin"]).toBe(own);
    expect((await read("api.localhost", globex)).headers["access-control-allow-origin"]).toBeUndefined();
  });
});

test.each(["*", "app.example.com", "https://app.example.com/", "https://*.example.com/"])(
  "CORS_ORIGINS %s stops the start",
  async (origin) => {
    await expect(testServer(db, { settings: { CORS_ORIGINS: [origin] } })).rejects.toMatchObject({ code: "RH401" });
  },
);
