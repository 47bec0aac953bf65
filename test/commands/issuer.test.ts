import { afterAll, beforeAll, expect, test } from "vitest";
import { openProvider, type Provider } from "../auth/provider.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { ended, runOn, start, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let provider: Provider;
let env: Record<string, string>;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  provider = await openProvider();
  env = { OUTBOUND_ALLOWED: new URL(provider.issuer).host };
  rowhouse = runOn(db.url, env);
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await db.close();
});

/** `issuer test` with a token on stdin. */
function tryToken(token: string): Promise<Ended> {
  const child = start(["issuer", "test", "acme", provider.issuer, "--token-stdin"], {
    env: { DATABASE_URL: db.url, ...env },
  });
  child.stdin.end(`${token}\n`);
  return ended(child);
}

test("add finds the key set, test tries it and a token, update and remove take effect", async () => {
  const roles = ["--role-claim", "groups", "--role", "cn=staff,dc=acme=manager", "--role", "boss=admin"];
  const added = await rowhouse("issuer", "add", "acme", provider.issuer, "--audience", "app", ...roles);
  expect([added.code, added.stderr]).toEqual([0, ""]);
  expect(added.stdout).toContain(provider.jwksUrl);
  expect(added.stdout).toContain("cn=staff,dc=acme=manager");

  const tested = await rowhouse("issuer", "test", "acme", provider.issuer);
  expect(tested.code).toBe(0);
  expect(tested.stdout).toMatch(/one\s+RSA\s+RS256/);
  const good = await tryToken(await provider.token("ann", { claims: { groups: ["cn=staff,dc=acme"] } }));
  expect(good.stdout).toMatch(/role\s+manager/);
  const bad = await tryToken(await provider.token("ann", { claims: { aud: "other" } }));
  expect([bad.code, bad.stdout]).toEqual([1, ""]);
  expect(bad.stderr).toContain("JWT not in audience");

  const updated = await rowhouse("issuer", "update", "acme", provider.issuer, "--no-active", "--allow-owner", "--json");
  expect(updated.json()).toMatchObject({ isActive: false, allowsOwner: true, audience: "app", users: "none" });
  const off = await tryToken(await provider.token("ann"));
  expect(off.stderr).toContain("The issuer is not active");

  expect((await rowhouse("issuer", "remove", "acme", provider.issuer)).code).toBe(0);
  expect((await rowhouse("issuer", "remove", "acme", provider.issuer)).code).toBe(4);
  const list = await rowhouse("issuer", "list", "acme");
  expect([list.stdout, list.stderr]).toEqual(["", expect.stringContaining("No issuers")]);
});

test("a shared secret is on stdout alone, this once", async () => {
  const added = await rowhouse("issuer", "add", "acme", "billing", "--audience", "app");
  expect(added.stdout).toMatch(/^[\w-]{64}\n$/);
  expect(added.stderr).toContain("shown once");
  expect((await rowhouse("issuer", "list", "acme", "--json")).stdout).not.toContain(added.stdout.trim());
});

test("an issuer at an address that the setting does not list is not asked", async () => {
  const before = provider.asked.length;
  const strict = runOn(db.url);
  const refused = await strict("issuer", "add", "acme", provider.issuer, "--audience", "app");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("OUTBOUND_ALLOWED");
  expect(provider.asked.length).toBe(before);
  const malformed = runOn(db.url, { OUTBOUND_ALLOWED: "idp" });
  expect((await malformed("issuer", "add", "acme", provider.issuer, "--audience", "app")).code).toBe(2);
});
