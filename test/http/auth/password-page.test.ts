import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { inviteMember } from "../../../src/auth/members.ts";
import type { Tenant } from "../../../src/tenant/tenant.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { testServer, type TestServer } from "../server.ts";
import { addUser, deskOf, lastLink, OPERATOR, PASSWORD, supabase, taken } from "./client.ts";

let db: TestDatabase;
let server: TestServer;
let acme: Tenant;
let origin: string;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  acme = await db.tenant("acme");
  origin = `http://acme.localhost:${server.port}`;
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});
beforeEach(() => db.admin.query("delete from platform.sign_in_attempts"));

const NEW = "one more walk by the sea";
const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

const open = (path: string, host = "acme.localhost", headers: Record<string, string> = BROWSER) =>
  server.get(`${host}:${server.port}`, path, { headers });
const submit = (fields: Record<string, string>, host = "acme.localhost", headers: Record<string, string> = {}) =>
  server.request(`${host}:${server.port}`, "/auth/v1/verify", {
    method: "POST",
    headers: { ...BROWSER, "content-type": "application/x-www-form-urlencoded", ...headers },
    body: new URLSearchParams(fields).toString(),
  });
const signIn = (email: string, password: string) => supabase(server, acme).auth.signInWithPassword({ email, password });
const setting = (name: string, value: unknown, isPublic = true) =>
  db.admin.query(
    `insert into tenant.settings (tenant_id, name, value, is_public) values ($1, $2, $3, $4)
     on conflict (tenant_id, name) do update set value = excluded.value, is_public = excluded.is_public`,
    [acme.id, name, JSON.stringify(value), isPublic],
  );

let number = 0;
/** Somebody with a link of the kind, as the command writes it: it says nowhere to go on. */
async function linked(kind: "invitation" | "recovery") {
  const email = `user${++number}@acme.example`;
  if (kind === "invitation") {
    const place = { tenantName: "Acme", origin, redirectTo: null };
    await inviteMember(await deskOf(db, "acme"), OPERATOR, { email, role: "member", profile: { custom: {} } }, place);
  } else {
    await addUser(db, "acme", email);
    taken(await supabase(server, acme).auth.resetPasswordForEmail(email));
  }
  const { token, type, url } = await lastLink(db, email);
  return { email, token, type, path: url.pathname + url.search };
}

