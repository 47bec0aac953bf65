import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SignJWT } from "jose";
import { setTokenSecret } from "../../src/auth/secrets.ts";
import { LOOPBACK, openProvider, type Provider } from "../auth/provider.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { openOperator, type TestOperator } from "./operator.ts";
import { testServer, type TestAnswer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let ops: TestOperator;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db, { settings: { OUTBOUND_ALLOWED: LOOPBACK } });
  ops = await openOperator(db, server);
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const codeOf = async (asked: Promise<TestAnswer>) => {
  const answer = await asked;
  return [answer.status, answer.json<{ code: string }>().code];
};

describe("plans and subscriptions", () => {
  test("make, change, default, remove", async () => {
    const made = await ops.request("POST", "/plans", {
      name: "team",
      title: "Team",
      limits: { users: 3, locations: 1 },
    });
    expect([made.status, made.json()]).toMatchObject([
      201,
      { name: "team", limits: { users: 3, locations: 1 }, isDefault: false },
    ]);
    expect(await codeOf(ops.request("POST", "/plans", { name: "team" }))).toEqual([409, "RH433"]);
    expect(
      (await ops.request("PATCH", "/plans/team", { isDefault: true, features: { sso: true } })).json(),
    ).toMatchObject({
      isDefault: true,
      features: { sso: true },
      limits: { users: 3, locations: 1 },
    });
    expect(await codeOf(ops.request("DELETE", "/plans/team"))).toEqual([409, "RH434"]);
    expect(await codeOf(ops.request("PATCH", "/plans/team", { isDefault: false }))).toEqual([409, "RH434"]);
    await ops.request("PATCH", "/plans/standard", { isDefault: true });
    const plans = (await ops.get("/plans")).json<{ name: string; isDefault: boolean }[]>();
    expect(plans.map(({ name, isDefault }) => [name, isDefault])).toEqual([
      ["standard", true],
      ["team", false],
    ]);
    expect(await codeOf(ops.request("POST", "/plans", { name: "bad", limits: { users: -1 } }))).toEqual([400, "RH118"]);
    expect(await codeOf(ops.get("/plans/none"))).toEqual([404, "RH432"]);
  });

  test("a subscription's limits hold in the database, and stay what was sold", async () => {
    const renewsAt = "2030-01-31T12:00:00.250Z";
    const wanted = { plan: "team", limits: { locations: 2 }, renewsAt };
    const set = await ops.request("PUT", "/tenants/initech/subscription", wanted);
    const sold = { plan: "team", status: "active", limits: { users: 3, locations: 2 }, renewsAt, trialEndsAt: null };
    expect(set.json()).toMatchObject(sold);
    await ops.request("PATCH", "/plans/team", { limits: { users: 100 } });
    expect((await ops.get("/tenants/initech/subscription")).json()).toMatchObject({ limits: { users: 3 } });
    const invited = [];
    for (let i = 0; i < 3; i++)
      invited.push(await ops.request("POST", "/tenants/initech/users", { email: `u${i}@initech.example` }));
    expect(invited.map(({ status }) => status)).toEqual([201, 409, 409]); // two are there
    expect(invited[1]!.json()).toMatchObject({ code: "RH430", title: "The plan allows 3 users" });
    const removed = await ops.request("DELETE", "/plans/team");
    expect(removed.status).toBe(200);
    expect((await ops.get("/tenants/initech/subscription")).json()).toMatchObject({
      plan: "team",
      limits: { users: 3 },
    });
  });
});

describe("users of a tenant", () => {
  test("invite by e-mail, list, deactivate: refused at the next request", async () => {
    const made = await ops.request("POST", "/tenants/acme/users", {
      email: "Zoe@acme.example",
      role: "manager",
      name: "Zoe",
    });
    expect([made.status, made.json()]).toMatchObject([
      201,
      { email: "zoe@acme.example", role: "manager", isActive: true },
    ]);
    expect((await db.admin.query("select from platform.outbox where to_address = 'zoe@acme.example'")).rowCount).toBe(
      1,
    );
    const list = (await ops.get("/tenants/acme/users")).json<{ email: string }[]>();
    expect(list.map(({ email }) => email)).toContain("zoe@acme.example");
    const changed = await ops.request("PATCH", "/tenants/acme/users/zoe@acme.example", { isActive: false });
    expect(changed.json()).toMatchObject({ isActive: false });
    expect(await codeOf(ops.request("PATCH", "/tenants/acme/users/no@acme.example", {}))).toEqual([404, "RH219"]);
    const { rows } = await db.admin.query<{ actor: string }>(
      "select actor from tenant.audit_events where action = 'users.updated' and actor like 'operator:%'",
    );
    expect(rows).toEqual([{ actor: "operator:owner@ops.example" }]);
  });
});

