import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicKey } from "../../../src/auth/api-key.ts";
import { createKey, revokeKey, rotateKey } from "../../../src/auth/api-keys.ts";
import { linkFirstOperator } from "../../../src/auth/operator-links.ts";
import { changeMember } from "../../../src/auth/members.ts";
import type { Tenant } from "../../../src/tenant/tenant.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { silently } from "../../tenant/relocate.ts";
import { startServerProcess, type ServerProcess } from "../process.ts";
import { eventually, send, type TestAnswer, type TestRequest } from "../server.ts";
import { addUser, deskOf, OPERATOR, PASSWORD, supabase, taken } from "./client.ts";

/**
 * Everything that carries a right, and everything that ends one: the very next request is refused at each of two server processes, which
 * both had served it, and of which only the first one, or none, was told.
 */
let db: TestDatabase;
let processes: ServerProcess[];
let acme: Tenant;
/** Of an operator with the role owner. */
let owner: string;

beforeAll(async () => {
  db = await testDatabase();
  acme = await db.tenant("acme");
  processes = await Promise.all([startServerProcess(db.url), startServerProcess(db.url)]);
  const link = await linkFirstOperator(db.platform, "test");
  owner = await acceptLink({ token: link!.token, email: "owner@ops.example" });
});
afterAll(async () => {
  await Promise.all(processes.map((one) => one.end()));
  await db?.close();
});

const platform = (at: number, method: string, path: string, token: string | undefined, body?: object) =>
  send(processes[at]!.port, "admin.localhost", `/platform/v1${path}`, { method, token, body });

async function acceptLink(body: object): Promise<string> {
  const answer = await platform(0, "POST", "/sessions/link", undefined, { ...body, password: "correct battery horse" });
  return answer.json<{ token: string }>().token;
}

/** What a credential is told: at each process, a read and a write. */
interface Told {
  readonly read: unknown[];
  readonly write: unknown[];
}
type Outcome = number | string;
const told = (read: Outcome, write: Outcome = read): Told => ({ read: [read, read], write: [write, write] });
const outcomeOf = (answer: TestAnswer): Outcome =>
  answer.status < 300 ? answer.status : String(answer.json()["code"]);

/** The next requests with these headers. */
async function ask(headers: Record<string, string>): Promise<Told> {
  const each = (options: TestRequest) =>
    Promise.all(
      processes.map(async ({ port }) =>
        outcomeOf(await send(port, HOST, `/rest/v1/customers?id=eq.${acme.id}`, options)),
      ),
    );
  const read = await each({ headers });
  return { read, write: await each({ method: "PATCH", headers, body: { name: "written" } }) };
}

const HOST = "acme.localhost";
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
let number = 0;

async function newUser(role = "manager"): Promise<string> {
  const email = `live${++number}@acme.example`;
  await addUser(db, "acme", email, role);
  await db.admin.query("delete from platform.sign_in_attempts");
  return email;
}

async function signIn(email: string, at = 0) {
  const client = supabase(processes[at]!, acme);
  const { session } = taken(await client.auth.signInWithPassword({ email, password: PASSWORD }));
  return { client, headers: bearer(session.access_token) };
}

/** As a page of the tenant's host does. */
const PAGE = { "sec-fetch-site": "same-origin" };
async function signInByCookie(email: string): Promise<Record<string, string>> {
  const path = "/auth/v1/token?grant_type=password&cookie=1";
  const answer = await send(processes[0]!.port, HOST, path, {
    method: "POST",
    headers: { ...PAGE, apikey: publicKey(acme.id) },
    body: { email, password: PASSWORD },
  });
  return { ...PAGE, cookie: answer.headers["set-cookie"]![0]!.split(";")[0]! };
}

async function impersonate(writes = true): Promise<{ headers: Record<string, string>; id: string }> {
  const wanted = { reason: "A question of theirs", role: "manager", writes };
  const begun = await platform(0, "POST", "/tenants/acme/impersonations", owner, wanted);
  const { token, id } = begun.json<{ token: string; id: string }>();
  return { headers: bearer(token), id };
}

const key = async (overlap?: string) =>
  createKey(await deskOf(db, "acme"), OPERATOR, acme.id, { name: overlap ?? "till", rights: { role: "manager" } });

const FINE = told(200, 204);
const OVER = told("RH207");

