import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicKey } from "../../../src/auth/api-key.ts";
import { linkIdentity } from "../../../src/auth/identities.ts";
import { registerIssuer, type Registrar, type WantedIssuer } from "../../../src/auth/register-issuer.ts";
import { openCheckedFetch } from "../../../src/net/checked-fetch.ts";
import { removeIssuer } from "../../../src/tenant/issuers.ts";
import { LOOPBACK, nowSeconds, openProvider, type Provider } from "../../auth/provider.ts";
import { PATIENCE_MS, testDatabase, type TestDatabase } from "../../harness.ts";
import { eventually, testServer, type TestServer } from "../server.ts";
import { addUser, deskOf, fetchFrom, OPERATOR, PASSWORD, taken } from "./client.ts";

let db: TestDatabase;
let servers: TestServer[];
let registrar: Registrar;
/** Open to the end: the port of one that is closed may be the next one's, whose issuer would be the same. */
const providers: Provider[] = [];
let acme: string;

beforeAll(async () => {
  db = await testDatabase();
  const settings = { OUTBOUND_ALLOWED: LOOPBACK };
  servers = [await testServer(db, { settings }), await testServer(db, { settings })];
  registrar = {
    pool: db.platform,
    fetch: openCheckedFetch({ allowed: LOOPBACK, timeoutMs: PATIENCE_MS }),
    actor: "test",
  };
  acme = (await db.tenant("acme")).id;
});
afterAll(async () => {
  for (const provider of providers) await provider[Symbol.asyncDispose]();
  for (const server of servers) await server.close();
  await db.close();
});

const NOTES = "/rest/v1/customers?select=number&limit=1";
const NEW = { number: "sso-1", name: "From afar" };

/** Registered at acme, and known to all servers, which were notified. */
async function openIssuer(rules: Partial<WantedIssuer> = {}) {
  const provider = await openProvider();
  providers.push(provider);
  const wanted = { issuer: provider.issuer, audience: "app", ...rules };
  const { id } = await registerIssuer(registrar, acme, wanted);
  // Refused before any key is looked for, in other words than those for an issuer that nobody has heard of.
  const spoiled = await provider.token("ann", { header: { kid: 7 } });
  for (const at of [0, 1])
    await eventually(async () => expect((await ask(spoiled, at)).text).toContain("The token's kid is malformed"));
  return Object.assign(provider, { id });
}
const verified = (email: string) => ({ claims: { email, email_verified: true, name: "Ann Other" } });

const ask = (token: string, at = 0, host = "acme.localhost", headers = {}) =>
  servers[at]!.get(host, NOTES, { token, headers });
const write = (token: string, at = 0, body: object = NEW) =>
  servers[at]!.request("acme.localhost", "/rest/v1/customers", { method: "POST", token, body });
const statusOf = async (answer: ReturnType<typeof ask>) => {
  const { status, text } = await answer;
  return [status, text.startsWith("{") ? (JSON.parse(text) as { code: string }).code : null];
};
const userOf = async (email: string) => {
  const { rows } = await db.admin.query(
    `select u.id, u.role, u.name, u.email_confirmed_at is not null as confirmed, u.last_sign_in_at is not null as seen,
       (select count(*)::int from tenant.identities i where i.user_id = u.id and i.tenant_id = u.tenant_id) as identities,
       exists (select from tenant.credentials c where c.user_id = u.id) as password
     from tenant.users u where u.tenant_id = $1 and u.email = $2`,
    [acme, email],
  );
  return rows[0] as Record<string, unknown> | undefined;
};

