import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newApiKey, publicKey } from "../../src/auth/api-key.ts";
import { approveDemo } from "../../src/demo/approve.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { addUser, PASSWORD } from "./auth/client.ts";
import { openOperator, type TestOperator } from "./operator.ts";
import { testServer, type TestAnswer, type TestRequest, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let ops: TestOperator;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  ops = await openOperator(db, server);
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});
beforeEach(() => db.admin.query("delete from platform.sign_in_attempts"));

const platform = (method: string, path: string, options: TestRequest = {}) =>
  server.request("admin.localhost", `/platform/v1${path}`, { method, ...options });
const codeOf = (answer: TestAnswer) => [answer.status, answer.json()["code"]];
const demo = (body: unknown, options: TestRequest = {}) =>
  server.request("localhost", "/demo-requests", { method: "POST", body, ...options });
const failures = () => server.log.filter(({ msg }) => msg === "request failed");

/** Operations of every kind: with and without a body, of the platform and of one tenant. */
const OPERATIONS = [
  ["GET", "/tenants"],
  ["POST", "/tenants", { slug: "stolen", name: "Stolen" }],
  ["GET", "/tenants/acme"],
  ["POST", "/tenants/acme/suspend"],
  ["DELETE", "/tenants/acme?confirm=acme"],
  ["GET", "/tenants/acme/users"],
  ["POST", "/tenants/acme/users", { email: "x@y.example", role: "owner" }],
  ["POST", "/tenants/acme/impersonations", { reason: "because", role: "owner", writes: true }],
  ["POST", "/tenants/acme/domains", { name: "shop.example" }],
  ["GET", "/plans"],
  ["GET", "/operators"],
  ["POST", "/operators", { email: "x@y.example", role: "owner" }],
  ["GET", "/demo-requests"],
  ["GET", "/sessions/current"],
] as const;

