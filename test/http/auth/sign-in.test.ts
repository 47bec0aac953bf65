import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createKey } from "../../../src/auth/api-keys.ts";
import { openDesk } from "../../../src/auth/desk.ts";
import { addMember } from "../../../src/auth/members.ts";
import { createTenantIn } from "../../../src/tenant/create-elsewhere.ts";
import type { Tenant } from "../../../src/tenant/tenant.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { testServer, type TestServer } from "../server.ts";
import { addUser, deskOf, lastLink, OPERATOR, PASSWORD, supabase, taken } from "./client.ts";

let db: TestDatabase;
let server: TestServer;
let acme: Tenant;

beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  acme = await db.tenant("acme");
});
afterAll(async () => {
  await server.close();
  await db.close();
});

describe("supabase-js as it is", () => {
  test("sign in, query, refresh, query, sign out", async () => {
    const user = await addUser(db, "acme", "ann@acme.example");
    const client = supabase(server, acme);
    const events: string[] = [];
    client.auth.onAuthStateChange((event) => void events.push(event));
    const signedIn = taken(await client.auth.signInWithPassword({ email: " Ann@ACME.example ", password: PASSWORD }));
    expect(signedIn.user).toMatchObject({
      id: user.id,
      email: "ann@acme.example",
      app_metadata: { role: "member", tenant: "acme" },
    });
    expect((await client.from("customers").select("id").limit(1)).data).toHaveLength(1);
    expect(taken(await client.auth.getUser()).user.email).toBe("ann@acme.example");

    const refreshed = taken(await client.auth.refreshSession());
    expect(refreshed.session?.refresh_token).not.toBe(signedIn.session?.refresh_token);
    expect((await client.from("customers").select("id").limit(1)).data).toHaveLength(1);

    const { access_token: token } = refreshed.session!;
    expect((await client.auth.signOut()).error).toBeNull();
    expect(taken(await client.auth.getSession()).session).toBeNull();
    const late = await server.get("acme.localhost", "/rest/v1/customers?limit=1", { token });
    expect([late.status, late.json()["code"]]).toEqual([401, "RH207"]);
    expect(events).toEqual(expect.arrayContaining(["SIGNED_IN", "TOKEN_REFRESHED", "SIGNED_OUT"]));
  });

  test("by invitation: link, session, own password, sign-in, sign-out", async () => {
    const admin = supabase(server, acme, await server.token("acme", "admin"));
    taken(
      await admin.auth.admin.inviteUserByEmail("bea@acme.example", {
        data: { name: "Bea", role: "manager", team: "till" },
      }),
    );
    const { token, type, url } = await lastLink(db, "bea@acme.example");
    expect([url.origin, url.pathname, type]).toEqual([
      `http://acme.localhost:${server.port}`,
      "/auth/v1/verify",
      "invite",
    ]);

    const client = supabase(server, acme);
    expect((await client.auth.signInWithPassword({ email: "bea@acme.example", password: PASSWORD })).error?.code).toBe(
      "invalid_credentials",
    );
    const { user } = taken(await client.auth.verifyOtp({ token_hash: token, type: "invite" }));
    expect(user).toMatchObject({ user_metadata: { name: "Bea", team: "till" }, app_metadata: { role: "manager" } });
    taken(await client.auth.updateUser({ password: PASSWORD, data: { team: null, shift: 2 } }));
    expect((await client.auth.verifyOtp({ token_hash: token, type: "invite" })).error?.code).toBe("otp_expired");
    await client.auth.signOut();
    const again = taken(await client.auth.signInWithPassword({ email: "bea@acme.example", password: PASSWORD }));
    expect(again.user.user_metadata).toEqual({ name: "Bea", shift: 2 });
    expect((await admin.auth.admin.inviteUserByEmail("bea@acme.example")).error?.code).toBe("email_exists");
  });

  test("a program invites by a key of the role admin, and by no lesser one", async () => {
    const invite = async (role: string) => {
      const { key } = await createKey(await deskOf(db, "acme"), OPERATOR, acme.id, { name: role, rights: { role } });
      return supabase(server, acme, key).auth.admin.inviteUserByEmail(`by-${role}@acme.example`);
    };
    expect((await invite("manager")).error?.code).toBe("not_admin");
    expect(taken(await invite("admin")).user.email).toBe("by-admin@acme.example");
  });

  test("only owners and admins invite, only owners make owners, and nobody into another tenant", async () => {
    const invite = async (role: string, wanted: string) => {
      const client = supabase(server, acme, await server.token("acme", role));
      return (await client.auth.admin.inviteUserByEmail("cy@acme.example", { data: { role: wanted } })).error?.code;
    };
    expect(await invite("manager", "viewer")).toBe("not_admin");
    expect(await invite("admin", "owner")).toBe("not_admin");
    expect(await invite("admin", "no_such_role")).toBe("validation_failed");
    const globex = supabase(server, acme, await server.token("globex", "owner"));
    expect((await globex.auth.admin.inviteUserByEmail("cy@acme.example")).error?.status).toBe(403);
    const { rows } = await db.admin.query("select from tenant.users where email = 'cy@acme.example'");
    expect(rows).toEqual([]);
  });

  test("a forgotten password: the same answer for everybody, one link, and the old sessions end", async () => {
    await addUser(db, "acme", "dan@acme.example");
    const client = supabase(server, acme);
    const before = taken(await client.auth.signInWithPassword({ email: "dan@acme.example", password: PASSWORD }));
    const redirectTo = `http://acme.localhost:${server.port}/account`;
    expect(await client.auth.resetPasswordForEmail("dan@acme.example", { redirectTo })).toEqual({
      data: {},
      error: null,
    });
    expect(await client.auth.resetPasswordForEmail("nobody@acme.example")).toEqual({ data: {}, error: null });
    const { rows } = await db.admin.query("select from platform.outbox where to_address = 'nobody@acme.example'");
    expect(rows).toEqual([]);
    const { token, url } = await lastLink(db, "dan@acme.example");
    expect(url.searchParams.get("redirect_to")).toBe(redirectTo);

    const other = supabase(server, acme);
    taken(await other.auth.verifyOtp({ token_hash: token, type: "recovery" }));
    taken(await other.auth.updateUser({ password: "another walk by the sea" }));
    expect((await client.auth.getUser(before.session.access_token)).error?.name).toBe("AuthSessionMissingError");
    expect((await client.auth.signInWithPassword({ email: "dan@acme.example", password: PASSWORD })).error?.code).toBe(
      "invalid_credentials",
    );
    taken(await client.auth.signInWithPassword({ email: "dan@acme.example", password: "another walk by the sea" }));
  });

  test("a new address counts once its link is followed", async () => {
    await addUser(db, "acme", "eve@acme.example");
    const client = supabase(server, acme);
    taken(await client.auth.signInWithPassword({ email: "eve@acme.example", password: PASSWORD }));
    const { user } = taken(await client.auth.updateUser({ email: "Eva@acme.example" }));
    expect([user.email, user.new_email]).toEqual(["eve@acme.example", "eva@acme.example"]);
    const { token } = await lastLink(db, "eva@acme.example");
    taken(await client.auth.verifyOtp({ token_hash: token, type: "email_change" }));
    expect(taken(await client.auth.getUser()).user.email).toBe("eva@acme.example");
    expect((await client.auth.signInWithPassword({ email: "eve@acme.example", password: PASSWORD })).error?.code).toBe(
      "invalid_credentials",
    );
  });

  test("a new address that somebody else took meanwhile is refused, and the link is not used up", async () => {
    await addUser(db, "acme", "ida@acme.example");
    const client = supabase(server, acme);
    taken(await client.auth.signInWithPassword({ email: "ida@acme.example", password: PASSWORD }));
    taken(await client.auth.updateUser({ email: "joy@acme.example" }));
    const { token } = await lastLink(db, "joy@acme.example");
    await addUser(db, "acme", "joy@acme.example");
    expect((await client.auth.verifyOtp({ token_hash: token, type: "email_change" })).error?.code).toBe("email_exists");
    await db.admin.query("delete from tenant.users where email = 'joy@acme.example'");
    taken(await client.auth.verifyOtp({ token_hash: token, type: "email_change" }));
  });

  test("the current password, when it is given, has to be right", async () => {
    await addUser(db, "acme", "kim@acme.example");
    const client = supabase(server, acme);
    taken(await client.auth.signInWithPassword({ email: "kim@acme.example", password: PASSWORD }));
    const change = { password: "yet another walk", current_password: "not the password" };
    expect((await client.auth.updateUser(change)).error?.code).toBe("invalid_credentials");
    taken(await client.auth.updateUser({ ...change, current_password: PASSWORD }));
  });

  test("sign-up where the tenant allows it, with a confirmed address", async () => {
    const globex = await db.tenant("globex");
    const client = supabase(server, globex);
    const asked = { email: "fay@globex.example", password: PASSWORD, options: { data: { name: "Fay" } } };
    expect((await client.auth.signUp(asked)).error?.code).toBe("signup_disabled");
    await db.admin.query(
      'insert into tenant.settings (tenant_id, name, value) values ($1, \'auth\', \'{"signup": true, "role": "viewer"}\')',
      [globex.id],
    );
    expect((await client.auth.signUp({ ...asked, password: "1234567890" })).error).toMatchObject({
      name: "AuthWeakPasswordError",
      reasons: ["pwned"],
    });

    const made = taken(await client.auth.signUp(asked));
    expect([made.session, made.user?.email]).toEqual([null, "fay@globex.example"]);
    const taken_ = taken(await client.auth.signUp(asked)); // no word about the address being taken
    expect(Object.keys(taken_.user!).toSorted()).toEqual(Object.keys(made.user!).toSorted());
    expect((await client.auth.signInWithPassword({ email: asked.email, password: PASSWORD })).error?.code).toBe(
      "email_not_confirmed",
    );
    const { token } = await lastLink(db, "fay@globex.example");
    const { user } = taken(await client.auth.verifyOtp({ token_hash: token, type: "signup" }));
    expect(user?.app_metadata).toMatchObject({ role: "viewer", tenant: "globex" });
    expect((await client.from("customers").insert({ number: "x", name: "x" } as never)).error?.code).toBe("RH206");
    taken(await client.auth.signInWithPassword({ email: asked.email, password: PASSWORD }));
  });

  test("at the API's host the key tells the tenant", async () => {
    await addUser(db, "acme", "gus@acme.example");
    const client = supabase(server, acme, undefined, "api.localhost");
    taken(await client.auth.signInWithPassword({ email: "gus@acme.example", password: PASSWORD }));
    expect((await client.from("customers").select("id").limit(1)).data).toHaveLength(1);
    const globex = supabase(server, await db.tenant("globex"), undefined, "api.localhost");
    expect((await globex.auth.signInWithPassword({ email: "gus@acme.example", password: PASSWORD })).error?.code).toBe(
      "invalid_credentials",
    );
  });

  test("nobody who is not signed in sees a row, and a key of another tenant is refused", async () => {
    expect((await supabase(server, acme).from("customers").select("id")).error?.code).toBe("RH206");
    const globex = await db.tenant("globex");
    const mixed = supabase(server, { ...acme, id: globex.id });
    expect((await mixed.auth.signInWithPassword({ email: "ann@acme.example", password: PASSWORD })).error?.status).toBe(
      403,
    );
  });
});

describe("a moved tenant", () => {
  test("signs in where it lives", async () => {
    const there = await db.dedicated("elsewhere");
    await createTenantIn(
      { database: db.database, platform: db.platform },
      "elsewhere",
      { slug: "faraway", name: "Far Away" },
      "test",
    );
    const faraway = await db.tenant("faraway");
    const own = openDesk(
      { reach: (place, _access, work) => work(there.platform, place.epoch), keyring: db.database.keyring },
      faraway,
    );
    await addMember(own, OPERATOR, { email: "hal@faraway.example", role: "member", profile: { custom: {} } }, PASSWORD);
    const client = supabase(server, faraway);
    taken(await client.auth.signInWithPassword({ email: "hal@faraway.example", password: PASSWORD }));
    expect((await client.from("customers").select("id")).data).toEqual([]);
    taken(await client.auth.refreshSession());
    expect((await there.admin.query("select from tenant.sessions")).rowCount).toBe(1);
    expect((await db.admin.query("select from tenant.sessions where tenant_id = $1", [faraway.id])).rowCount).toBe(0);
  });
});
