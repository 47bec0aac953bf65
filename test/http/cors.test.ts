import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setTenantStatus } from "../../src/tenant/change.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually, testServer, type TestServer } from "./server.ts";

const LISTED = "https://app.example.com";
const ACMES = "https://acme-books.pages.example";
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
  server = await testServer(db, { settings: { CORS_ORIGINS: [LISTED, `acme=${ACMES}`] } });
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

describe("an origin that is listed for one tenant", () => {
  const readFrom = async (headers: Record<string, string>, host = "api.localhost") =>
    (await server.get(host, "/auth/v1/settings", { headers: { origin: ACMES, ...headers } })).headers[
      "access-control-allow-origin"
    ];

  test("reads that tenant and no other, whichever way it is named", async () => {
    expect((await preflight("api.localhost", ACMES)).headers["access-control-allow-origin"]).toBe(ACMES);
    expect((await preflight("globex.localhost", ACMES)).headers["access-control-allow-origin"]).toBeUndefined();
    const { id } = await db.tenant("acme");
    expect([
      await readFrom({ "x-tenant": "acme" }),
      await readFrom({ "x-tenant": id }),
      await readFrom({}, "acme.localhost"),
    ]).toEqual([ACMES, ACMES, ACMES]);
    expect([await readFrom({ "x-tenant": "globex" }), await readFrom({}, "globex.localhost")]).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe("a refusal before any tenant is known", () => {
  const ask = async (host: string, origin: string, headers: Record<string, string> = {}) => {
    const { status, headers: told } = await server.get(host, "/auth/v1/settings", { headers: { origin, ...headers } });
    return [status, told["access-control-allow-origin"]];
  };

  test("of a suspended tenant can be read by its own page", async () => {
    await setTenantStatus(db.platform, "globex", "suspended", "test");
    const { globex } = origins();
    await eventually(async () => expect((await ask("globex.localhost", globex))[0]).toBe(403));
    expect((await preflight("globex.localhost", globex)).status).toBe(204);
    expect((await preflight("api.localhost", globex)).headers["access-control-allow-origin"]).toBe(globex);
    expect(await ask("globex.localhost", globex)).toEqual([403, globex]);
    expect(await ask("api.localhost", globex, { "x-tenant": "globex" })).toEqual([403, globex]);
    expect(await ask("globex.localhost", "https://evil.example")).toEqual([403, undefined]);
    expect((await preflight("globex.localhost", "https://evil.example")).status).toBe(403);
    await setTenantStatus(db.platform, "globex", "active", "test");
    await eventually(async () => expect((await ask("globex.localhost", globex))[0]).toBe(200));
  });

  test("of a tenant that there is not, by any tenant's page", async () => {
    expect(await ask("api.localhost", ACMES, { "x-tenant": "nobody" })).toEqual([404, ACMES]);
    expect(await ask("api.localhost", "https://evil.example", { "x-tenant": "nobody" })).toEqual([404, undefined]);
  });
});

test.each([
  "*",
  "acme=*",
  "Acme=https://app.example.com",
  "acme=",
  "app.example.com",
  "https://app.example.com/",
  "https://*.example.com/",
])("CORS_ORIGINS %s stops the start", async (origin) => {
  await expect(testServer(db, { settings: { CORS_ORIGINS: [origin] } })).rejects.toMatchObject({ code: "RH401" });
});