describe("the platform's API and tenants' credentials (H27)", () => {
  const credentials = async (): Promise<[string, TestRequest][]> => {
    const acme = await db.tenant("acme");
    await addUser(db, "acme", "owner@acme.example", "owner").catch(() => {});
    const signIn = (query: string, headers = {}) =>
      server.request(`acme.localhost:${server.port}`, `/auth/v1/token?grant_type=password${query}`, {
        method: "POST",
        body: { email: "owner@acme.example", password: PASSWORD },
        headers,
      });
    const session = (await signIn("")).json<{ access_token: string; refresh_token: string }>();
    const cookie = (await signIn("&cookie=1", { origin: `http://acme.localhost:${server.port}` })).headers[
      "set-cookie"
    ]![0]!.split(";")[0]!;
    return [
      ["nothing", {}],
      ["an owner's session", { token: session.access_token }],
      ["a refresh token", { token: session.refresh_token }],
      ["a token of the deployment", { token: await server.token("acme", "owner") }],
      ["an API key", { token: newApiKey(acme.id).key }],
      ["a front end's key", { token: publicKey(acme.id) }],
      [
        "a cookie",
        { headers: { cookie, origin: `http://admin.localhost:${server.port}`, "sec-fetch-site": "same-origin" } },
      ],
      ["an operator's token as apikey", { headers: { apikey: ops.token } }],
      ["an operator's token as cookie", { headers: { cookie: `__Host-session=${ops.token}; session=${ops.token}` } }],
      ["the secret part of an operator's token", { token: ops.token.slice("rhop_".length) }],
      ["an operator's token in another case", { token: ops.token.toUpperCase() }],
    ];
  };

  test("none of a tenant's credentials is one there, whatever is asked", async () => {
    const wrong: unknown[] = [];
    for (const [name, options] of await credentials())
      for (const [method, path, body] of OPERATIONS) {
        const answer = await platform(method, path, { ...options, body });
        if (answer.status !== 401 || answer.json()["code"] !== "RH230") wrong.push([name, method, path, answer.status]);
      }
    expect(wrong).toEqual([]);
    const { rows } = await db.admin.query("select from platform.tenants where slug = 'stolen' or status <> 'active'");
    expect(rows).toEqual([]);
  });

  test("it is at the platform's host alone: elsewhere its paths are no paths, also for an operator", async () => {
    await db.admin.query(
      "insert into platform.domains (name, kind, tenant_id, verified_at) select 'shop.acme.example', 'custom', id, now() from platform.tenants where slug = 'acme'",
    );
    const wrong: unknown[] = [];
    for (const host of ["acme.localhost", "api.localhost", "localhost", "shop.acme.example"])
      for (const [method, path, body] of OPERATIONS) {
        const answer = await server.request(host, `/platform/v1${path}`, { method, body, token: ops.token });
        if (answer.status !== 404 || answer.json()["code"] !== "RH108") wrong.push([host, method, path, answer.status]);
      }
    expect(wrong).toEqual([]);
  });

  test.each(["ADMIN.localhost", "admin.localhost.", "admin.localhost:1"])(
    "%s is that host, and wants an operator as well",
    async (host) => {
      expect(
        (await server.get(host, "/platform/v1/tenants", { token: await server.token("acme", "owner") })).status,
      ).toBe(401);
      expect((await server.get(host, "/platform/v1/tenants", { token: ops.token })).status).toBe(200);
    },
  );

  test("X-Tenant does not bring a tenant to the platform's host, nor the platform to a tenant's", async () => {
    const named = { headers: { "x-tenant": "acme" }, token: ops.token };
    expect(codeOf(await server.get("admin.localhost", "/platform/v1/tenants", named))).toEqual([403, "RH104"]);
    const admin = { headers: { "x-tenant": "admin" }, token: ops.token };
    expect((await server.get("api.localhost", "/platform/v1/tenants", admin)).status).toBe(404);
  });

  test("an operator's token is nobody's at a tenant, in any header", async () => {
    const at = [
      server.get("acme.localhost", "/rest/v1/customers", { token: ops.token }),
      server.get("acme.localhost", "/rest/v1/customers", { headers: { apikey: ops.token } }),
      server.get("acme.localhost", "/auth/v1/user", { token: ops.token }),
      server.request("acme.localhost", "/auth/v1/invite", {
        method: "POST",
        body: { email: "x@y.example" },
        token: ops.token,
      }),
    ];
    expect((await Promise.all(at)).map(({ status }) => status)).toEqual([401, 401, 401, 401]);
  });

  test("no other site's page reads it or has it do something (H12, H13)", async () => {
    for (const origin of [`http://acme.localhost:${server.port}`, "https://evil.example", "null"]) {
      const read = await platform("GET", "/tenants", { token: ops.token, headers: { origin } });
      expect(read.headers["access-control-allow-origin"]).toBeUndefined();
      const asked = await platform("OPTIONS", "/tenants", {
        headers: { origin, "access-control-request-method": "POST" },
      });
      expect(asked.headers["access-control-allow-origin"]).toBeUndefined();
    }
    const form = { body: '{"slug":"formed","name":"x"}', token: ops.token, headers: { "content-type": "text/plain" } };
    expect(codeOf(await platform("POST", "/tenants", form))[0]).toBe(400);
  });

  test("its answers are kept by no cache (H14)", async () => {
    const answers = [
      await ops.get("/tenants"),
      await ops.get("/sessions/current"),
      await platform("GET", "/tenants"),
      await platform("POST", "/sessions", { body: {} }),
    ];
    expect(answers.map(({ headers }) => [headers["cache-control"], headers.vary?.includes("Authorization")])).toEqual(
      answers.map(() => ["no-store", true]),
    );
  });
});

