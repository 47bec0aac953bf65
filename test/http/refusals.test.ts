import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setTenantStatus } from "../../src/tenant/change.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually, testServer, type TestRequest, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let acme: string;
let globex: string;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  acme = await server.token("acme");
  globex = await server.token("globex");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

interface RestBody {
  code: string;
  message: string;
  details: string | null;
  hint: string | null;
}

/** Status, code and message of a refusal, which has PostgREST's four members and nothing of any tenant. */
async function refusal(host: string, options: TestRequest): Promise<[number, string, string]> {
  const answer = await server.get(host, "/rest/v1/customers", options);
  const body = answer.json<RestBody>();
  expect(Object.keys(body).toSorted()).toEqual(["code", "details", "hint", "message"]);
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.text).not.toContain("tenant_id");
  return [answer.status, body.code, body.message];
}
const any = expect.any(String) as string;

const tampered = (token: string) => {
  const [head, payload, signature] = token.split(".") as [string, string, string];
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
  return [head, Buffer.from(JSON.stringify({ ...claims, role: "owner" })).toString("base64url"), signature].join(".");
};

describe("who asks", () => {
  test("no token", async () => {
    const answer = await server.get("acme.localhost", "/rest/v1/customers");
    expect(answer.status).toBe(401);
    expect(answer.json()["code"]).toBe("PGRST302");
    expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
  });
  test("a token that is no token", async () => {
    expect(await refusal("acme.localhost", { token: "nonsense" })).toEqual([401, "PGRST301", any]);
  });
  test("another scheme", async () => {
    expect(await refusal("acme.localhost", { headers: { authorization: "Basic YTpi" } })).toEqual([
      401,
      "PGRST301",
      any,
    ]);
  });
  test("changed claims under the old signature", async () => {
    expect(await refusal("acme.localhost", { token: tampered(acme) })).toEqual([401, "PGRST301", any]);
  });
  test("an expired token", async () => {
    const { SignJWT } = await import("jose");
    const { openKeyset } = await import("../../src/auth/keyset.ts");
    const { kid, alg, key } = await openKeyset(db.platform).current();
    const { id } = await db.tenant("acme");
    const past = Math.floor(Date.now() / 1000) - 3600;
    const token = await new SignJWT({ tenant: id, role: "admin" })
      .setProtectedHeader({ alg, kid, typ: "at+jwt" })
      .setIssuer("http://localhost")
      .setAudience("rowhouse")
      .setSubject("somebody")
      .setIssuedAt(past)
      .setExpirationTime(past + 60)
      .sign(key);
    expect(await refusal("acme.localhost", { token })).toEqual([401, "PGRST303", "JWT expired"]);
  });
  test("the token as apikey alone is enough, as supabase-js sends it", async () => {
    const answer = await server.get("acme.localhost", "/rest/v1/customers?limit=1", { headers: { apikey: acme } });
    expect(answer.status).toBe(200);
  });
  test("a good bearer with a bad apikey is refused", async () => {
    expect(await refusal("acme.localhost", { token: acme, headers: { apikey: "x.y.z" } })).toEqual([
      401,
      "PGRST301",
      any,
    ]);
  });
});

describe("which tenant", () => {
  test("an unknown host", async () => {
    expect(await refusal("nobody.localhost", { token: acme })).toEqual([404, "RH101", any]);
  });
  test("an unknown X-Tenant", async () => {
    expect(await refusal("api.localhost", { token: acme, headers: { "x-tenant": "nobody" } })).toEqual([
      404,
      "RH102",
      any,
    ]);
  });
  test("the api host without any tenant wants a token", async () => {
    expect(await refusal("api.localhost", {})).toEqual([401, "PGRST302", any]);
  });
  test("the api host takes the tenant from the token", async () => {
    const own = await server.get("globex.localhost", "/rest/v1/customers?order=id&limit=5", { token: globex });
    const answer = await server.get("api.localhost", "/rest/v1/customers?order=id&limit=5", { token: globex });
    expect(answer.text).toBe(own.text);
  });
  test("X-Tenant that agrees, as slug and as id", async () => {
    const { id } = await db.tenant("acme");
    for (const tenant of ["acme", "ACME", id]) {
      const answer = await server.get("acme.localhost", "/rest/v1/customers?limit=1", {
        token: acme,
        headers: { "x-tenant": tenant },
      });
      expect(answer.status).toBe(200);
    }
  });
  test("the platform's host has no tenant's API", async () => {
    const answer = await server.get("admin.localhost", "/rest/v1/customers", { token: acme });
    expect([answer.status, answer.json()["code"]]).toEqual([404, "RH108"]);
  });
});

describe("disagreement", () => {
  const events = async () => {
    const text = `select action, outcome, actor, tenant_id::text, request_id, details from platform.audit_events
      where action = 'request.denied' order by id desc`;
    return (
      await db.admin.query<{
        outcome: string;
        actor: string;
        tenant_id: string;
        request_id: string;
        details: Record<string, unknown>;
      }>(text)
    ).rows;
  };
  const SUBJECT = "11111111-1111-4111-8111-111111111111";

  test.each([
    ["host against token", "acme.localhost", "globex", {}, SUBJECT],
    ["X-Tenant against token", "api.localhost", "globex", { "x-tenant": "acme" }, SUBJECT],
    ["X-Tenant against host, with the host's token", "globex.localhost", "globex", { "x-tenant": "acme" }, "anonymous"],
    ["X-Tenant against host, without a token", "acme.localhost", null, { "x-tenant": "globex" }, "anonymous"],
    ["X-Tenant at the platform's host", "admin.localhost", null, { "x-tenant": "globex" }, "anonymous"],
  ] as const)("%s: 403 and an audit event", async (_, host, slug, headers, actor) => {
    const token = slug === null ? undefined : await server.token(slug);
    const before = (await events()).length;
    const answer = await server.get(host, "/rest/v1/customers", { token, headers });
    expect([answer.status, answer.json()["code"]]).toEqual([403, "RH104"]);
    const after = await events();
    expect(after).toHaveLength(before + 1);
    expect(after[0]).toMatchObject({ outcome: "denied", actor, request_id: answer.headers["x-request-id"] });
    expect(after[0]!.details).toMatchObject({ reason: "tenantDisagreement" });
    expect(after[0]!.tenant_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(after[0])).not.toContain(token ?? "eyJ");
  });

  test("a token's apikey of another tenant", async () => {
    const answer = await server.get("acme.localhost", "/rest/v1/customers", {
      token: acme,
      headers: { apikey: globex },
    });
    expect([answer.status, answer.json()["code"]]).toEqual([403, "RH104"]);
  });
});

describe("a suspended tenant", () => {
  test("its live tokens are refused at once, at every address, and good again when it is activated", async () => {
    const initech = await server.token("initech");
    const read = () => server.get("initech.localhost", "/rest/v1/customers?limit=1", { token: initech });
    expect((await read()).status).toBe(200);
    await setTenantStatus(db.platform, "initech", "suspended", "test");
    // The registry may not have heard of it yet: it is platform.enter() that refuses.
    const first = await read();
    expect([first.status, first.json()["code"]]).toEqual([403, "RH103"]);
    expect(await refusal("api.localhost", { token: initech })).toEqual([403, "RH103", any]);
    await eventually(async () => {
      const page = await server.get("initech.localhost", "/", { headers: { accept: "text/html" } });
      expect([page.status, page.text]).toEqual([403, expect.stringContaining("RH103")]);
    });
    await setTenantStatus(db.platform, "initech", "active", "test");
    await eventually(async () => expect((await read()).status).toBe(200));
  });
});