describe("an issuer's token over HTTP", () => {
  test("the real supabase-js, with accessToken", async () => {
    const issuer = await openIssuer({ roleClaim: "realm_access.roles" });
    const claims = { realm_access: { roles: ["manager"] } };
    const client = createClient<never>(`http://acme.localhost:${servers[0]!.port}`, publicKey(acme), {
      accessToken: () => issuer.token("ann", { claims }),
      global: { fetch: fetchFrom(servers[0]!) },
    });
    const inserted = taken(
      await client
        .from("customers")
        .insert({ number: "sso-0", name: "By Keycloak" } as never)
        .select("number,name"),
    );
    expect(inserted).toEqual([{ number: "sso-0", name: "By Keycloak" }]);
    const { rows } = await db.admin.query(
      "select actor, role from tenant.audit_events where action = 'customers.created' and tenant_id = $1",
      [acme],
    );
    expect(rows).toContainEqual({ actor: `${issuer.id}:ann`, role: "manager" });
  });

  test("at the API's host the tenant is named by X-Tenant, or by the tenant's key", async () => {
    const issuer = await openIssuer();
    const token = await issuer.token("ann");
    expect(await statusOf(ask(token, 0, "api.localhost"))).toEqual([401, "PGRST301"]);
    expect(await statusOf(ask(token, 0, "api.localhost", { "x-tenant": "acme" }))).toEqual([200, null]);
    expect(await statusOf(ask(token, 0, "api.localhost", { apikey: publicKey(acme) }))).toEqual([200, null]);
  });

  test("another tenant's host, header or key: refused", async () => {
    const issuer = await openIssuer();
    const token = await issuer.token("ann");
    const claimed = await issuer.token("ann", { claims: { tenant: acme } });
    const globex = (await db.tenant("globex")).id;
    expect(await statusOf(ask(token, 0, "globex.localhost"))).toEqual([401, "PGRST301"]);
    expect(await statusOf(ask(claimed, 0, "globex.localhost"))).toEqual([403, "RH104"]);
    expect(await statusOf(ask(token, 0, "acme.localhost", { "x-tenant": "globex" }))).toEqual([403, "RH104"]);
    expect(await statusOf(ask(token, 0, "acme.localhost", { apikey: publicKey(globex) }))).toEqual([403, "RH104"]);
  });

  test("an issuer that is removed is trusted no more, on every server, for tokens that are out", async () => {
    const issuer = await openIssuer();
    const token = await issuer.token("ann");
    for (const at of [0, 1]) expect(await statusOf(ask(token, at))).toEqual([200, null]);
    await removeIssuer(db.platform, acme, issuer.id, "test");
    for (const at of [0, 1]) await eventually(async () => expect((await ask(token, at)).status).toBe(401));
  });

  test("keys that can't be had are 503, and other tokens go on", async () => {
    const issuer = await openIssuer();
    issuer.answer = (_, res) => res.writeHead(500).end();
    expect(await statusOf(ask(await issuer.token("ann")))).toEqual([503, "RH226"]);
    expect((await ask(await servers[0]!.token("acme"))).status).toBe(200);
    expect(servers[0]!.log.filter(({ issuer: named }) => named === issuer.issuer)).toHaveLength(1);
  });

  test("a flood of unknown keys reaches the issuer once", async () => {
    const issuer = await openIssuer();
    await ask(await issuer.token("ann"));
    const before = issuer.asked.length;
    const kids = Array.from({ length: 40 }, (_, number) => `made-up-${number}`);
    const answers = await Promise.all(
      kids.map(async (kid) => statusOf(ask(await issuer.token("ann", { header: { kid } })))),
    );
    expect(new Set(answers.map(String))).toEqual(new Set(["401,PGRST301"]));
    expect(issuer.asked.length - before).toBeLessThanOrEqual(1);
  });
});

