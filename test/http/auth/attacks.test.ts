import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { mailLimits, openAttempts, signInLimits } from "../../../src/auth/attempts.ts";
import { publicKey } from "../../../src/auth/api-key.ts";
import { createKey } from "../../../src/auth/api-keys.ts";
import { changeMember, inviteMember } from "../../../src/auth/members.ts";
import { setTenantStatus } from "../../../src/tenant/change.ts";
import { createTenant } from "../../../src/tenant/create.ts";
import { deleteTenant } from "../../../src/tenant/delete.ts";
import type { Tenant } from "../../../src/tenant/tenant.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { eventually, testServer, type TestAnswer, type TestRequest, type TestServer } from "../server.ts";
import { addUser, deskOf, lastLink, OPERATOR, PASSWORD } from "./client.ts";

let db: TestDatabase;
let server: TestServer;
let acme: Tenant;
let host: string;
const setting = (value: object) =>
  db.admin.query(
    `insert into tenant.settings (tenant_id, name, value) values ($1, 'auth', $2)
     on conflict (tenant_id, name) do update set value = excluded.value`,
    [acme.id, JSON.stringify(value)],
  );
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  acme = await db.tenant("acme");
  host = `acme.localhost:${server.port}`;
  await setting({ signup: true });
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});
beforeEach(() => db.admin.query("delete from platform.sign_in_attempts"));

const ask = (method: string, path: string, body?: unknown, options: TestRequest = {}) =>
  server.request(host, `/auth/v1${path}`, { method, body, ...options });
const post = (path: string, body?: unknown, options?: TestRequest) => ask("POST", path, body, options);
const signIn = (email: string, password = PASSWORD) => post("/token?grant_type=password", { email, password });
const tokenOf = async (email: string) => (await signIn(email)).json<{ access_token: string }>().access_token;
const verify = (token_hash: string, type: string) => post("/verify", { token_hash, type });
const codeOf = (answer: TestAnswer) => [answer.status, answer.json()["error_code"]];
const mailsTo = async (to: string) =>
  (
    await db.admin.query<{ kind: string; text: string }>(
      "select kind, text from platform.outbox where to_address = $1 order by created_at",
      [to],
    )
  ).rows;