describe.each(["invitation", "recovery"] as const)("the link of an %s that leads to no front end", (kind) => {
  test("asks for a password, takes it once, and its user signs in by it", async () => {
    const { email, token, type, path } = await linked(kind);
    const page = await open(path);
    expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.text).toContain(`<strong>${email}</strong>`);
    expect(page.text).toContain("10 to 128 characters");
    expect(page.text).toMatch(
      /<input name="password" type="password" required minlength="10" autocomplete="new-password"/,
    );
    expect(page.headers["content-security-policy"]).toContain("form-action 'self';");
    const set = await submit({ token, type, password: NEW });
    expect([set.status, set.headers["content-type"], set.headers.location]).toEqual([
      200,
      "text/html; charset=utf-8",
      undefined,
    ]);
    expect(set.text).toContain("Your password is set.");
    expect(set.text.includes("you are signed out")).toBe(kind === "recovery");
    expect(set.text).not.toContain(token);
    expect(set.headers["set-cookie"]).toBeUndefined();
    expect(taken(await signIn(email, NEW)).user.email_confirmed_at).toEqual(expect.any(String));
    const again = await submit({ token, type, password: "and one by the river" });
    expect([again.status, again.headers["content-type"]]).toEqual([403, "text/html; charset=utf-8"]);
    expect(again.text).toContain("The link has expired or was used");
    expect((await open(path)).status).toBe(403);
    expect((await signIn(email, NEW)).error).toBeNull();
    const { rows } = await db.admin.query(
      "select details->>'how' as how from tenant.audit_events where action = 'password.changed' and details->>'user' = (select id::text from tenant.users where email = $1)",
      [email],
    );
    expect(rows).toEqual([{ how: kind }]);
  });

  test("says what is wrong with a password, and goes on working", async () => {
    const { email, token, type } = await linked(kind);
    for (const [password, problem] of [
      ["", "A password has 10 to 128 characters."],
      ["short", "A password has 10 to 128 characters."],
      ["x".repeat(5000), "A password has 10 to 128 characters."],
      ["password1234", "The password is among those that are tried first. Choose one that nobody else has."],
      [email, "The password is the e-mail address."],
    ] as const) {
      const answer = await submit({ token, type, password });
      expect([answer.status, answer.headers["content-type"]]).toEqual([422, "text/html; charset=utf-8"]);
      expect(answer.text).toContain(problem);
      expect(answer.text).toContain(`value="${token}"`);
      expect(/<input name="password"[^>]*>/.exec(answer.text)![0]).not.toContain("value=");
    }
    expect((await submit({ token, type })).status).toBe(422);
    expect((await submit({ token, type, password: NEW })).status).toBe(200);
    expect((await signIn(email, NEW)).error).toBeNull();
  });

  test("is one at no other tenant, of no other kind, and not once it has expired", async () => {
    const { email, token, type, path } = await linked(kind);
    expect((await open(path, "globex.localhost")).status).toBe(403);
    expect((await submit({ token, type, password: NEW }, "globex.localhost")).status).toBe(403);
    const other = type === "invite" ? "recovery" : "invite";
    expect((await submit({ token, type: other, password: NEW })).status).toBe(403);
    await db.admin.query("update tenant.one_time_links set expires_at = now() where email = $1", [email]);
    expect([(await open(path)).status, (await submit({ token, type, password: NEW })).status]).toEqual([403, 403]);
    expect((await signIn(email, NEW)).error?.code).toBe("invalid_credentials");
  });

  test("sent many times at once sets one password", async () => {
    const { email, token, type } = await linked(kind);
    const passwords = Array.from({ length: 5 }, (_, index) => `walk number ${index} by the sea`);
    const answers = await Promise.all(passwords.map((password) => submit({ token, type, password })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403, 403, 403, 403]);
    const won = answers.findIndex(({ status }) => status === 200);
    expect((await signIn(email, passwords[won]!)).error).toBeNull();
  });

  test("of a user who was made inactive sets nothing", async () => {
    const { email, token, type } = await linked(kind);
    await db.admin.query("update tenant.users set is_active = false where email = $1", [email]);
    expect((await submit({ token, type, password: NEW })).status).toBe(403);
  });
});

describe("a password that a link set", () => {
  test("ends the user's sessions and waiting links", async () => {
    const { email, token, type } = await linked("recovery");
    const client = supabase(server, acme);
    const { session } = taken(await client.auth.signInWithPassword({ email, password: PASSWORD }));
    taken(await client.auth.updateUser({ email: `new-${email}` }));
    const waiting = await lastLink(db, `new-${email}`);
    expect((await submit({ token, type, password: NEW })).status).toBe(200);
    const user = await server.get("acme.localhost", "/auth/v1/user", { token: session.access_token });
    expect([user.status, user.json()["rowhouse_code"]]).toEqual([401, "RH207"]);
    expect((await client.auth.verifyOtp({ token_hash: waiting.token, type: "email_change" })).error?.code).toBe(
      "otp_expired",
    );
    expect((await signIn(email, PASSWORD)).error?.code).toBe("invalid_credentials");
  });

  test("takes the place of one that somebody signed up with before the address was proved", async () => {
    const { email, token, type } = await linked("invitation");
    await addUser(db, "acme", `squatter-${email}`);
    await db.admin.query(
      `insert into tenant.credentials (tenant_id, user_id, password)
       select c.tenant_id, (select id from tenant.users where email = $2), c.password
       from tenant.credentials c join tenant.users u on u.id = c.user_id where c.tenant_id = $1 and u.email = 'squatter-' || $2`,
      [acme.id, email],
    );
    expect((await submit({ token, type, password: NEW })).status).toBe(200);
    expect((await signIn(email, PASSWORD)).error?.code).toBe("invalid_credentials");
    expect((await signIn(email, NEW)).error).toBeNull();
  });

  test("is not set by a form of another site", async () => {
    const { email, token, type } = await linked("recovery");
    for (const site of ["cross-site", "same-site", "none"]) {
      const answer = await submit({ token, type, password: NEW }, "acme.localhost", { "sec-fetch-site": site });
      expect([answer.status, answer.headers["content-type"]]).toEqual([403, "text/html; charset=utf-8"]);
    }
    expect((await signIn(email, NEW)).error?.code).toBe("invalid_credentials");
    expect(
      (await submit({ token, type, password: NEW }, "acme.localhost", { "sec-fetch-site": "same-origin" })).status,
    ).toBe(200);
  });
});