describe("users of the tenant", () => {
  test("by a verified address; the role and whether they are active are those of now, on every server", async () => {
    const issuer = await openIssuer({ users: "match", roleClaim: "role" });
    await addUser(db, "acme", "ann@acme.example", "manager");
    const token = await issuer.token("sub-ann", {
      claims: { email: "Ann@ACME.example", email_verified: true, role: "admin" },
    });
    for (const at of [0, 1]) expect((await write(token, at, { ...NEW, number: `m-${at}` })).status).toBe(201);
    const user = await userOf("ann@acme.example");
    expect(user).toMatchObject({ identities: 1, seen: true });
    const { rows } = await db.admin.query(
      "select actor, role from tenant.audit_events where action = 'customers.created' and actor = $1",
      [user!["id"]],
    );
    expect(rows[0]).toEqual({ actor: user!["id"], role: "manager" });

    const change = (set: string) => db.admin.query(`update tenant.users set ${set} where id = $1`, [user!["id"]]);
    await change("role = 'viewer'");
    for (const at of [0, 1]) expect(await statusOf(write(token, at))).toEqual([403, "RH206"]);
    expect((await ask(token)).status).toBe(200);
    await change("is_active = false");
    for (const at of [0, 1]) expect(await statusOf(ask(token, at))).toEqual([401, "RH208"]);
    await change("is_active = true");
    expect((await ask(token)).status).toBe(200);
    await db.admin.query("delete from tenant.users where id = $1", [user!["id"]]);
    for (const at of [0, 1]) expect(await statusOf(ask(token, at))).toEqual([401, "RH207"]);
  });

  test("an address that is not verified, or is nobody's, finds nobody", async () => {
    const issuer = await openIssuer({ users: "match" });
    await addUser(db, "acme", "bob@acme.example");
    const email = "bob@acme.example";
    for (const claims of [{ email }, { email, email_verified: false }, { email_verified: true }, {}])
      expect(await statusOf(ask(await issuer.token("sub-bob", { claims })))).toEqual([403, "RH227"]);
    expect(await statusOf(ask(await issuer.token("sub-eve", verified("eve@acme.example"))))).toEqual([403, "RH227"]);
    expect(await userOf("eve@acme.example")).toBeUndefined();
    expect((await ask(await issuer.token("sub-bob", verified(email)))).status).toBe(200);
    // Now known by the subject: what addresses say is of no interest any more.
    expect((await ask(await issuer.token("sub-bob", verified("eve@acme.example")))).status).toBe(200);
  });

  test("an address that passes to somebody else does not pass on the user", async () => {
    const issuer = await openIssuer({ users: "match" });
    await addUser(db, "acme", "cleo@acme.example");
    expect((await ask(await issuer.token("first", verified("cleo@acme.example")))).status).toBe(200);
    const second = await issuer.token("second", verified("cleo@acme.example"));
    expect(await statusOf(ask(second))).toEqual([403, "RH227"]);
  });

  test("made when there is none, once, as the registration says", async () => {
    const issuer = await openIssuer({ users: "create", defaultRole: "member" });
    // All of one second: a later one would be another sign-in.
    const iat = nowSeconds();
    const shape = { claims: { ...verified("dan@acme.example").claims, iat } };
    const tokens = await Promise.all(Array.from({ length: 8 }, () => issuer.token("sub-dan", shape)));
    const answers = await Promise.all(tokens.map((token, number) => ask(token, number % 2)));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    const user = await userOf("dan@acme.example");
    expect(user).toMatchObject({ role: "member", name: "Ann Other", confirmed: true, identities: 1, password: false });
    const own = await servers[0]!.get("acme.localhost", "/auth/v1/user", { token: tokens[0]! });
    expect([own.status, own.json()["email"]]).toEqual([200, "dan@acme.example"]);
    // The password is for who signed in here.
    const changed = await servers[0]!.request("acme.localhost", "/auth/v1/user", {
      method: "PUT",
      token: tokens[0]!,
      body: { password: "a new and long password" },
    });
    expect([changed.status, changed.json()["code"]]).toEqual([401, 401]);
    const { rows } = await db.admin.query(
      "select count(*)::int as count from tenant.audit_events where action = 'identity.signed_in' and details->>'subject' = 'sub-dan'",
    );
    expect(rows).toEqual([{ count: 1 }]);
  });

  test("not beyond the plan", async () => {
    const issuer = await openIssuer({ users: "create" });
    await db.admin.query(`update tenant.subscription set limits = '{"users": 1}' where tenant_id = $1`, [acme]);
    expect(await statusOf(ask(await issuer.token("more", verified("more@acme.example"))))).toEqual([409, "RH430"]);
    await db.admin.query("update tenant.subscription set limits = '{}' where tenant_id = $1", [acme]);
  });

  test("an owner only where the registration allows owners", async () => {
    await addUser(db, "acme", "olga@acme.example", "owner");
    const strict = await openIssuer({ users: "create" });
    expect(await statusOf(ask(await strict.token("olga", verified("olga@acme.example"))))).toEqual([403, "RH227"]);
    const open = await openIssuer({ users: "match", allowsOwner: true });
    expect((await ask(await open.token("olga", verified("olga@acme.example")))).status).toBe(200);
  });

  test("a password that somebody else set for the address is gone when its owner comes", async () => {
    await addUser(db, "acme", "fay@acme.example");
    await db.admin.query("update tenant.users set email_confirmed_at = null where email = 'fay@acme.example'");
    const issuer = await openIssuer({ users: "match" });
    expect((await ask(await issuer.token("fay", verified("fay@acme.example")))).status).toBe(200);
    expect(await userOf("fay@acme.example")).toMatchObject({ password: false, confirmed: true });
    const signedIn = await servers[0]!.request("acme.localhost", "/auth/v1/token?grant_type=password", {
      method: "POST",
      body: { email: "fay@acme.example", password: PASSWORD },
    });
    expect(signedIn.status).toBe(400);
  });

  test("linked by hand, where the issuer verifies no address", async () => {
    const issuer = await openIssuer({ users: "match" });
    await addUser(db, "acme", "gus@acme.example");
    await addUser(db, "acme", "hal@acme.example");
    const desk = await deskOf(db, "acme");
    const identity = { issuer: issuer.issuer, subject: "oid-1" };
    await linkIdentity(desk, OPERATOR, "gus@acme.example", identity);
    const token = await issuer.token("oid-1");
    expect((await ask(token)).status).toBe(200);
    await expect(linkIdentity(desk, OPERATOR, "hal@acme.example", identity)).rejects.toMatchObject({ code: "RH228" });
    await expect(linkIdentity(desk, OPERATOR, "nobody@acme.example", identity)).rejects.toMatchObject({
      code: "RH219",
    });
    await linkIdentity(desk, OPERATOR, "gus@acme.example", identity);
    const { rows } = await db.admin.query<{ email: string }>(
      "select details ->> 'email' as email from tenant.audit_events where action = 'identity.linked' and details ->> 'issuer' = $1",
      [issuer.issuer],
    );
    expect(rows).toEqual([{ email: "gus@acme.example" }]);
  });
});