describe("bodies that break readers (H17, H22)", () => {
  const nested = (depth: number) => `{"x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const HOSTILE: Readonly<Record<string, string>> = {
    "65 levels": nested(65),
    "9,000 levels": nested(9000),
    "30,000 levels": nested(30_000),
    "a null character": '{"x":"a\\u0000b"}',
    "a null character in a name": '{"name":"a\\u0000b"}',
    "a null character in a key": '{"\\u0000":1}',
    "half a surrogate pair": '{"x":"\\ud800"}',
    "a line break in a name": '{"name":"a\\r\\nBcc: x@y.example"}',
    "numbers that grow in the database": `{"x":[${Array(20_000).fill(1).join(",")}]}`,
  };

  test.each(Object.entries(HOSTILE))("%s: refused, and no failure of ours", async (_, data) => {
    await addUser(db, "acme", "bodies@acme.example").catch(() => {});
    const token = await tokenOf("bodies@acme.example");
    const answers = [
      await post("/signup", `{"email":"hostile@acme.example","password":"${PASSWORD}","data":${data}}`),
      await ask("PUT", "/user", `{"data":${data}}`, { token }),
    ];
    expect(answers.map(codeOf)).toEqual(answers.map(() => [400, "validation_failed"]));
    expect(server.log.filter(({ msg }) => msg === "request failed")).toEqual([]);
  });

  test("64 levels are taken, and a member of the name __proto__ is data like any other", async () => {
    await addUser(db, "acme", "proto@acme.example");
    const token = await tokenOf("proto@acme.example");
    const changed = await ask(
      "PUT",
      "/user",
      `{"data":{"__proto__":{"role":"owner"},"deep":${"[".repeat(60)}${"]".repeat(60)}}}`,
      { token },
    );
    expect([changed.status, changed.json<{ app_metadata: object }>().app_metadata]).toMatchObject([
      200,
      { role: "member" },
    ]);
    expect(changed.text).toContain('"__proto__":{"role":"owner"}');
  });

  test("a field that is given twice is what it is last, for the check and for what is done", async () => {
    await addUser(db, "acme", "twice@acme.example");
    const body = `{"email":"nobody@acme.example","email":"twice@acme.example","password":"wrong one here","password":"${PASSWORD}"}`;
    expect((await post("/token?grant_type=password", body)).json()).toMatchObject({
      user: { email: "twice@acme.example" },
    });
    expect(codeOf(await post("/token?grant_type=password&grant_type=password", body))).toEqual([
      400,
      "validation_failed",
    ]);
  });
});

describe("what a request may not set (H16)", () => {
  const GREEDY = {
    id: "00000000-0000-4000-8000-00000000000f",
    role: "owner",
    tenant_id: "x",
    is_active: false,
    email_confirmed_at: "2001-01-01",
    app_metadata: { role: "owner", tenant: "globex" },
    user_metadata: { role: "owner" },
    aud: "x",
    confirmed_at: "2001-01-01",
  };

  test("a sign-up gives the role of the setting and no other, and confirms nothing", async () => {
    const made = await post("/signup", { email: "greedy@acme.example", password: PASSWORD, ...GREEDY, data: GREEDY });
    expect(made.json()).toMatchObject({ app_metadata: { role: "member", tenant: "acme" } });
    expect(codeOf(await signIn("greedy@acme.example"))).toEqual([400, "email_not_confirmed"]);
    await setting({ signup: true, role: "owner" });
    expect((await post("/signup", { email: "greedy2@acme.example", password: PASSWORD })).json()).toMatchObject({
      app_metadata: { role: "member" },
    });
    await setting({ signup: true });
  });

  test("a user changes what is theirs: not role, id, address or activity", async () => {
    const { id } = await addUser(db, "acme", "own@acme.example");
    const token = await tokenOf("own@acme.example");
    const changed = await ask("PUT", "/user", { ...GREEDY, data: GREEDY }, { token });
    expect(changed.json()).toMatchObject({
      id,
      email: "own@acme.example",
      app_metadata: { role: "member", tenant: "acme" },
    });
    expect((await server.get(host, "/rest/v1/customers?limit=1", { token })).status).toBe(200);
  });
});

describe("who there is (H24)", () => {
  const shapeOf = (answer: TestAnswer) => {
    const { "x-request-id": _id, date: _date, ...headers } = answer.headers;
    const text = answer.text.replaceAll(
      /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z|(un)?known@acme\.example/g,
      "*",
    );
    return { status: answer.status, text, headers: { ...headers, "content-length": "" } };
  };
  const DATA = { zz: 1, a: 2.5, name: "N", b: { q: 1, aa: [true, null, "x"] } };

  beforeAll(() => addUser(db, "acme", "known@acme.example"));

  test.each([
    ["/signup", { password: PASSWORD, data: DATA }],
    ["/recover", {}],
    ["/resend", { type: "signup" }],
    ["/token?grant_type=password", { password: "not the password" }],
  ])("%s answers a known and an unknown address alike, to the last byte", async (path, body) => {
    const known = await post(path, { email: "known@acme.example", ...body });
    const unknown = await post(path, { email: `unknown@acme.example`, ...body });
    expect(shapeOf(known)).toEqual(shapeOf(unknown));
    await db.admin.query("delete from tenant.users where email = 'unknown@acme.example'");
  });

  test("a sign-up at a tenant that is full is refused for a known address as for an unknown", async () => {
    await db.admin.query("delete from tenant.subscription where tenant_id = $1", [acme.id]);
    await db.admin.query(
      `insert into tenant.subscription (tenant_id, plan, limits) select $1, 'standard', jsonb_build_object('users', count(*))
       from tenant.users u where tenant_id = $1 and is_active and (email_confirmed_at is not null
         or not exists (select from tenant.credentials c where c.user_id = u.id))`,
      [acme.id],
    );
    const [known, unknown] = [
      await post("/signup", { email: "known@acme.example", password: PASSWORD }),
      await post("/signup", { email: "unknown@acme.example", password: PASSWORD }),
    ];
    await db.admin.query("update tenant.subscription set limits = '{}' where tenant_id = $1", [acme.id]);
    expect(unknown.json()).toMatchObject({ rowhouse_code: "RH430" });
    expect(shapeOf(known)).toEqual(shapeOf(unknown));
  });

  test.each([
    "a<known@acme.example>",
    "a,known@acme.example",
    "g:known@acme.example;",
    '"x"known@acme.example',
    "known@acme.example>",
    "known@acme.example;",
    "(c)known@acme.example",
    "known@[127.0.0.1]",
    "a\\known@acme.example",
  ])("%s is no second name of an address", async (email) => {
    expect(codeOf(await post("/recover", { email }))).toEqual([400, "validation_failed"]);
  });
});

describe("limits", () => {
  const byAccount = (email: string) => signInLimits(acme.id, email, null).account;

  test("an address that is refused anyway locks nobody out, and uses up nothing that others share", async () => {
    const attempts = openAttempts(db.platform);
    const { address } = signInLimits(acme.id, "", "192.0.2.1");
    const limits = [
      { ...address, most: 3 },
      { ...byAccount("known@acme.example"), most: 5 },
    ];
    const guess = () =>
      attempts.count(limits).then(
        () => "counted",
        () => "refused",
      );
    const came: string[] = [];
    for (let n = 0; n < 20; n++) came.push(await guess());
    expect(came.filter((one) => one === "counted")).toHaveLength(3);
    // Of the account three were counted, so that its owner has two left from elsewhere.
    await attempts.count([{ ...byAccount("known@acme.example"), most: 5 }]);
    await attempts.count([{ ...byAccount("known@acme.example"), most: 5 }]);
    expect(
      mailLimits(acme.id, "x@y.example", "192.0.2.1").map(({ subject }) => subject.startsWith("mail from")),
    ).toEqual([true, false]);
  });

  test("strangers who sign up take no seat of the plan before their address is confirmed", async () => {
    await db.admin.query("delete from tenant.subscription where tenant_id = $1", [acme.id]);
    await db.admin.query(
      `insert into tenant.subscription (tenant_id, plan, limits) select $1, 'standard', jsonb_build_object('users', count(*) + 1)
       from tenant.users u where tenant_id = $1 and is_active and (email_confirmed_at is not null
         or not exists (select from tenant.credentials c where c.user_id = u.id))`,
      [acme.id],
    );
    for (const name of ["one", "two", "three"])
      expect((await post("/signup", { email: `${name}@strangers.example`, password: PASSWORD })).status).toBe(200);
    const links = [];
    for (const name of ["one", "two"]) links.push(await lastLink(db, `${name}@strangers.example`));
    expect((await verify(links[0]!.token, "signup")).status).toBe(200);
    expect((await verify(links[1]!.token, "signup")).json()).toMatchObject({ rowhouse_code: "RH430" });
    await db.admin.query("update tenant.subscription set limits = '{}' where tenant_id = $1", [acme.id]);
    expect((await verify(links[1]!.token, "signup")).status).toBe(200);
    await db.admin.query("delete from tenant.users where email like '%@strangers.example'");
  });
});

describe("links", () => {
  const recover = async (email: string) => {
    await post("/recover", { email });
    return (await lastLink(db, email)).token;
  };

  test("followed twice at the same moment, one opens one session", async () => {
    await addUser(db, "acme", "race@acme.example");
    const token = await recover("race@acme.example");
    const answers = await Promise.all(Array.from({ length: 6 }, () => verify(token, "recovery")));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403, 403, 403, 403, 403]);
    const { rows } = await db.admin.query(
      "select from tenant.sessions s join tenant.users u on u.id = s.user_id where u.email = 'race@acme.example'",
    );
    expect(rows).toHaveLength(1);
  });

  test("of a user who was deactivated meanwhile lead nowhere, then and later", async () => {
    await addUser(db, "acme", "gone@acme.example");
    const token = await recover("gone@acme.example");
    const desk = await deskOf(db, "acme");
    await changeMember(desk, OPERATOR, "gone@acme.example", { isActive: false });
    expect(codeOf(await verify(token, "recovery"))).toEqual([403, "otp_expired"]);
    await post("/recover", { email: "gone@acme.example" });
    expect((await lastLink(db, "gone@acme.example")).token).toBe(token);
    await changeMember(desk, OPERATOR, "gone@acme.example", { isActive: true });
    expect(codeOf(await verify(token, "recovery"))).toEqual([403, "otp_expired"]);
  });

  test("that wait end with a new password: a thief's change of address does not outlive the session that asked for it", async () => {
    for (const [who, reset] of [
      [
        "victim1",
        async (email: string) =>
          void (await ask("PUT", "/user", { password: "another walk by the sea" }, { token: await tokenOf(email) })),
      ],
      [
        "victim2",
        async (email: string) =>
          void (await changeMember(await deskOf(db, "acme"), OPERATOR, email, { password: "another walk by the sea" })),
      ],
    ] as const) {
      const email = `${who}@acme.example`;
      await addUser(db, "acme", email);
      await ask("PUT", "/user", { email: `thief-${who}@evil.example` }, { token: await tokenOf(email) });
      const stolen = await lastLink(db, `thief-${who}@evil.example`);
      await reset(email);
      expect(codeOf(await verify(stolen.token, "email_change"))).toEqual([403, "otp_expired"]);
    }
  });

  test("to a new address are told to the old one, without the link", async () => {
    await addUser(db, "acme", "old@acme.example");
    await ask("PUT", "/user", { email: "new@acme.example" }, { token: await tokenOf("old@acme.example") });
    const { token } = await lastLink(db, "new@acme.example");
    const [notice, ...more] = await mailsTo("old@acme.example");
    expect(more).toEqual([]);
    expect(notice!.text).toContain("new@acme.example");
    expect(notice!.text).not.toContain(token);
  });

  test("an invitation is not accepted by who signed up under the address before: their password opens nothing", async () => {
    const squat = "a squatter's own password";
    await post("/signup", { email: "invited@acme.example", password: squat });
    const place = { tenantName: "Acme", origin: `http://${host}`, redirectTo: null };
    await inviteMember(
      await deskOf(db, "acme"),
      OPERATOR,
      { email: "invited@acme.example", role: "manager", profile: { custom: {} } },
      place,
    );
    const { token } = await lastLink(db, "invited@acme.example");
    const opened = await verify(token, "invite");
    expect(opened.json()).toMatchObject({ user: { app_metadata: { role: "manager" } } });
    expect(codeOf(await signIn("invited@acme.example", squat))).toEqual([400, "invalid_credentials"]);
  });

  test("of a sign-up belong to the last one: who signed up before under somebody's address has no password in it", async () => {
    const squat = "a squatter's own password";
    await post("/signup", { email: "squatted@acme.example", password: squat });
    const first = (await lastLink(db, "squatted@acme.example")).token;
    await post("/signup", { email: "squatted@acme.example", password: PASSWORD });
    expect(codeOf(await verify(first, "signup"))).toEqual([403, "otp_expired"]);
    expect((await verify((await lastLink(db, "squatted@acme.example")).token, "signup")).status).toBe(200);
    expect(codeOf(await signIn("squatted@acme.example", squat))).toEqual([400, "invalid_credentials"]);
    expect((await signIn("squatted@acme.example")).status).toBe(200);
    // Once it is confirmed a sign-up changes nothing any more.
    await post("/signup", { email: "squatted@acme.example", password: squat });
    expect((await signIn("squatted@acme.example")).status).toBe(200);
  });

  test.each([
    "https://evil.example/",
    "//evil.example/",
    "http://acme.localhost@evil.example/",
    "http://acme.localhost.evil.example/",
    "http://globex.localhost/",
    "javascript:alert(1)",
    "data:text/html,x",
    "/relative",
    "http:acme.localhost",
  ])("lead on to no other site: %s", async (redirect_to) => {
    await addUser(db, "acme", "redirect@acme.example").catch(() => {});
    await post(`/recover?redirect_to=${encodeURIComponent(redirect_to)}`, { email: "redirect@acme.example" });
    const { token, url } = await lastLink(db, "redirect@acme.example");
    expect(url.searchParams.has("redirect_to")).toBe(false);
    const form = (fields: Record<string, string>) =>
      post("/verify", new URLSearchParams({ ...fields, redirect_to }).toString(), {
        headers: { "content-type": "application/x-www-form-urlencoded" },
      });
    const set = await form({ token, type: "recovery", password: PASSWORD });
    expect([set.status, set.headers.location, set.text.includes("evil")]).toEqual([200, undefined, false]);
    const led = await form({ token, type: "signup" });
    expect([led.status, new URL(led.headers.location!).origin]).toEqual([303, `http://${host}`]);
  });

  test("are not followed by a form of another site, which would sign somebody in as its maker (CWE-352)", async () => {
    await addUser(db, "acme", "maker@acme.example");
    const body = new URLSearchParams({
      token: await recover("maker@acme.example"),
      type: "recovery",
      redirect_to: `http://${host}/`,
    }).toString();
    const form = (site: string) =>
      post("/verify", body, {
        headers: { "content-type": "application/x-www-form-urlencoded", origin: "null", "sec-fetch-site": site },
      });
    for (const site of ["cross-site", "same-site", "none"]) expect((await form(site)).status).toBe(403);
    expect((await form("same-origin")).status).toBe(303);
  });

  test("a tenant's name runs as nothing, in the page and in the mail", async () => {
    const name = `<script>alert("1")</script>'\r\nBcc: thief@evil.example`;
    await db.admin.query("update platform.tenants set name = $2 where id = $1", [acme.id, name]);
    await using other = await testServer(db);
    await addUser(db, "acme", "mail@acme.example");
    await other.request(host, "/auth/v1/recover", { method: "POST", body: { email: "mail@acme.example" } });
    const { url } = await lastLink(db, "mail@acme.example");
    const asked = await other.get(host, url.pathname + url.search);
    expect([asked.status, asked.text.includes("<script>")]).toEqual([200, false]);
    const page = await other.get(host, `${url.pathname}?token=%22%3E%3Cscript%3E&type=signup`);
    expect([page.status, page.text.includes("<script>"), page.text.includes("&lt;script>")]).toEqual([
      200,
      false,
      true,
    ]);
    expect(page.headers["content-security-policy"]).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
    );
    const { rows } = await db.admin.query<{ subject: string; html: string }>(
      "select subject, html from platform.outbox where to_address = 'mail@acme.example'",
    );
    expect(rows[0]!.subject).not.toMatch(/[\r\n]/);
    expect(rows[0]!.html).not.toContain("<script>");
    await db.admin.query("update platform.tenants set name = 'Acme' where id = $1", [acme.id]);
  });
});

