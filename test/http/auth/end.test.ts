import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createKey, revokeKey, rotateKey, listKeys, type KeyRights } from "../../../src/auth/api-keys.ts";
import { changeMember } from "../../../src/auth/members.ts";
import { setTenantStatus } from "../../../src/tenant/change.ts";
import type { Tenant } from "../../../src/tenant/tenant.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { eventually, testServer, type TestServer } from "../server.ts";
import { addUser, deskOf, OPERATOR, PASSWORD, supabase, taken } from "./client.ts";

let db: TestDatabase;
/** Two server processes of one deployment, as far as one process can have them: nothing is shared between them but the database. */
let servers: TestServer[];
let acme: Tenant;

beforeAll(async () => {
  db = await testDatabase();
  servers = [await testServer(db), await testServer(db)];
  acme = await db.tenant("acme");
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await db.close();
});

const READ = "/rest/v1/customers?select=id&limit=1";
type Outcome = readonly [status: number, code: unknown];

/** The next request at each server, in the order of the servers; what was cached there stays cached. */
async function ask(token: string, path = READ, options: { method?: string; body?: unknown } = {}): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const server of servers) {
    const answer = await server.request("acme.localhost", path, { token, ...options });
    const body: unknown = answer.text === "" ? null : answer.json();
    outcomes.push([answer.status, (body as { code?: unknown } | null)?.code]);
  }
  return outcomes;
}
const both = (status: number, code?: string): Outcome[] => [
  [status, code],
  [status, code],
];

async function signIn(email: string, at = servers[0]!) {
  const client = supabase(at, acme);
  const { session } = taken(await client.auth.signInWithPassword({ email, password: PASSWORD }));
  return { client, session };
}

async function key(rights: KeyRights, name = "till") {
  return createKey(await deskOf(db, "acme"), OPERATOR, acme.id, { name, rights });
}

describe("with a live token, at the next request, on every server", () => {
  let token: string;
  let email: string;
  let number = 0;

  beforeEach(async () => {
    email = `user${++number}@acme.example`;
    await addUser(db, "acme", email, "manager");
    token = (await signIn(email)).session.access_token;
    await ask(token); // so that both servers have it in memory
  });

  test("a user who was deactivated is refused, and let in again when activated and signed in", async () => {
    const desk = await deskOf(db, "acme");
    await changeMember(desk, OPERATOR, email, { isActive: false });
    const outcomes = await ask(token);
    expect(outcomes.map(([status]) => status)).toEqual([401, 401]);
    expect((await supabase(servers[0]!, acme).auth.signInWithPassword({ email, password: PASSWORD })).error?.code).toBe(
      "invalid_credentials",
    );
    await changeMember(desk, OPERATOR, email, { isActive: true });
    expect(await ask(token)).toEqual(both(401, "RH207")); // what was ended stays so
    expect(await ask((await signIn(email)).session.access_token)).toEqual(both(200));
  });

  test("a user who is made inactive by SQL alone is refused as well", async () => {
    await db.admin.query("update tenant.users set is_active = false where email = $1", [email]);
    expect(await ask(token)).toEqual(both(401, "RH208"));
  });

  test("a lowered role counts, whatever the token says", async () => {
    const { rows } = await db.admin.query<{ id: string }>("select id from app.customers where tenant_id = $1 limit 1", [
      acme.id,
    ]);
    const path = `/rest/v1/customers?id=eq.${rows[0]!.id}`;
    const write = { method: "PATCH", body: { name: "written" } };
    expect(await ask(token, path, write)).toEqual(both(204));
    await changeMember(await deskOf(db, "acme"), OPERATOR, email, { role: "viewer" });
    expect(await ask(token, path, write)).toEqual(both(403, "RH206"));
    expect(await ask(token)).toEqual(both(200));
  });

  test("a suspended tenant is refused, its sign-in too, and served again after", async () => {
    const { session } = await signIn(email, servers[1]);
    await setTenantStatus(db.platform, "acme", "suspended", "test");
    try {
      expect(await ask(token)).toEqual(both(403, "RH103"));
      const late = { method: "POST", body: { refresh_token: session.refresh_token } };
      expect(await ask(token, "/auth/v1/token?grant_type=refresh_token", late)).toEqual([
        [403, 403],
        [403, 403],
      ]);
    } finally {
      await setTenantStatus(db.platform, "acme", "active", "test");
    }
    await eventually(async () => expect(await ask(token)).toEqual(both(200)));
  });

  test("a session that its user ends elsewhere is over; the others are not", async () => {
    const other = await signIn(email, servers[1]);
    expect((await other.client.auth.signOut({ scope: "others" })).error).toBeNull();
    expect(await ask(token)).toEqual(both(401, "RH207"));
    expect(await ask(other.session.access_token)).toEqual(both(200));
    expect((await other.client.auth.signOut({ scope: "global" })).error).toBeNull();
    expect(await ask(other.session.access_token)).toEqual(both(401, "RH207"));
  });
});

