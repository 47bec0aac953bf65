import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { signInLimits } from "../../../src/auth/attempts.ts";
import { hashPassword } from "../../../src/auth/password.ts";
import type { Tenant } from "../../../src/tenant/tenant.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { testServer, type TestServer } from "../server.ts";
import { addUser, lastLink, PASSWORD, supabase, taken } from "./client.ts";

let db: TestDatabase;
let servers: TestServer[];
let acme: Tenant;
let origin: string;

beforeAll(async () => {
  db = await testDatabase();
  servers = [await testServer(db), await testServer(db)];
  acme = await db.tenant("acme");
  origin = `http://acme.localhost:${servers[0]!.port}`;
  await addUser(db, "acme", "ann@acme.example", "manager");
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await db.close();
});
beforeEach(() => db.admin.query("delete from platform.sign_in_attempts"));

const TOKEN = "/auth/v1/token?grant_type=password";
type Options = Parameters<TestServer["request"]>[2];
const post = (path: string, body: unknown, options: Options = {}, at = 0) =>
  servers[at]!.request(`acme.localhost:${servers[0]!.port}`, path, { method: "POST", body, ...options });
const signIn = (email: string, password: string, at = 0) => post(TOKEN, { email, password }, {}, at);

describe("guessing passwords", () => {
  test("an unknown user, a wrong password and an inactive user get the same answer", async () => {
    await addUser(db, "acme", "gone@acme.example");
    await db.admin.query("update tenant.users set is_active = false where email = 'gone@acme.example'");
    const answers = [
      await signIn("nobody@acme.example", PASSWORD),
      await signIn("ann@acme.example", "not the password"),
      await signIn("gone@acme.example", PASSWORD),
      await signIn("admin@acme.example", PASSWORD), // has no password yet
    ];
    const bodies = answers.map((answer) => ({ ...answer.json(), error_id: "" }));
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(bodies[0]).toMatchObject({ code: 400, error_code: "invalid_credentials", msg: "Invalid login credentials" });
  });

  test("the time of each is printed, and each leaves an event", async () => {
    const times: Record<string, number[]> = { "ann@acme.example": [], "nobody@acme.example": [] };
    const events = async () => {
      const { rows } = await db.admin.query("select from tenant.audit_events where action = 'session.refused'");
      return rows.length;
    };
    const before = await events();
    for (let round = 0; round < 9; round++) {
      for (const email of Object.keys(times)) {
        const start = performance.now();
        const { status } = await signIn(email, "not the password");
        times[email]!.push(performance.now() - start);
        expect(status).toBe(400);
      }
    }
    const medians = Object.entries(times).map(
      ([email, list]) => `${email} ${list.toSorted((a, b) => a - b)[4]!.toFixed(1)} ms`,
    );
    console.log(`sign-in refused, median of 9: ${medians.join(", ")}`);
    expect((await events()) - before).toBe(18);
  });

  test("of one account stops after ten, on all servers, also with the right password; other accounts go on", async () => {
    await addUser(db, "acme", "target@acme.example");
    for (let guess = 0; guess < 10; guess++)
      expect((await signIn("TARGET@acme.example", `guess ${guess}……`, guess % 2)).status).toBe(400);
    const stopped = await signIn("target@acme.example", PASSWORD, 1);
    expect([stopped.status, stopped.json()["error_code"]]).toEqual([429, "over_request_rate_limit"]);
    const seconds = Number(stopped.headers["retry-after"]);
    expect(seconds).toBeGreaterThan(800);
    expect(seconds).toBeLessThanOrEqual(900);
    expect((await signIn("ann@acme.example", PASSWORD)).status).toBe(200);
    await db.admin.query("update platform.sign_in_attempts set resets_at = now()");
    expect((await signIn("target@acme.example", PASSWORD)).status).toBe(200);
  });

  test("an unknown account is counted like a known one", async () => {
    for (let guess = 0; guess < 10; guess++) await signIn("nobody@acme.example", `guess ${guess}……`);
    expect((await signIn("nobody@acme.example", PASSWORD)).status).toBe(429);
  });

  test("the right password forgets the wrong ones before it", async () => {
    for (let round = 0; round < 3; round++) {
      for (let guess = 0; guess < 6; guess++)
        expect((await signIn("ann@acme.example", "not the password")).status).toBe(400);
      expect((await signIn("ann@acme.example", PASSWORD)).status).toBe(200);
    }
  });

  test("from one address stops after a hundred, whatever accounts are tried; guesses side by side are all counted", async () => {
    await signIn("other@acme.example", PASSWORD);
    const { subject } = signInLimits(acme.id, "", "127.0.0.1").address;
    const counted = await db.admin.query(
      "update platform.sign_in_attempts set attempts = 95 where subject = sha256(convert_to($1, 'UTF8'))",
      [subject],
    );
    expect(counted.rowCount).toBe(1);
    const guess = (_: unknown, number: number) => signIn(`other${number}@acme.example`, PASSWORD, number % 2);
    const answers = await Promise.all(Array.from({ length: 12 }, guess));
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
  });

  test("neither counts nor mails tell who was meant", async () => {
    await signIn("nobody@acme.example", PASSWORD);
    const { rows } = await db.admin.query("select from platform.sign_in_attempts a where a::text ~ 'acme|nobody|127'");
    expect(rows).toEqual([]);
  });

  test("a hash of former parameters is replaced at the next sign-in", async () => {
    const { id } = await addUser(db, "acme", "old@acme.example");
    const old = await hashPassword(PASSWORD, "", { kind: "scrypt", ln: 14, r: 8, p: 1 });
    await db.admin.query("update tenant.credentials set password = $2 where user_id = $1", [id, old]);
    const kept = async () => {
      const { rows } = await db.admin.query<{ password: string }>(
        "select password from tenant.credentials where user_id = $1",
        [id],
      );
      return rows[0]!.password;
    };
    expect((await signIn("old@acme.example", "not the password")).status).toBe(400);
    expect(await kept()).toBe(old);
    expect((await signIn("old@acme.example", PASSWORD)).status).toBe(200);
    expect(await kept()).toMatch(/^\$argon2id\$/);
    expect((await signIn("old@acme.example", PASSWORD)).status).toBe(200);
  });

  test("mails to one address stop after five", async () => {
    const statuses: number[] = [];
    for (let round = 0; round < 6; round++)
      statuses.push((await post("/auth/v1/recover", { email: "ann@acme.example" })).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    const { rows } = await db.admin.query(
      "select from tenant.one_time_links where email = 'ann@acme.example' and used_at is null",
    );
    expect(rows).toHaveLength(1); // each link takes the place of the one before
  });
});

describe("what is sent", () => {
  test("wrong bodies, methods and paths are refused in the client's shape", async () => {
    const cases: [Promise<{ status: number; json(): Record<string, unknown> }>, number, string][] = [
      [post(TOKEN, "{"), 400, "validation_failed"],
      [post(TOKEN, "[]"), 400, "validation_failed"],
      [post(TOKEN, { email: "ann@acme.example" }), 400, "validation_failed"],
      [post(TOKEN, { email: { $ne: 1 }, password: PASSWORD }), 400, "validation_failed"],
      [post("/auth/v1/token?grant_type=magic", {}), 400, "validation_failed"],
      [post("/auth/v1/verify", { type: "recovery", token_hash: "x".repeat(43) }), 403, "otp_expired"],
      [post("/auth/v1/verify", { type: "constructor", token_hash: "x" }), 400, "validation_failed"],
      [post("/auth/v1/nothing", {}), 404, "route_unknown"],
      [post("/auth/v1/settings", {}), 405, "method_unsupported"],
      [post("/auth/v1/logout", {}), 401, "no_authorization"],
      [post("/auth/v1/invite", { email: "x@acme.example" }), 401, "no_authorization"],
    ];
    for (const [asked, status, code] of cases) {
      const answer = await asked;
      expect([answer.status, answer.json()["error_code"]]).toEqual([status, code]);
      expect(answer.json()["code"]).toBe(status);
    }
    const nowhere = await servers[0]!.request("api.localhost", TOKEN, {
      method: "POST",
      body: { email: "a@b.example", password: "x" },
    });
    expect(nowhere.json()["error_code"]).toBe("tenant_missing");
    expect((await servers[0]!.request("admin.localhost", TOKEN, { method: "POST", body: {} })).status).toBe(404);
  });

  test("what takes GET takes HEAD, which tells the same without a body (RFC 9110 9.3.2)", async () => {
    const ask = (path: string, method: string) => servers[0]!.request("acme.localhost", `/auth/v1${path}`, { method });
    for (const path of ["/settings", "/health", "/.well-known/jwks.json"]) {
      const [whole, head] = [await ask(path, "GET"), await ask(path, "HEAD")];
      expect([head.status, head.text]).toEqual([200, ""]);
      expect(head.headers["content-length"]).toBe(String(Buffer.byteLength(whole.text)));
    }
    expect((await ask("/token", "HEAD")).headers.allow).toBe("POST, OPTIONS");
    expect((await ask("/verify", "DELETE")).headers.allow).toBe("GET, HEAD, POST, OPTIONS");
  });

  test("a token that no sign-in made may not sign out, change an account, or be somebody", async () => {
    const token = await servers[0]!.token("acme", "owner");
    const asked = async (path: string, method: string, body?: unknown) =>
      (await servers[0]!.request("acme.localhost", `/auth/v1${path}`, { method, token, body })).json()["error_code"];
    expect(await asked("/logout", "POST")).toBe("session_not_found");
    expect(await asked("/user", "PUT", { password: PASSWORD })).toBe("session_not_found");
    expect(await asked("/user", "GET")).toBe("user_not_found");
  });

  test("a link works once, is kept as a digest, and a look at it does not use it up", async () => {
    await post("/auth/v1/recover", { email: "ann@acme.example", redirect_to: "https://evil.example/" });
    const { token, url } = await lastLink(db, "ann@acme.example");
    expect(url.searchParams.has("redirect_to")).toBe(false);
    for (const method of ["GET", "HEAD"]) {
      const page = await servers[0]!.request("acme.localhost", url.pathname + url.search, { method });
      expect([page.status, page.headers["content-type"]]).toEqual([200, expect.any(String)]);
    }
    const { rows } = await db.admin.query("select from tenant.one_time_links l where l::text like '%' || $1 || '%'", [
      token,
    ]);
    expect(rows).toEqual([]);
    const form = { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" } };
    const body = new URLSearchParams({ token, type: "recovery", redirect_to: `${origin}/account` }).toString();
    const once = await post("/auth/v1/verify", body, form);
    expect(once.status).toBe(303);
    const to = new URL(once.headers.location!);
    expect(to.origin + to.pathname).toBe(`${origin}/account`);
    const fragment = new URLSearchParams(to.hash.slice(1));
    expect([fragment.get("type"), fragment.get("token_type")]).toEqual(["recovery", "bearer"]);
    const user = await servers[0]!.get("acme.localhost", "/auth/v1/user", { token: fragment.get("access_token")! });
    expect(user.json()["email"]).toBe("ann@acme.example");
    expect(new URL((await post("/auth/v1/verify", body, form)).headers.location!).hash).toContain("otp_expired");
  });

  test("an expired link, and one of another tenant, are no links", async () => {
    await post("/auth/v1/recover", { email: "ann@acme.example" });
    const { token } = await lastLink(db, "ann@acme.example");
    const globex = supabase(servers[0]!, await db.tenant("globex"));
    expect((await globex.auth.verifyOtp({ token_hash: token, type: "recovery" })).error?.code).toBe("otp_expired");
    const client = supabase(servers[0]!, acme);
    expect((await client.auth.verifyOtp({ token_hash: token, type: "invite" })).error?.code).toBe("otp_expired");
    await db.admin.query("update tenant.one_time_links set expires_at = now() where used_at is null");
    expect((await client.auth.verifyOtp({ token_hash: token, type: "recovery" })).error?.code).toBe("otp_expired");
  });

  test("passwords and tokens stand in no log and in no audit event", async () => {
    const client = supabase(servers[0]!, acme);
    const { session } = taken(await client.auth.signInWithPassword({ email: "ann@acme.example", password: PASSWORD }));
    await signIn("ann@acme.example", `${PASSWORD}!`);
    const { rows } = await db.admin.query<{ text: string }>("select e::text as text from tenant.audit_events e");
    const text = JSON.stringify([servers.map(({ log }) => log), rows]);
    expect([PASSWORD, session.refresh_token, session.access_token].filter((secret) => text.includes(secret))).toEqual(
      [],
    );
    expect(text).toContain("session.started");
  });
});

describe("cookies", () => {
  const same = { origin: "" };
  const cookieOf = (header: string[] | undefined) => /^__Host-session=([^;]*)/.exec(header?.[0] ?? "")?.[1];

  beforeAll(() => void (same.origin = origin));

  const signInByCookie = (headers: Record<string, string>) =>
    post(`${TOKEN}&cookie=1`, { email: "ann@acme.example", password: PASSWORD }, { headers });
  const host = () => `acme.localhost:${servers[0]!.port}`;
  const get = (headers: Record<string, string>, at = host()) =>
    servers[0]!.get(at, "/rest/v1/customers?select=id&limit=1", { headers });

  test("a page of the tenant's own host gets one, and no token; it counts for that page alone", async () => {
    const answer = await signInByCookie(same);
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.json())).toEqual(["user"]);
    expect(answer.headers["set-cookie"]![0]).toMatch(
      /^__Host-session=[\w-]{43}; Max-Age=2592000; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    );
    const cookie = `theme=dark; __Host-session=${cookieOf(answer.headers["set-cookie"])}`;
    expect((await get({ cookie, ...same })).status).toBe(200);
    expect((await get({ cookie, "sec-fetch-site": "same-origin" })).status).toBe(200);
    const refused = [
      await get({ cookie }),
      await get({ cookie, origin: "https://evil.example" }),
      await get({ cookie, origin: `http://globex.localhost:${servers[0]!.port}` }),
      await get({ cookie, origin: "null" }),
      await get({ cookie, "sec-fetch-site": "same-site" }),
      await get({ cookie, "sec-fetch-site": "none" }),
      await get({ cookie, ...same, "sec-fetch-site": "cross-site" }),
    ];
    expect(refused.map((other) => [other.status, other.json()["code"]])).toEqual(refused.map(() => [403, "RH220"]));
  });

  test("signing in by cookie from elsewhere is refused, as is a cookie at the API's host", async () => {
    expect((await signInByCookie({ origin: "https://evil.example" })).status).toBe(403);
    expect((await signInByCookie({})).status).toBe(403);
    const cookie = `__Host-session=${cookieOf((await signInByCookie(same)).headers["set-cookie"])}`;
    const elsewhere = await get({ cookie, "x-tenant": "acme", "sec-fetch-site": "same-origin" }, "api.localhost");
    expect(elsewhere.status).toBe(401);
    const other = await get({ cookie, "sec-fetch-site": "same-origin" }, "globex.localhost");
    expect([other.status, other.json()["code"]]).toEqual([401, "RH207"]);
  });

  test("two of the name, and one that another site made, are refused (cookie tossing)", async () => {
    const value = cookieOf((await signInByCookie(same)).headers["set-cookie"]);
    const twice = await get({ cookie: `__Host-session=${"x".repeat(43)}; __Host-session=${value}`, ...same });
    expect([twice.status, twice.json()["code"]]).toEqual([400, "RH114"]);
    expect((await get({ cookie: "__Host-session=short", ...same })).status).toBe(401);
    expect((await get({ cookie: `__Host-session=${"x".repeat(43)}`, ...same })).json()["code"]).toBe("RH207");
  });

  test("a cookie is no token and a token no cookie; signing out ends and clears it", async () => {
    const value = cookieOf((await signInByCookie(same)).headers["set-cookie"])!;
    expect((await get({ authorization: `Bearer ${value}` })).status).toBe(401);
    const refreshed = await post("/auth/v1/token?grant_type=refresh_token", { refresh_token: value });
    expect(refreshed.json()["error_code"]).toBe("refresh_token_not_found");
    const { refresh_token } = (await signIn("ann@acme.example", PASSWORD)).json<{ refresh_token: string }>();
    expect((await get({ cookie: `__Host-session=${refresh_token}`, ...same })).json()["code"]).toBe("RH207");

    const cookie = `__Host-session=${value}`;
    expect((await get({ cookie, ...same })).status).toBe(200);
    const user = await servers[0]!.get(host(), "/auth/v1/user", { headers: { cookie, ...same } });
    expect(user.json()["email"]).toBe("ann@acme.example");
    const out = await post("/auth/v1/logout?scope=local", {}, { headers: { cookie, ...same } });
    expect([out.status, cookieOf(out.headers["set-cookie"])]).toEqual([204, ""]);
    expect((await get({ cookie, ...same })).json()["code"]).toBe("RH207");
  });
});