describe("whatever is asked", () => {
  const ENDPOINTS = [
    ["POST", "/token?grant_type=password"],
    ["POST", "/token?grant_type=refresh_token"],
    ["GET", "/user"],
    ["PUT", "/user"],
    ["POST", "/logout"],
    ["POST", "/signup"],
    ["POST", "/invite"],
    ["POST", "/recover"],
    ["POST", "/resend"],
    ["POST", "/verify"],
    ["GET", "/verify?type=recovery&token=x"],
    ["GET", "/settings"],
  ] as const;
  const BODY = { email: "ann@acme.example", password: PASSWORD, refresh_token: "x", token_hash: "x", type: "signup" };
  const each = async (options: TestRequest = {}) => {
    const answers: TestAnswer[] = [];
    for (const [method, path] of ENDPOINTS)
      answers.push(await ask(method, path, method === "GET" ? undefined : BODY, options));
    return answers;
  };

  test("no answer about sign-in is kept by a cache, and each says what it depends on (H14)", async () => {
    const answers = [...(await each()), ...(await each({ headers: { apikey: publicKey(acme.id) } }))];
    expect(answers.map(({ headers }) => headers["cache-control"])).toEqual(answers.map(() => "no-store"));
    for (const { headers } of answers)
      expect(headers.vary!.split(/, */)).toEqual(
        expect.arrayContaining(["Origin", "Authorization", "Apikey", "Cookie", "Host", "X-Tenant"]),
      );
  });

  test("another origin reads none of it, not with a cookie either (H13)", async () => {
    const answers = await each({ headers: { origin: "https://evil.example" } });
    expect(answers.map(({ headers }) => headers["access-control-allow-origin"])).toEqual(answers.map(() => undefined));
    const own = await each({ headers: { origin: `http://${host}` } });
    expect(own.map(({ headers }) => headers["access-control-allow-credentials"])).toEqual(own.map(() => undefined));
  });

  test("a suspended tenant takes none of it (H28)", async () => {
    await addUser(db, "acme", "late@acme.example");
    await post("/recover", { email: "late@acme.example" });
    const { token } = await lastLink(db, "late@acme.example");
    const before = (await signIn("late@acme.example")).json<{ access_token: string; refresh_token: string }>();
    await setTenantStatus(db.platform, "acme", "suspended", "test");
    try {
      // Without a token it is the registry that refuses, once it has heard of it.
      await eventually(async () => expect((await ask("GET", "/user")).status).toBe(403));
      const answers = [
        ...(await each()),
        ...(await each({ token: before.access_token })),
        await verify(token, "recovery"),
        await post("/token?grant_type=refresh_token", { refresh_token: before.refresh_token }),
        await signIn("late@acme.example"),
      ];
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 403));
    } finally {
      await setTenantStatus(db.platform, "acme", "active", "test");
    }
    await eventually(async () => expect((await signIn("late@acme.example")).status).toBe(200));
  });

  test("a deleted tenant's tokens, keys, cookies and links open nothing, nor at a tenant that has its name now (H28)", async () => {
    const make = () => createTenant(db.platform, db.database.keyring, { slug: "doomed", name: "Doomed" }, "test");
    const { tenant } = await make();
    await addUser(db, "doomed", "late@doomed.example", "owner");
    const at = `doomed.localhost:${server.port}`;
    const send = (method: string, path: string, options: TestRequest = {}) =>
      server.request(at, path, { method, ...options });
    const credentials = { email: "late@doomed.example", password: PASSWORD };
    const signedIn = await send("POST", "/auth/v1/token?grant_type=password", { body: credentials });
    const { access_token, refresh_token } = signedIn.json<{ access_token: string; refresh_token: string }>();
    const headers = { origin: `http://${at}` };
    const byCookie = await send("POST", "/auth/v1/token?grant_type=password&cookie=1", { body: credentials, headers });
    const cookie = byCookie.headers["set-cookie"]![0]!.split(";")[0]!;
    await send("POST", "/auth/v1/recover", { body: credentials });
    const { token } = await lastLink(db, "late@doomed.example");
    const { key } = await createKey(await deskOf(db, "doomed"), OPERATOR, tenant.id, {
      name: "k",
      rights: { role: "admin" },
    });
    const read = "/rest/v1/customers?select=id&limit=1";
    const attempt = () =>
      Promise.all([
        send("GET", read, { token: access_token }),
        send("GET", read, { token: key }),
        send("GET", read, { headers: { ...headers, cookie } }),
        server.get("api.localhost", read, { token: access_token }),
        server.get("api.localhost", read, { token: key }),
        send("POST", "/auth/v1/token?grant_type=refresh_token", { body: { refresh_token } }),
        send("POST", "/auth/v1/verify", { body: { token_hash: token, type: "recovery" } }),
        send("POST", "/auth/v1/token?grant_type=password", { body: credentials }),
      ]);
    expect((await send("GET", read, { token: key })).status).toBe(200);
    await deleteTenant(db.platform, db.database.keyring, "doomed", "test");
    await eventually(async () => expect((await attempt()).filter(({ status }) => status < 400)).toEqual([]));
    await make();
    await eventually(async () => expect((await send("GET", "/auth/v1/settings")).status).toBe(200));
    const answers = await attempt();
    expect(answers.filter(({ status }) => status < 400)).toEqual([]);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  });

  test("an id of another tenant's is answered as one that is nobody's (H15)", async () => {
    const { rows } = await db.admin.query<{ id: string }>(
      "select c.id from app.customers c join platform.tenants t on t.id = c.tenant_id where t.slug = 'globex' limit 1",
    );
    const token = await server.token("acme", "owner");
    const answersOf = async (id: string) => {
      const asked: TestAnswer[] = [];
      for (const [method, body] of [
        ["GET", undefined],
        ["PATCH", { notes: "x" }],
        ["DELETE", undefined],
      ] as const)
        asked.push(
          await server.request(host, `/rest/v1/customers?id=eq.${id}`, {
            method,
            body,
            token,
            headers: { prefer: "return=representation, count=exact" },
          }),
        );
      return asked.map(({ status, text, headers }) => [status, text, headers["content-range"], headers.etag]);
    };
    const foreign = await answersOf(rows[0]!.id);
    expect(foreign).toEqual(await answersOf("00000000-0000-4000-8000-0000000000ff"));
    expect(foreign.map(([status]) => status)).toEqual([200, 200, 200]);
  });

  test("nothing of a sign-in stands in the log: passwords, tokens, links, keys, addresses (H26)", async () => {
    const FORM_PASSWORD = "set by the page of a link";
    await addUser(db, "acme", "logged@acme.example");
    const { access_token, refresh_token } = (await signIn("logged@acme.example")).json<
      Record<string, string>
    >() as Record<string, string>;
    const next = (await post("/token?grant_type=refresh_token", { refresh_token })).json<Record<string, string>>();
    await ask(
      "PUT",
      "/user",
      { password: "one more walk by the sea", email: "moved@acme.example" },
      { token: access_token },
    );
    await post("/recover", { email: "logged@acme.example" });
    const { token, url } = await lastLink(db, "logged@acme.example");
    await ask("GET", url.pathname.replace("/auth/v1", "") + url.search);
    await post("/verify", new URLSearchParams({ token, type: "recovery", password: FORM_PASSWORD }).toString(), {
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    await verify(`${token}x`, "recovery");
    await ask("GET", `/user?access_token=${access_token}&password=${encodeURIComponent(PASSWORD)}`);
    const secrets = [
      FORM_PASSWORD,
      PASSWORD,
      "one more walk by the sea",
      access_token!,
      refresh_token!,
      next["access_token"]!,
      next["refresh_token"]!,
      token,
      "logged@acme.example",
      "moved@acme.example",
    ];
    const text = JSON.stringify(server.log);
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
    const { rows } = await db.admin.query<{ text: string }>(
      "select e::text as text from tenant.audit_events e union all select e::text from platform.audit_events e",
    );
    const trail = rows.map((row) => row.text).join("\n");
    expect(secrets.slice(0, 8).filter((secret) => trail.includes(secret))).toEqual([]);
  });
});

test("a browser that signs in anew has a new session, and the one before is over (ASVS 7.2.4)", async () => {
  await addUser(db, "acme", "fixed@acme.example");
  const origin = `http://${host}`;
  const open = async (cookie?: string) => {
    const answer = await post(
      "/token?grant_type=password&cookie=1",
      { email: "fixed@acme.example", password: PASSWORD },
      { headers: { origin, ...(cookie !== undefined && { cookie }) } },
    );
    return answer.headers["set-cookie"]![0]!.split(";")[0]!;
  };
  const read = async (cookie: string) =>
    (await server.get(host, "/auth/v1/user", { headers: { origin, cookie } })).status;
  const first = await open();
  expect(await read(first)).toBe(200);
  const second = await open(first);
  expect(second).not.toBe(first);
  expect([await read(first), await read(second)]).toEqual([401, 200]);
  const third = await open("__Host-session=never-made-by-us");
  expect(await read(third)).toBe(200);
});
