import { afterAll, beforeAll, expect, test } from "vitest";
import { createKey, revokeKey } from "../../../src/auth/api-keys.ts";
import { openDesk } from "../../../src/auth/desk.ts";
import { runMove } from "../../../src/move/mover.ts";
import { startMove } from "../../../src/move/start.ts";
import { PATIENCE_MS, testDatabase, type DedicatedDatabase, type TestDatabase } from "../../harness.ts";
import { registerIssuer } from "../../../src/auth/register-issuer.ts";
import { openCheckedFetch } from "../../../src/net/checked-fetch.ts";
import { LOOPBACK, openProvider } from "../../auth/provider.ts";
import { eventually, testServer, type TestServer } from "../server.ts";
import { addUser, deskOf, OPERATOR, PASSWORD, supabase, taken } from "./client.ts";

let db: TestDatabase;
let there: DedicatedDatabase;
let server: TestServer;

beforeAll(async () => {
  db = await testDatabase();
  there = await db.dedicated("big1");
  server = await testServer(db, { settings: { OUTBOUND_ALLOWED: LOOPBACK } });
});
afterAll(async () => {
  await server.close();
  await db.close();
});

test("who was signed in before a move is signed in after it, and everything that ends a sign-in does so at the new place", async () => {
  const tenant = await db.tenant("initech");
  const { id } = await addUser(db, "initech", "ann@initech.example");
  const made = await createKey(await deskOf(db, "initech"), OPERATOR, tenant.id, {
    name: "moved",
    rights: { role: "viewer" },
  });
  const client = supabase(server, tenant);
  taken(await client.auth.signInWithPassword({ email: "ann@initech.example", password: PASSWORD }));

  const site = { home: db.database, platform: db.platform, actor: "operator:test" };
  const move = await startMove(site, { slug: "initech", to: "big1" });
  expect((await runMove(site, move!)).state).toBe("observing");

  const read = () => client.from("customers").select("id").limit(1);
  expect((await read()).data).toHaveLength(1);
  taken(await client.auth.refreshSession());
  expect((await read()).data).toHaveLength(1);
  const byKey = async () =>
    (await server.get("initech.localhost", "/rest/v1/customers?limit=1", { token: made.key })).status;
  expect(await byKey()).toBe(200);
  const other = supabase(server, tenant);
  taken(await other.auth.signInWithPassword({ email: "ann@initech.example", password: PASSWORD }));
  const sessions = "select from tenant.sessions where user_id = $1";
  expect((await there.admin.query(sessions, [id])).rowCount).toBe(2);

  expect((await client.auth.resetPasswordForEmail("ann@initech.example")).error).toBeNull();
  expect((await there.admin.query("select from platform.outbox")).rowCount).toBe(1);

  expect((await other.auth.signOut({ scope: "global" })).error).toBeNull();
  expect((await read()).error?.code).toBe("RH207");
  const moved = await db.tenant("initech");
  const reach = openDesk(
    { reach: (_place, _access, work) => work(there.platform, moved.epoch), keyring: db.database.keyring },
    moved,
  );
  await revokeKey(reach, OPERATOR, made.id);
  expect(await byKey()).toBe(401);
}, 180_000);

test("who signs in at an identity provider does so after a move, too, and the new place has the registration", async () => {
  const own = await db.dedicated("big2");
  await using provider = await openProvider();
  const tenant = await db.tenant("globex");
  const registrar = {
    pool: db.platform,
    fetch: openCheckedFetch({ allowed: LOOPBACK, timeoutMs: PATIENCE_MS }),
    actor: "test",
  };
  const rules = { users: "create", roles: { staff: "manager" }, roleClaim: "groups", defaultRole: "member" } as const;
  await registerIssuer(registrar, tenant.id, { issuer: provider.issuer, audience: "app", ...rules });
  const claims = { email: "ann@globex.example", email_verified: true };
  const token = await provider.token("ann", { claims });
  const ask = (given = token) => server.get("globex.localhost", "/rest/v1/customers?limit=1", { token: given });
  await eventually(async () => expect((await ask()).status).toBe(200));

  const site = { home: db.database, platform: db.platform, actor: "operator:test" };
  const move = await startMove(site, { slug: "globex", to: "big2" });
  expect((await runMove(site, move!)).state).toBe("observing");
  const { rows } = await own.admin.query(
    "select issuer, kind, audience, roles, users, default_role from platform.issuers where tenant_id = $1",
    [tenant.id],
  );
  expect(rows).toEqual([
    {
      issuer: provider.issuer,
      kind: "jwks",
      audience: "app",
      roles: { staff: "manager" },
      users: "create",
      default_role: "member",
    },
  ]);
  expect((await ask()).status).toBe(200);
  const bea = { email: "bea@globex.example", email_verified: true };
  expect((await ask(await provider.token("bea", { claims: bea }))).status).toBe(200);
  await own.admin.query("update tenant.users set is_active = false where email like '%@globex.example'");
  const refused = await ask();
  expect([refused.status, refused.json()["code"]]).toEqual([401, "RH208"]);
}, 180_000);