describe("operators among themselves", () => {
  test("a key of another operator's request is a new request, and one's own is refused once the role is lowered", async () => {
    const support = await ops.invite("keyed@ops.example", "support");
    const make = (token: string, slug: string) =>
      platform("POST", "/tenants", { body: { slug, name: "Keyed" }, token, headers: { "idempotency-key": "shared" } });
    expect((await make(ops.token, "keyed-one")).status).toBe(201);
    const theirs = await make(support.token, "keyed-two");
    expect([theirs.status, theirs.headers["idempotent-replayed"], theirs.json()["slug"]]).toEqual([
      201,
      undefined,
      "keyed-two",
    ]);
    await ops.request("PATCH", "/operators/keyed@ops.example", { role: "read-only" });
    expect((await make(support.token, "keyed-two")).status).toBe(401); // signed out with the role
    const again = await platform("POST", "/sessions", {
      body: { email: "keyed@ops.example", password: "correct battery horse" },
    });
    const lowered = await make(again.json<{ token: string }>().token, "keyed-two");
    expect(codeOf(lowered)).toEqual([403, "RH231"]);
  });

  test("nobody makes more of themselves", async () => {
    const support = await ops.invite("climber@ops.example", "support");
    const tried = [
      await support.request("PATCH", "/operators/climber@ops.example", { role: "owner" }),
      await support.request("POST", "/operators", { email: "friend@ops.example", role: "owner" }),
      await support.request("PATCH", "/operators/owner@ops.example", { isActive: false }),
      await support.request("POST", "/tenants/acme/issuers", { issuer: "https://evil.example", audience: "x" }),
    ];
    expect(tried.map(codeOf)).toEqual(tried.map(() => [403, "RH231"]));
  });

  test("who there is can't be told from the answers of a sign-in, to the last byte (H24)", async () => {
    const shape = (answer: TestAnswer) => [answer.status, { ...answer.json(), request_id: "" }];
    const tried = await Promise.all(
      ["owner@ops.example", "nobody@ops.example"].map((email) =>
        platform("POST", "/sessions", { body: { email, password: "not it at all" } }),
      ),
    );
    expect(shape(tried[0]!)).toEqual(shape(tried[1]!));
  });

  test("a link is good once, also for two at the same moment", async () => {
    const invited = (await ops.request("POST", "/operators", { email: "once@ops.example", role: "billing" })).json<{
      token: string;
    }>();
    const body = { token: invited.token, password: "correct battery horse" };
    const answers = await Promise.all(Array.from({ length: 4 }, () => platform("POST", "/sessions/link", { body })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 403, 403, 403]);
  });
});

describe("bodies that break readers (H17, H22)", () => {
  const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const place = (address: string) => `"locations":[{"code":"a","name":"b","address":{"x":${address}}}]`;
  const HOSTILE: Readonly<Record<string, string>> = {
    "65 levels": place(nested(65)),
    "60,000 levels": place(nested(60_000)),
    "a null character": '"industry":"a\\u0000b"',
    "a null character in a member's name": '"locations":[{"code":"a","name":"b","address":{"\\u0000":1}}]',
    "half a surrogate pair": place('"\\ud800"'),
    "a line break": '"industry":"a\\r\\nBcc: x@y.example"',
    "an escape sequence of terminals": '"industry":"\\u001b[2J"',
  };

  test.each(Object.entries(HOSTILE))("%s: refused, and no failure of ours", async (_, member) => {
    const answers = [
      await platform("POST", "/tenants", { body: `{"slug":"hostile","name":"x",${member}}`, token: ops.token }),
      await demo(`{"email":"x@y.example","name":"x","company":"y",${member}}`),
    ];
    expect(answers.map(codeOf)).toEqual(answers.map(({ status }) => [status, answers[0]!.json()["code"]]));
    expect(answers.map(({ status }) => status)).toEqual([400, 400]);
    expect(failures()).toEqual([]);
  });

  test("a null character in a path or a query, and one of a sign-in", async () => {
    const answers = [
      await ops.get("/tenants/a%00b"),
      await ops.get("/tenants?search=%00"),
      await ops.get("/demo-requests?after=%00"),
      await ops
        .get("/tenants/acme/users/%00")
        .then((answer) => ({ ...answer, status: answer.status === 405 ? 400 : answer.status })),
      await ops.request("PATCH", "/operators/a%00b", { name: "x" }),
      await platform("POST", "/sessions", { body: '{"email":"a\\u0000@b.example","password":"x"}' }),
      await platform("POST", "/sessions/link", { body: '{"token":"\\u0000","password":"x"}' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 400));
    expect(failures()).toEqual([]);
  });

  test("members that are not in the description are refused, and a query that names one twice (H16)", async () => {
    const made = await ops.request("POST", "/tenants", {
      slug: "greedy",
      name: "x",
      id: "00000000-0000-4000-8000-00000000000f",
      status: "active",
      seal: "x",
    });
    expect(made.status).toBe(400);
    const changed = await ops.request("PATCH", "/operators/owner@ops.example", { password: "x", id: "y" } as object);
    expect(changed.status).toBe(400);
    expect((await ops.get("/tenants?limit=1&limit=1000")).status).toBe(400);
  });
});

test("strangers who fail to sign in over and over do not fill the audit trail", async () => {
  const count = async () => {
    const { rows } = await db.admin.query<{ n: number }>("select count(*)::int as n from platform.audit_events");
    return rows[0]!.n;
  };
  const before = await count();
  const start = Date.now();
  const body = { email: "nobody@ops.example", password: "not it at all" };
  const answers = await Promise.all(Array.from({ length: 60 }, () => platform("POST", "/sessions", { body })));
  const seconds = Math.floor((Date.now() - start) / 1000) + 2;
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400, 429]));
  expect((await count()) - before).toBeLessThanOrEqual(10 * seconds);
  expect((await count()) - before).toBeGreaterThan(0);
});

