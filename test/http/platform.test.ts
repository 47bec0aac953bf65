import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linkFirstOperator } from "../../src/auth/operator-links.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually, testServer, type TestAnswer, type TestServer } from "./server.ts";
import { openOperator, type TestOperator } from "./operator.ts";

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

const PASSWORD = "correct battery horse";

/** A problem document (RFC 9457). */
async function refusal(asked: Promise<TestAnswer>) {
  const answer = await asked;
  const body = answer.json<{ code: string; status: number }>();
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  expect(body.status).toBe(answer.status);
  return [answer.status, body.code];
}

describe("operators", () => {
  test("the first comes in by a link that is good once, and no second first", async () => {
    expect(await linkFirstOperator(db.platform, "test")).toBeNull();
    expect(ops.operator).toMatchObject({ email: "owner@ops.example", role: "owner", isActive: true });
  });

  test("two links for the first operator make one", async () => {
    await using own = await testDatabase();
    await using there = await testServer(own);
    const links = [await linkFirstOperator(own.platform, "test"), await linkFirstOperator(own.platform, "test")];
    const answers = await Promise.all(
      links.map((link, index) =>
        there.request("admin.localhost", "/platform/v1/sessions/link", {
          method: "POST",
          body: { token: link!.token, email: `first${index}@ops.example`, password: PASSWORD },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 403]);
    const { rows } = await own.admin.query("select from platform.operators");
    expect(rows).toHaveLength(1);
  });

  test("sign in, who am I, sign out", async () => {
    const wrong = { method: "POST", body: { email: "owner@ops.example", password: "not it at all" } };
    expect(await refusal(server.request("admin.localhost", "/platform/v1/sessions", wrong))).toEqual([400, "RH210"]);
    const nobody = { method: "POST", body: { email: "nobody@ops.example", password: "not it at all" } };
    expect(await refusal(server.request("admin.localhost", "/platform/v1/sessions", nobody))).toEqual([400, "RH210"]);
    const right = { method: "POST", body: { email: "Owner@ops.example", password: PASSWORD } };
    const opened = await server.request("admin.localhost", "/platform/v1/sessions", right);
    expect(opened.status).toBe(201);
    const { token } = opened.json<{ token: string }>();
    expect((await server.get("admin.localhost", "/platform/v1/sessions/current", { token })).json()).toMatchObject({
      email: "owner@ops.example",
    });
    const out = await server.request("admin.localhost", "/platform/v1/sessions/current", { method: "DELETE", token });
    expect([out.status, out.text]).toEqual([204, ""]);
    expect(await refusal(server.get("admin.localhost", "/platform/v1/sessions/current", { token }))).toEqual([
      401,
      "RH230",
    ]);
  });

  test("guesses are counted", async () => {
    const guess = { method: "POST", body: { email: "guessed@ops.example", password: "a guess of mine" } };
    const answers: TestAnswer[] = [];
    for (let i = 0; i < 12; i++) answers.push(await server.request("admin.localhost", "/platform/v1/sessions", guess));
    expect(answers.map(({ status }) => status).slice(-2)).toEqual([429, 429]);
    const seconds = Number(answers.at(-1)!.headers["retry-after"]);
    expect(seconds).toBeGreaterThan(800);
    expect(seconds).toBeLessThanOrEqual(900);
  });

  test("an invited one has the role's permissions, and loses them at once", async () => {
    const support = await ops.invite("support@ops.example", "support");
    expect((await support.get("/tenants")).status).toBe(200);
    const denied = await support.request("DELETE", "/tenants/acme?confirm=acme");
    expect([denied.status, denied.json()["code"], denied.json()["detail"]]).toEqual([
      403,
      "RH231",
      "Missing permission: tenants.delete",
    ]);
    expect(await refusal(support.request("PATCH", "/plans/standard", { title: "Cheap" }))).toEqual([403, "RH231"]);
    const changed = await ops.request("PATCH", "/operators/support@ops.example", { isActive: false });
    expect(changed.json()).toMatchObject({ isActive: false });
    expect(await refusal(support.get("/tenants"))).toEqual([401, "RH230"]);
  });

  test("the invited one's address is no password, and the link stays good", async () => {
    const email = "ann.invited@ops.example";
    const { token } = (await ops.request("POST", "/operators", { email, role: "support" })).json<{ token: string }>();
    const accept = (body: object) =>
      server.request("admin.localhost", "/platform/v1/sessions/link", { method: "POST", body: { token, ...body } });
    expect(await refusal(accept({ password: email }))).toEqual([422, "RH211"]);
    expect(await refusal(accept({ password: "ann.invited", email: "other@ops.example" }))).toEqual([422, "RH211"]);
    const came = await accept({ password: PASSWORD });
    expect([came.status, came.json()["operator"]]).toEqual([201, expect.objectContaining({ email })]);
    expect(await refusal(accept({ password: PASSWORD }))).toEqual([403, "RH216"]);
  });

  test("an invitation of somebody who is there, and the last owner", async () => {
    expect(await refusal(ops.request("POST", "/operators", { email: "owner@ops.example", role: "owner" }))).toEqual([
      409,
      "RH233",
    ]);
    expect(await refusal(ops.request("PATCH", "/operators/owner@ops.example", { role: "support" }))).toEqual([
      409,
      "RH234",
    ]);
    expect(await refusal(ops.request("PATCH", "/operators/owner@ops.example", { isActive: false }))).toEqual([
      409,
      "RH234",
    ]);
  });

  test("no secret of an operator stands in the database or in the audit trail", async () => {
    const { rows } = await db.admin.query<{ text: string }>(
      `select s::text as text from platform.operator_sessions s union all select l::text from platform.operator_links l
       union all select e::text from platform.audit_events e`,
    );
    const all = rows.map(({ text }) => text).join("\n");
    expect(all).not.toContain(ops.token.slice("rhop_".length));
    expect(all).not.toContain("$argon2id");
    expect(all).toContain("operator:owner@ops.example");
  });
});

describe("who may come in (threats.md, H27)", () => {
  test("a tenant's token is none here", async () => {
    const token = await server.token("acme", "owner");
    expect(await refusal(server.get("admin.localhost", "/platform/v1/tenants", { token }))).toEqual([401, "RH230"]);
    const answer = await server.get("admin.localhost", "/platform/v1/tenants", { headers: { apikey: token } });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
  });

  test.each(["acme.localhost", "api.localhost", "localhost"])("%s has no platform API", async (host) => {
    const answer = await server.get(host, "/platform/v1/tenants", { token: ops.token });
    expect(answer.status).toBe(404);
    expect(answer.text).not.toContain("globex");
  });

  test("an operator's token is none on a tenant's host", async () => {
    const answer = await server.get("acme.localhost", "/rest/v1/customers", { token: ops.token });
    expect([answer.status, answer.json()["code"]]).toEqual([401, "PGRST301"]);
    const named = await server.get("admin.localhost", "/platform/v1/tenants", {
      token: ops.token,
      headers: { "x-tenant": "acme" },
    });
    expect(named.status).toBe(403);
  });

  test("every use is in the audit trail, and every refusal", async () => {
    const notesOf = async ({ headers }: TestAnswer) => {
      const { rows } = await db.admin.query<{ outcome: string; actor: string; details: object }>(
        "select outcome, actor, details from platform.audit_events where request_id = $1",
        [headers["x-request-id"]],
      );
      return rows;
    };
    expect(await notesOf(await ops.get("/tenants/acme"))).toEqual([
      {
        outcome: "success",
        actor: "operator:owner@ops.example",
        details: { method: "GET", route: "/platform/v1/tenants/:tenant", tenant: "acme", status: 200 },
      },
    ]);
    // Of refusals ten a second are written; those of the tests before this one may have been so many.
    await eventually(async () => {
      expect(await notesOf(await server.get("admin.localhost", "/platform/v1/tenants"))).toMatchObject([
        {
          outcome: "denied",
          actor: "anonymous",
          details: { method: "GET", route: "/platform/v1/tenants", code: "RH230" },
        },
      ]);
    });
  });

  test("paths and methods that there are not", async () => {
    expect(await refusal(ops.get("/nothing"))).toEqual([404, "RH108"]);
    const answer = await ops.request("PUT", "/tenants");
    expect([answer.status, answer.headers["allow"]]).toEqual([405, "GET, HEAD, POST"]);
  });
});

describe("tenants", () => {
  const NEW = {
    slug: "hooli",
    name: "Hooli",
    plan: "standard",
    adminEmail: "gavin@hooli.example",
    contactName: "Gavin",
    contactEmail: "gavin@hooli.example",
    industry: "Everything",
    size: "1000+",
    locations: [{ code: "hq", name: "Headquarters", address: { city: "Palo Alto" } }],
  };

  test("create, with plan, contact, industry, size and locations; then it is served", async () => {
    const made = await ops.request("POST", "/tenants", NEW);
    expect([made.status, made.headers["location"]]).toEqual([201, "/platform/v1/tenants/hooli"]);
    expect(made.json()).toMatchObject({
      slug: "hooli",
      status: "active",
      profile: { contactName: "Gavin", industry: "Everything", size: "1000+", contactPhone: null },
    });
    const token = await server.token("hooli", "owner");
    const locations = await db.admin.query(
      "select code, address from tenant.locations l join platform.tenants t on t.id = l.tenant_id where t.slug = 'hooli'",
    );
    expect(locations.rows).toEqual([{ code: "hq", address: { city: "Palo Alto" } }]);
    expect((await server.get("hooli.localhost", "/rest/v1/customers", { token })).status).toBe(200);
    expect((await ops.get("/tenants/hooli/subscription")).json()).toMatchObject({
      plan: "standard",
      limits: { users: 50 },
    });
  });

  test("a second of the slug, a bad slug, an unknown plan, an unknown member", async () => {
    expect(await refusal(ops.request("POST", "/tenants", NEW))).toEqual([409, "RH404"]);
    expect(await refusal(ops.request("POST", "/tenants", { slug: "A b", name: "x" }))).toEqual([400, "RH402"]);
    expect(await refusal(ops.request("POST", "/tenants", { slug: "newone", name: "x", plan: "gold" }))).toEqual([
      404,
      "RH432",
    ]);
    const unknown = await ops.request("POST", "/tenants", { slug: "newone", name: "x", tenant_id: "y" });
    expect([unknown.status, unknown.json()["code"]]).toEqual([400, "RH118"]);
    expect(await refusal(ops.get("/tenants/newone"))).toEqual([404, "RH102"]);
  });

  test("pages, by Link", async () => {
    const slugs: string[] = [];
    let path: string | undefined = "/tenants?limit=2";
    for (let pages = 0; path !== undefined && pages < 5; pages++) {
      const answer = await ops.get(path);
      slugs.push(...answer.json<{ slug: string }[]>().map(({ slug }) => slug));
      path = /<\/platform\/v1([^>]+)>; rel="next"/.exec(String(answer.headers["link"] ?? ""))?.[1];
    }
    expect(slugs).toEqual(["acme", "globex", "hooli", "initech"]);
    expect((await ops.get("/tenants?search=GLOB&status=active")).json<unknown[]>()).toHaveLength(1);
    expect(await refusal(ops.get("/tenants?limit=0"))).toEqual([400, "RH118"]);
    expect(await refusal(ops.get("/tenants?limit=1&limit=2"))).toEqual([400, "RH118"]);
  });

  test("suspend is refused at the next request with a live token, activate serves again", async () => {
    const token = await server.token("globex");
    expect((await server.get("globex.localhost", "/rest/v1/customers?limit=1", { token })).status).toBe(200);
    expect((await ops.request("POST", "/tenants/globex/suspend")).json()).toMatchObject({ status: "suspended" });
    expect((await server.get("globex.localhost", "/rest/v1/customers?limit=1", { token })).status).toBe(403);
    expect((await ops.request("POST", "/tenants/globex/activate")).json()).toMatchObject({ status: "active" });
    await eventually(async () =>
      expect((await server.get("globex.localhost", "/rest/v1/customers?limit=1", { token })).status).toBe(200),
    );
  });

  test("rename, describe, delete with a receipt", async () => {
    const changed = await ops.request("PATCH", "/tenants/hooli", {
      slug: "hooli-xyz",
      industry: null,
      contactPhone: "+1 650",
    });
    expect(changed.json()).toMatchObject({
      slug: "hooli-xyz",
      profile: { industry: null, contactPhone: "+1 650", contactName: "Gavin" },
    });
    expect(await refusal(ops.request("DELETE", "/tenants/hooli-xyz?confirm=hooli"))).toEqual([400, "RH409"]);
    const gone = await ops.request("DELETE", "/tenants/hooli-xyz?confirm=hooli-xyz");
    expect(gone.json()).toMatchObject({
      receipt: {
        rowhouse: expect.any(String),
        tenant: { slug: "hooli-xyz" },
        rowsLeft: 0,
        actor: "operator:owner@ops.example",
      },
      signature: expect.stringContaining("BEGIN SSH SIGNATURE"),
    });
    expect((await ops.get("/tenants/hooli-xyz")).status).toBe(404);
  });
});

describe("Idempotency-Key", () => {
  const post = (key: string, body: object) =>
    server.request("admin.localhost", "/platform/v1/tenants", {
      method: "POST",
      token: ops.token,
      body,
      headers: { "idempotency-key": key },
    });

  test("the same again is the same answer, and one tenant", async () => {
    const body = { slug: "once", name: "Once" };
    const first = await post('"key-1"', body);
    const again = await post("key-1", body);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.text).toBe(first.text);
    expect(again.headers["location"]).toBe(first.headers["location"]);
    expect(again.headers["idempotent-replayed"]).toBe("true");
  });

  test("another body under the key is refused", async () => {
    expect(await refusal(post("key-1", { slug: "twice", name: "Once" }))).toEqual([422, "RH441"]);
  });

  test("two at once: one makes it, the other is told that it runs, or gets its answer", async () => {
    const body = { slug: "side", name: "Side" };
    const answers = await Promise.all([post("key-2", body), post("key-2", body), post("key-2", body)]);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status !== 201 && status !== 409)).toEqual([]);
    expect(
      answers.filter((answer) => answer.status === 201 && answer.headers["idempotent-replayed"] === undefined),
    ).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 409).map((answer) => answer.json()["code"])).toEqual(
      statuses.filter((status) => status === 409).map(() => "RH440"),
    );
  });

  test("a refusal is not kept", async () => {
    expect(await refusal(post("key-3", { slug: "Bad slug", name: "x" }))).toEqual([400, "RH402"]);
    expect((await post("key-3", { slug: "good", name: "x" })).status).toBe(201);
  });

  test.each([
    ["took place", "key-5", { slug: "cleared", name: "Cleared" }, 201],
    ["was refused", "key-6", { slug: "Bad slug", name: "x" }, 400],
  ])("answers of more than a day ago go, some by each request that %s", async (_, key, body, status) => {
    await db.admin.query(
      `insert into platform.idempotency_keys (operator_id, key, request_hash, locked_until, status, created_at)
       select $1, 'old-' || n, sha256(''), now(), 201, now() - interval '24 hours' - make_interval(mins => n) from generate_series(1, 101) n`,
      [ops.operator["id"]],
    );
    const old = async () =>
      (await db.admin.query<{ key: string }>("select key from platform.idempotency_keys where key like 'old-%'")).rows;
    expect((await post(key, body)).status).toBe(status);
    expect(await old()).toEqual([{ key: "old-1" }]);
    expect((await post(key, body)).status).toBe(status);
    await post("key-7", { slug: "Bad slug", name: "x" });
    expect(await old()).toEqual([]);
    expect((await post("key-1", { slug: "once", name: "Once" })).headers["idempotent-replayed"]).toBe("true");
  });

  test("what is shown once is not shown again, nor kept", async () => {
    const invite = () =>
      server.request("admin.localhost", "/platform/v1/operators", {
        method: "POST",
        token: ops.token,
        body: { email: "shown@ops.example", role: "billing" },
        headers: { "idempotency-key": "key-4" },
      });
    const first = (await invite()).json<{ token: string }>();
    expect((await invite()).json()).toMatchObject({ token: null, link: null, email: "shown@ops.example" });
    const { rows } = await db.admin.query<{ body: string }>(
      "select body from platform.idempotency_keys where key = 'key-4'",
    );
    expect(rows[0]!.body).not.toContain(first.token);
  });
});

test("the description is OpenAPI 3.1 that validates, and has every path", async () => {
  const { Validator } = await import("@seriousme/openapi-schema-validator");
  const answer = await server.get("admin.localhost", "/platform/v1/openapi.json");
  expect(answer.status).toBe(200);
  const spec = answer.json<{ openapi: string; paths: Record<string, object> }>();
  const { valid, errors } = await new Validator().validate(structuredClone(spec));
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  expect(spec.openapi).toMatch(/^3\.1/);
  expect(Object.keys(spec.paths)).toContain("/tenants/{tenant}/domains/{domain}/verify");
});