describe("with what was live a moment ago, at the next request, on two server processes", { timeout: 180_000 }, () => {
  test("a session that was ended: this one, the others, all", async () => {
    const email = await newUser();
    const [first, second, third] = [await signIn(email, 0), await signIn(email, 1), await signIn(email, 0)];
    expect(await Promise.all([first, second, third].map(({ headers }) => ask(headers)))).toEqual([FINE, FINE, FINE]);
    await first.client.auth.signOut({ scope: "local" });
    expect([await ask(first.headers), await ask(second.headers)]).toEqual([OVER, FINE]);
    await second.client.auth.signOut({ scope: "others" });
    expect([await ask(third.headers), await ask(second.headers)]).toEqual([OVER, FINE]);
    await second.client.auth.signOut({ scope: "global" });
    expect(await ask(second.headers)).toEqual(OVER);
  });

  test("the cookie of a session that was ended, of a lowered role, of a deactivated user", async () => {
    const email = await newUser();
    const cookie = await signInByCookie(email);
    expect(await ask(cookie)).toEqual(FINE);
    const ended = await send(processes[0]!.port, HOST, "/auth/v1/logout?scope=local", {
      method: "POST",
      headers: cookie,
    });
    expect([ended.status, await ask(cookie)]).toEqual([204, OVER]);
    const next = await signInByCookie(email);
    expect(await ask(next)).toEqual(FINE);
    const desk = await deskOf(db, "acme");
    await changeMember(desk, OPERATOR, email, { role: "viewer" });
    expect(await ask(next)).toEqual(told(200, "RH206"));
    await changeMember(desk, OPERATOR, email, { isActive: false });
    expect(await ask(next)).toEqual(OVER);
  });

  test("an impersonation that was ended, and one that has run out", async () => {
    const [first, second] = [await impersonate(), await impersonate()];
    expect([await ask(first.headers), await ask(second.headers)]).toEqual([FINE, FINE]);
    expect((await platform(0, "DELETE", `/tenants/acme/impersonations/${first.id}`, owner)).status).toBe(200);
    expect([await ask(first.headers), await ask(second.headers)]).toEqual([OVER, FINE]);
    // Before its token does.
    await db.admin.query("update tenant.impersonations set expires_at = now() where id = $1", [second.id]);
    expect(await ask(second.headers)).toEqual(OVER);
  });

  test("a key that was rotated, when the overlap is over, and one that was revoked", async () => {
    const [old, revoked] = [await key("old"), await key("revoked")];
    const desk = await deskOf(db, "acme");
    const next = await rotateKey(desk, OPERATOR, acme.id, old.id, { overlapSeconds: 3600 });
    expect(await ask(bearer(old.key))).toEqual(FINE);
    expect([await ask({ apikey: next.key }), await ask({ apikey: revoked.key })]).toEqual([FINE, FINE]);
    await revokeKey(desk, OPERATOR, revoked.id);
    expect(await ask({ apikey: revoked.key })).toEqual(OVER);
    // Time passes without a word.
    await silently(db, () =>
      db.admin.query("update tenant.api_keys set expires_at = now() where id = $1 and expires_at is not null", [
        old.id,
      ]),
    );
    expect([await ask(bearer(old.key)), await ask(bearer(next.key))]).toEqual([OVER, FINE]);
  });

  test("a suspended tenant: every kind of credential, and they are good again after", async () => {
    const email = await newUser();
    const credentials = [
      (await signIn(email)).headers,
      await signInByCookie(email),
      (await impersonate()).headers,
      { apikey: (await key()).key },
    ];
    const all = () => Promise.all(credentials.map(ask));
    expect(await all()).toEqual(credentials.map(() => FINE));
    expect((await platform(0, "POST", "/tenants/acme/suspend", owner)).status).toBe(200);
    expect(await all()).toEqual(credentials.map(() => told("RH103")));
    expect((await platform(1, "POST", "/tenants/acme/activate", owner)).status).toBe(200);
    await eventually(async () => expect(await all()).toEqual(credentials.map(() => FINE)));
  });

  test("an operator of another role, signed out, deactivated", async () => {
    const signInOperator = async (email: string) =>
      (await platform(1, "POST", "/sessions", undefined, { email, password: "correct battery horse" })).json<{
        token: string;
      }>().token;
    const whoAmI = (token: string) =>
      Promise.all([0, 1].map(async (at) => outcomeOf(await platform(at, "GET", "/sessions/current", token))));
    const email = "support@ops.example";
    const invited = await platform(0, "POST", "/operators", owner, { email, role: "support" });
    const tokens = [await acceptLink({ token: invited.json<{ token: string }>().token })];
    expect(await whoAmI(tokens[0]!)).toEqual([200, 200]);
    const change = async (body: object) =>
      expect((await platform(0, "PATCH", `/operators/${email}`, owner, body)).status).toBe(200);
    await change({ role: "read-only" });
    expect(await whoAmI(tokens[0]!)).toEqual(["RH230", "RH230"]);
    tokens.push(await signInOperator(email), await signInOperator(email));
    const suspend = await platform(1, "POST", "/tenants/globex/suspend", tokens[1]);
    expect(outcomeOf(suspend)).toBe("RH231");
    expect((await platform(0, "DELETE", "/sessions/current", tokens[1])).status).toBe(204);
    expect([await whoAmI(tokens[1]!), await whoAmI(tokens[2]!)]).toEqual([
      ["RH230", "RH230"],
      [200, 200],
    ]);
    await change({ isActive: false });
    expect(await whoAmI(tokens[2]!)).toEqual(["RH230", "RH230"]);
  });
});