describe("domains", () => {
  const path = "/tenants/acme/domains";

  test("the record is in the answer; not proved is not served; primary leads the links", async () => {
    const added = await ops.request("POST", path, { name: "Shop.acme.example" });
    expect([added.status, added.json()]).toMatchObject([
      201,
      {
        name: "shop.acme.example",
        verifiedAt: null,
        record: { type: "TXT", name: "_rowhouse-challenge.shop.acme.example" },
      },
    ]);
    expect(await codeOf(ops.request("POST", `${path}/shop.acme.example/primary`))).toEqual([409, "RH408"]);
    await db.admin.query("update platform.domains set verified_at = now() where name = 'shop.acme.example'");
    expect((await ops.request("POST", `${path}/shop.acme.example/primary`)).json()).toMatchObject({ isPrimary: true });
    await ops.request("POST", "/tenants/acme/users", { email: "linked@acme.example" });
    const { rows } = await db.admin.query<{ text: string }>(
      "select text from platform.outbox where to_address = 'linked@acme.example'",
    );
    expect(rows[0]!.text).toContain("//shop.acme.example");
    expect((await ops.request("POST", `${path}/acme/primary`)).json()).toMatchObject({ isPrimary: true, name: "acme" });
    const list = (await ops.get(path)).json<{ name: string; isPrimary: boolean }[]>();
    expect(list.map(({ name, isPrimary }) => [name, isPrimary])).toEqual([
      ["acme", true],
      ["shop.acme.example", false],
    ]);
  });

  test("given up, it is nobody else's for a week, and its owner's at once (threats.md, H10)", async () => {
    expect((await ops.request("DELETE", `${path}/shop.acme.example`)).status).toBe(200);
    const taken = await ops.request("POST", "/tenants/globex/domains", { name: "shop.acme.example" });
    expect([taken.status, taken.json()["code"]]).toEqual([409, "RH435"]);
    expect((await ops.request("POST", path, { name: "shop.acme.example" })).status).toBe(201);
    await ops.request("DELETE", `${path}/shop.acme.example`);
    await db.admin.query("update platform.domain_cool_downs set ends_at = now()");
    expect((await ops.request("POST", "/tenants/globex/domains", { name: "shop.acme.example" })).status).toBe(201);
  });

  test("of a deleted tenant, too; a claim that was never proved leaves nothing", async () => {
    await ops.request("POST", "/tenants", { slug: "brief", name: "Brief" });
    await ops.request("POST", "/tenants/brief/domains", { name: "proved.example" });
    await ops.request("POST", "/tenants/brief/domains", { name: "claimed.example" });
    await db.admin.query("update platform.domains set verified_at = now() where name = 'proved.example'");
    await ops.request("DELETE", "/tenants/brief?confirm=brief");
    expect(await codeOf(ops.request("POST", path, { name: "proved.example" }))).toEqual([409, "RH435"]);
    expect((await ops.request("POST", path, { name: "claimed.example" })).status).toBe(201);
  });
});