test("with redirect_to the front end asks: the page has a button alone, and a password beside it is not taken", async () => {
  const { email, token, type, path } = await linked("recovery");
  const redirect_to = `${origin}/account`;
  const page = await open(`${path}&redirect_to=${encodeURIComponent(redirect_to)}`);
  expect(page.text).not.toContain('type="password"');
  const led = await submit({ token, type, redirect_to, password: NEW });
  expect([led.status, led.headers.location]).toEqual([303, expect.stringMatching(/\/account#access_token=/)]);
  expect((await signIn(email, NEW)).error?.code).toBe("invalid_credentials");
});

describe("the setting site_url", () => {
  const setFor = async () => {
    const { token, type } = await linked("recovery");
    return (await submit({ token, type, password: NEW })).text;
  };
  /** Where the button of a sign-up's link leads, without redirect_to. */
  const onward = async () => {
    const { text, headers } = await open("/auth/v1/verify?token=x&type=signup");
    return [/name="redirect_to" value="([^"]*)"/.exec(text)?.[1], headers["content-security-policy"]];
  };

  test("of the tenant's own origins is where a page leads that has set a password, and where other links go on", async () => {
    await setting("site_url", `${origin}/app`);
    expect(await setFor()).toContain(`href="${origin}/app"`);
    expect(await onward()).toEqual([`${origin}/app`, expect.stringContaining(`form-action 'self' ${origin};`)]);
  });

  test.each([
    ["https://evil.example/", true],
    ["http://globex.localhost/", true],
    ["javascript:alert(1)", true],
    ["/relative", true],
    [{ url: "x" }, true],
    [null, true],
    ["own", false],
  ] as const)("that is %o (public: %s) leads nowhere", async (value, isPublic) => {
    await setting("site_url", value === "own" ? `${origin}/app` : value, isPublic);
    expect(await setFor()).not.toContain("<a ");
    expect(await onward()).toEqual([undefined, expect.stringContaining("form-action 'self';")]);
  });
});

describe("what is no link", () => {
  test.each([
    "",
    "?type=recovery",
    "?token=x",
    "?token=x&type=constructor",
    "?token=x&token=y&type=invite",
    "?token=&type=invite",
  ])("is told a browser by a page, and a program in JSON: %s", async (query) => {
    const page = await open(`/auth/v1/verify${query}`);
    expect([page.status, page.headers["content-type"]]).toEqual([400, "text/html; charset=utf-8"]);
    expect(page.text).toContain("The link is not whole");
    expect(page.text).toContain("PGRST102");
    const json = await open(`/auth/v1/verify${query}`, "acme.localhost", { accept: "*/*" });
    expect([json.status, json.json()["error_code"]]).toEqual([400, "validation_failed"]);
  });

  test("other paths of sign-in answer a browser as they answer anybody", async () => {
    const answer = await open("/auth/v1/user");
    expect([answer.status, answer.headers["content-type"]]).toEqual([401, "application/json; charset=utf-8"]);
  });
});