describe("the form of strangers", () => {
  test.each([
    "a<x@y.example>",
    "a,x@y.example",
    "x@y.example, z@y.example",
    "x@y.example\r\nBcc: z@y.example",
    '"a b"@y.example',
    "x@y.example>",
  ])("%j is no address", async (email) => {
    expect((await demo({ email, name: "x", company: "y" })).status).toBe(400);
  });

  test("what they call themselves runs as nothing in the mail and the page that follow", async () => {
    const company = `<img src=x onerror="alert(1)">'`;
    expect((await demo({ email: "hostile@y.example", name: "<b>x</b>", company, slug: "hostile-demo" })).status).toBe(
      202,
    );
    const { rows } = await db.admin.query<{ id: string }>(
      "select id from platform.demo_requests where email = 'hostile@y.example'",
    );
    const originOf = (slug: string) => `http://${slug}.localhost:${server.port}`;
    await approveDemo({ pool: db.platform, keyring: db.database.keyring, originOf }, rows[0]!.id, {}, "test");
    const mails = await db.admin.query<{ html: string; subject: string }>(
      "select html, subject from platform.outbox where to_address = 'hostile@y.example'",
    );
    expect(mails.rows[0]!.html).not.toMatch(/<img|onerror="/);
    const page = await server.get("hostile-demo.localhost", "/", { headers: { accept: "text/html" } });
    expect(page.text).not.toContain("<img src=x");
  });

  test("what is too much of it is refused before anything is written", async () => {
    const tall = {
      email: "tall@y.example",
      name: "x",
      company: "y",
      locations: Array.from({ length: 51 }, (_, n) => ({ code: `${n}`, name: "x" })),
    };
    expect((await demo(tall)).status).toBe(400);
    expect((await demo({ email: "tall@y.example", name: "x".repeat(201), company: "y" })).status).toBe(400);
    expect(
      (await demo(`{"email":"tall@y.example","name":"x","company":"y","message":"${"x".repeat(300_000)}"}`)).status,
    ).toBe(413);
    const { rows } = await db.admin.query("select from platform.demo_requests where email = 'tall@y.example'");
    expect(rows).toEqual([]);
  });
});

test("no secret of the platform stands in the log: tokens, links, passwords (H26)", async () => {
  const invited = (await ops.request("POST", "/operators", { email: "logged@ops.example", role: "billing" })).json<{
    token: string;
  }>();
  const entered = (
    await platform("POST", "/sessions/link", { body: { token: invited.token, password: "a password for the log" } })
  ).json<{ token: string }>();
  await platform("GET", `/sessions/current?token=${entered.token}`, { token: entered.token });
  const impersonation = (await ops.request("POST", "/tenants/acme/impersonations", { reason: "ticket 7" })).json<{
    token: string;
  }>();
  await server.get("acme.localhost", "/rest/v1/customers?limit=1", { token: impersonation.token });
  const issuer = (
    await ops.request("POST", "/tenants/acme/issuers", { issuer: "own-backend", kind: "secret", audience: "x" })
  ).json<{ secret: string }>();
  const secrets = [
    invited.token,
    "a password for the log",
    entered.token,
    ops.token,
    impersonation.token,
    issuer.secret,
  ];
  expect(secrets.filter((secret) => typeof secret !== "string" || secret.length < 10)).toEqual([]);
  const { rows } = await db.admin.query<{ text: string }>(
    "select e::text as text from platform.audit_events e union all select e::text from tenant.audit_events e",
  );
  const text = JSON.stringify([server.log, rows]);
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
});