describe("issuers", () => {
  const path = "/tenants/acme/issuers";
  let provider: Provider;
  beforeAll(async () => {
    provider = await openProvider();
  });
  afterAll(() => provider[Symbol.asyncDispose]());

  test("by key set or by a secret that is shown once; of this tenant alone", async () => {
    const wanted = { issuer: provider.issuer, audience: "acme", jwksUrl: provider.jwksUrl, roleClaim: "role" };
    const added = await ops.request("POST", path, wanted);
    expect([added.status, added.json()]).toMatchObject([
      201,
      { kind: "jwks", secret: null, defaultRole: "viewer", users: "none", allowsOwner: false },
    ]);
    expect(await codeOf(ops.request("POST", "/tenants/globex/issuers", wanted))).toEqual([409, "RH224"]);
    const shared = await ops.request("POST", path, { issuer: "acme-backend", audience: "acme" });
    const { secret } = shared.json<{ secret: string }>();
    expect(secret).toMatch(/^[\w-]{64}$/);
    expect(await codeOf(ops.request("POST", path, { issuer: "acme-backend", audience: "x" }))).toEqual([409, "RH439"]);
    const list = await ops.get(path);
    expect(list.json<unknown[]>()).toHaveLength(2);
    expect(list.text).not.toContain(secret);
    const { id } = added.json<{ id: string }>();
    expect(await codeOf(ops.request("DELETE", `/tenants/globex/issuers/${id}`))).toEqual([404, "RH438"]);
    expect((await ops.request("DELETE", `${path}/${id}`)).status).toBe(204);
    const { rows } = await db.admin.query<{ details: string }>(
      "select details::text from platform.audit_events where action = 'issuer.added'",
    );
    expect(rows.map(({ details }) => details).join()).not.toContain('secret":');
  });

  test("by its own word where its keys are; changed, and users linked to its subjects", async () => {
    const added = await ops.request("POST", path, { issuer: provider.issuer, audience: "acme", users: "match" });
    expect([added.status, added.json()]).toMatchObject([201, { jwksUrl: provider.jwksUrl, users: "match" }]);
    const { id } = added.json<{ id: string }>();
    const roles = { staff: "manager" };
    const changed = await ops.request("PATCH", `${path}/${id}`, { roleClaim: "groups", roles, isActive: false });
    expect([changed.status, changed.json()]).toMatchObject([
      200,
      { roleClaim: "groups", roles, isActive: false, users: "match", jwksUrl: provider.jwksUrl },
    ]);
    expect(await codeOf(ops.request("PATCH", `${path}/${id}`, { defaultRole: "owner" }))).toEqual([422, "RH225"]);
    expect(await codeOf(ops.request("PATCH", `/tenants/globex/issuers/${id}`, { isActive: true }))).toEqual([
      404,
      "RH438",
    ]);
    await ops.request("POST", "/tenants/acme/users", { email: "ann@acme.example" });
    const identity = { email: "ann@acme.example", subject: "oid-1" };
    const linked = await ops.request("PUT", `${path}/${id}/identities`, identity);
    expect([linked.status, linked.json()]).toMatchObject([200, { issuer: provider.issuer, subject: "oid-1" }]);
    const nobody = { email: "nobody@acme.example", subject: "oid-2" };
    expect(await codeOf(ops.request("PUT", `${path}/${id}/identities`, nobody))).toEqual([404, "RH219"]);
  });

  test.each([
    [{ jwksUrl: "http://10.0.0.1/" }, 422, "RH222"],
    [{ jwksUrl: "https://169.254.169.254/latest" }, 422, "RH222"],
    [{ jwksUrl: "https://user:pass@id.example/jwks" }, 422, "RH222"],
    [{ jwksUrl: "file:///etc/passwd" }, 400, "RH118"],
    [{ issuer: "https://10.0.0.1" }, 422, "RH222"],
    [{ issuer: "with a space" }, 400, "RH118"],
    [{ jwksUrl: "https://id.example/", kind: "secret" }, 422, "RH225"],
  ])("%j is refused: %s %s", async (wanted, status, code) => {
    expect(await codeOf(ops.request("POST", path, { issuer: "x", audience: "x", ...wanted }))).toEqual([status, code]);
  });
});