describe("refresh tokens", () => {
  const refresh = (refresh_token: string, at = 0) =>
    servers[at]!.request("acme.localhost", "/auth/v1/token?grant_type=refresh_token", {
      method: "POST",
      body: { refresh_token },
    });

  test("a stolen one used twice ends the session for both hands", async () => {
    await addUser(db, "acme", "thief@acme.example");
    const { session } = await signIn("thief@acme.example");
    const next = (await refresh(session.refresh_token)).json<{ refresh_token: string; access_token: string }>();
    // As if the first use was a while ago.
    await db.admin.query(
      "update tenant.refresh_tokens set used_at = used_at - interval '11 seconds' where used_at is not null",
    );
    const second = await refresh(session.refresh_token, 1);
    expect([second.status, second.json()["error_code"]]).toEqual([400, "refresh_token_already_used"]);
    expect(await ask(next.access_token)).toEqual(both(401, "RH207"));
    expect((await refresh(next.refresh_token)).json()["error_code"]).toBe("session_not_found");
    const { rows } = await db.admin.query(
      "select details from tenant.audit_events where action = 'session.token_reused'",
    );
    expect(rows).toHaveLength(1);
  });

  test("two tabs that refresh at the same moment both go on, on two servers", async () => {
    await addUser(db, "acme", "tabs@acme.example");
    const { session } = await signIn("tabs@acme.example");
    const answers = await Promise.all([0, 1, 0, 1].map((at) => refresh(session.refresh_token, at)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    for (const answer of answers) {
      expect((await refresh(answer.json<{ refresh_token: string }>().refresh_token)).status).toBe(200);
    }
  });

  test("nothing else is taken for one, and it is taken for nothing else", async () => {
    await addUser(db, "acme", "kinds@acme.example");
    const { session } = await signIn("kinds@acme.example");
    expect((await refresh(session.access_token)).json()["error_code"]).toBe("refresh_token_not_found");
    expect(await ask(session.refresh_token)).toEqual(both(401, "PGRST301"));
    const globex = await servers[0]!.request("globex.localhost", "/auth/v1/token?grant_type=refresh_token", {
      method: "POST",
      body: { refresh_token: session.refresh_token },
    });
    expect(globex.json()["error_code"]).toBe("refresh_token_not_found");
    const { rows } = await db.admin.query("select from tenant.refresh_tokens where encode(hash, 'escape') like $1", [
      `%${session.refresh_token}%`,
    ]);
    expect(rows).toEqual([]);
  });
});

describe("API keys", () => {
  test("work as apikey and as bearer, at the tenant's host and at the API's, for what they are scoped to", async () => {
    const { key: text, prefix } = await key({ scopes: { customers: ["select"] } });
    expect(text).toMatch(/^rh_live_[0-9A-Za-z]{71}$/);
    expect(text.startsWith(prefix)).toBe(true);
    const headers = { apikey: text };
    expect((await servers[0]!.get("acme.localhost", READ, { headers })).status).toBe(200);
    expect((await servers[0]!.get("api.localhost", READ, { token: text })).status).toBe(200);
    expect((await servers[0]!.get("globex.localhost", READ, { token: text })).json()["code"]).toBe("RH104");
    const invoices = await servers[0]!.get("acme.localhost", "/rest/v1/invoices?limit=1", { headers });
    expect([invoices.status, invoices.json()["code"]]).toEqual([403, "RH206"]);
    const inserted = await servers[0]!.request("acme.localhost", "/rest/v1/customers", {
      method: "POST",
      headers,
      body: { number: "k", name: "k" },
    });
    expect(inserted.status).toBe(403);
    const client = supabase(servers[0]!, acme, text);
    expect((await client.from("customers").select("id").limit(1)).data).toHaveLength(1);
  });

  test("one that is revoked is refused at the next request, also beside a session's token", async () => {
    const { key: text, id } = await key({ role: "manager" });
    await addUser(db, "acme", "beside@acme.example");
    const { session } = await signIn("beside@acme.example");
    const mixed = () =>
      servers[0]!.get("acme.localhost", READ, { token: session.access_token, headers: { apikey: text } });
    expect(await ask(text)).toEqual(both(200));
    expect((await mixed()).status).toBe(200);
    await revokeKey(await deskOf(db, "acme"), OPERATOR, id);
    expect(await ask(text)).toEqual(both(401, "RH207"));
    expect((await mixed()).status).toBe(401);
    expect(await ask(session.access_token)).toEqual(both(200));
  });

  test("a rotated one and its follower work side by side until the old one expires", async () => {
    const desk = await deskOf(db, "acme");
    const old = await key({ role: "viewer" }, "rotated");
    const next = await rotateKey(desk, OPERATOR, acme.id, old.id, { overlapSeconds: 3600 });
    expect([next.replaces, next.role, next.name]).toEqual([old.id, "viewer", "rotated"]);
    expect([await ask(old.key), await ask(next.key)]).toEqual([both(200), both(200)]);
    const last = await rotateKey(desk, OPERATOR, acme.id, next.id, { overlapSeconds: 0 });
    expect([await ask(next.key), await ask(last.key)]).toEqual([both(401, "RH207"), both(200)]);
  });

  test("when one was used is noted", async () => {
    const made = await key({ role: "viewer" }, "noted");
    await ask(made.key);
    const lastUsed = async () =>
      (await listKeys(await deskOf(db, "acme"), OPERATOR)).find(({ id }) => id === made.id)?.lastUsedAt;
    await eventually(async () => expect(await lastUsed()).toEqual(expect.any(String)));
    const first = await lastUsed();
    await ask(made.key);
    expect(await lastUsed()).toBe(first);
  });

  test("what looks like a key and is none is refused, and no key is kept or logged", async () => {
    const made = await key({ role: "viewer" }, "secret");
    expect(await ask(`${made.key.slice(0, -1)}${made.key.endsWith("0") ? "1" : "0"}`)).toEqual(both(401, "RH207"));
    expect(await ask(made.key.slice(0, -1))).toEqual(both(401, "PGRST301"));
    expect(await ask("rh_test_0000000000000000000000")).toEqual(both(401, "PGRST301"));
    await ask(made.key);
    const secret = made.key.slice(-43);
    expect(servers.flatMap(({ log }) => log).filter((line) => JSON.stringify(line).includes(secret))).toEqual([]);
    const { rows } = await db.admin.query("select from tenant.api_keys k where k::text like '%' || $1 || '%'", [
      secret,
    ]);
    expect(rows).toEqual([]);
    const audit = await db.admin.query("select from tenant.audit_events e where e::text like '%' || $1 || '%'", [
      secret,
    ]);
    expect(audit.rows).toEqual([]);
  });
});