describe("impersonation", () => {
  const path = "/tenants/acme/impersonations";
  const rest = (token: string, method = "GET", body?: object) =>
    server.request("acme.localhost", "/rest/v1/customers?limit=1", {
      method,
      token,
      ...(body !== undefined && { body }),
    });

  test("reads and does not write, is seen by the tenant, ends when it is ended", async () => {
    const begun = await ops.request("POST", path, { reason: "Ticket 4711", role: "admin" });
    expect(begun.status).toBe(201);
    const { token, id } = begun.json<{ token: string; id: string }>();
    expect((await rest(token)).status).toBe(200);
    const denied = await server.request("acme.localhost", "/rest/v1/customers", {
      method: "POST",
      token,
      body: { number: "N-1", name: "Nobody" },
    });
    expect([denied.status, denied.json()["code"]]).toEqual([403, "RH206"]);

    const { rows } = await db.admin.query<{ details: object }>(
      "select details from tenant.audit_events where action = 'impersonation.started'",
    );
    expect(rows).toMatchObject([{ details: { operator: "owner@ops.example", reason: "Ticket 4711", writes: false } }]);
    expect((await ops.get(path)).json<unknown[]>()).toHaveLength(2); // the test's members have one

    expect((await ops.request("DELETE", `${path}/${id}`)).json()).toMatchObject({ endedAt: expect.any(String) });
    expect(await codeOf(rest(token))).toEqual([401, "RH207"]);
    expect(await codeOf(ops.request("DELETE", `${path}/${crypto.randomUUID()}`))).toEqual([404, "RH442"]);
  });

  test("its end is noted once, and of one that there is not nothing", async () => {
    const { id } = (await ops.request("POST", path, { reason: "Ticket 4713" })).json<{ id: string }>();
    const nobodys = crypto.randomUUID();
    const ends = () =>
      db.admin.query<{ id: string }>(
        "select details ->> 'id' as id from tenant.audit_events where action = 'impersonation.ended' and details ->> 'id' = any ($1)",
        [[id, nobodys]],
      );
    const first = await ops.request("DELETE", `${path}/${id}`);
    const again = await ops.request("DELETE", `${path}/${id}`);
    expect(again.json()).toEqual(first.json());
    expect(await codeOf(ops.request("DELETE", `${path}/${nobodys}`))).toEqual([404, "RH442"]);
    expect((await ends()).rows).toEqual([{ id }]);
  });

  test("writes when that was asked for, under the operator's name", async () => {
    const begun = await ops.request("POST", path, { reason: "Ticket 4712", role: "admin", writes: true, minutes: 5 });
    const { token } = begun.json<{ token: string }>();
    const written = await server.request("acme.localhost", "/rest/v1/customers", {
      method: "POST",
      token,
      body: { number: "OPS-1", name: "By an operator" },
    });
    expect(written.status).toBe(201);
    const { rows } = await db.admin.query<{ actor: string }>(
      "select actor from tenant.audit_events where action = 'customers.created' or action = 'customers.inserted'",
    );
    expect(rows).toEqual([{ actor: "operator:owner@ops.example" }]);
    expect((await server.get("globex.localhost", "/rest/v1/customers", { token })).status).toBe(403);
  });

  test("nobody else takes an operator's name: not the tenant's own backend, not a token without an impersonation", async () => {
    const { secret, issuer, tenantId } = await setTokenSecret(db.platform, "acme", "test");
    const { rows } = await db.admin.query<{ id: string }>(
      "select id from tenant.impersonations where operator = 'owner@ops.example'",
    );
    const forge = (claims: Record<string, unknown>) =>
      new SignJWT({ tenant: tenantId, role: "admin", ...claims })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setIssuer(issuer)
        .setAudience("rowhouse")
        .setSubject("operator:owner@ops.example")
        .setIssuedAt()
        .setExpirationTime("5m")
        .sign(Buffer.from(secret));
    for (const claims of [{}, { impersonation_id: rows[0]!.id }]) {
      expect(await codeOf(rest(await forge(claims)))).toEqual([401, "PGRST303"]);
    }
  });

  test("who may not", async () => {
    const reader = await ops.invite("reader@ops.example", "read-only");
    expect(await codeOf(reader.request("POST", path, { reason: "curious" }))).toEqual([403, "RH231"]);
    expect(await codeOf(ops.request("POST", path, { role: "viewer" }))).toEqual([400, "RH118"]);
    expect(await codeOf(ops.request("POST", path, { reason: "x", role: "nosuchrole" }))).toEqual([400, "RH431"]);
  });
});

describe("audit and databases", () => {
  test("pages of the audit trail; what a tenant's names", async () => {
    const first = await ops.get("/audit?limit=3");
    const [newest] = first.json<{ id: string; action: string }[]>();
    expect(first.json<unknown[]>()).toHaveLength(3);
    const next = /<\/platform\/v1([^>]+)>/.exec(String(first.headers["link"]))![1]!;
    const second = (await ops.get(next)).json<{ id: string }[]>();
    expect(Number(second[0]!.id)).toBeLessThan(Number(newest!.id));
    const own = (await ops.get("/tenants/acme/audit?limit=1000")).json<{ tenantId: string; action: string }[]>();
    expect(new Set(own.map(({ tenantId }) => tenantId))).toEqual(new Set([(await db.tenant("acme")).id]));
    expect(own.map(({ action }) => action)).toContain("domain.removed");
    expect(own.map(({ action }) => action)).toContain("issuer.added");
  });

  test("health of a database; the outbox without its links", async () => {
    const list = (await ops.get("/databases")).json<{ name: string }[]>();
    expect(list.map(({ name }) => name)).toEqual(["shared"]);
    expect((await ops.get("/databases/shared/health")).json()).toMatchObject({
      name: "shared",
      version: "equal",
      latencyMs: expect.any(Number),
    });
    expect(await codeOf(ops.get("/databases/none/health"))).toEqual([404, "RH702"]);
    const mail = await ops.get("/mail");
    expect(mail.status).toBe(200);
    expect(mail.text).not.toContain("token=");
  });
});
