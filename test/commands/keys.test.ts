import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  rowhouse = runOn(db.url);
});
afterAll(() => db.close());

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as Record<string, unknown>;
}

describe("token", () => {
  test("prints the token alone", async () => {
    const { code, stdout, stderr } = await rowhouse("token", "acme", "--role", "admin", "--ttl", "10m");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const claims = claimsOf(stdout);
    expect(claims).toMatchObject({
      tenant: (await db.tenant("acme")).id,
      role: "admin",
      sub: "service:operator",
      aud: "rowhouse",
    });
    expect(Number(claims["exp"]) - Number(claims["iat"])).toBe(600);
  });

  test("may do by default what an administrator may", async () => {
    const { json } = await rowhouse("token", "globex", "--sub", "u1", "--json");
    const answer = json<{ token: string }>();
    expect(answer).toMatchObject({
      tenant: "globex",
      role: "admin",
      sub: "u1",
      expiresAt: expect.stringMatching(/Z$/),
    });
    expect(claimsOf(answer.token)).toMatchObject({ role: "admin", sub: "u1" });
  });

  test("refuses an unknown tenant and a lifetime out of range, warns of a suspended tenant", async () => {
    expect(await rowhouse("token", "nobody")).toMatchObject({ code: 4, stdout: "" });
    expect(await rowhouse("token", "acme", "--ttl", "8d")).toMatchObject({ code: 2, stdout: "" });
    await rowhouse("tenant", "suspend", "initech");
    expect((await rowhouse("token", "initech", "-q")).stderr).toContain("warning: initech is suspended");
  });
});

test("keys rotate makes the key that signs; the old one is accepted for as long as was said", async () => {
  const before = await rowhouse("token", "acme");
  const { json } = await rowhouse("keys", "rotate", "--alg", "ES256", "--accept-for", "1h", "--json");
  const key = json<{ kid: string }>();
  expect(key).toMatchObject({ alg: "ES256", retiredAt: null });
  const keys = (await rowhouse("keys", "list", "--json")).json<Record<string, unknown>[]>();
  expect(keys.map(({ kid, alg, retiredAt }) => [kid === key.kid, alg, retiredAt === null])).toEqual([
    [true, "ES256", true],
    [false, "EdDSA", false],
  ]);
  expect(JSON.stringify(keys)).not.toContain('"d":');
  expect((await rowhouse("keys", "list")).stdout).toMatch(/ES256 +\S+ +signs\n.*EdDSA +\S+ +accepted until /);
  const header = (token: string) =>
    JSON.parse(Buffer.from(token.split(".")[0]!, "base64url").toString()) as { kid: string };
  expect(header((await rowhouse("token", "acme")).stdout).kid).toBe(key.kid);
  expect(header(before.stdout).kid).not.toBe(key.kid);
});

test("keys secret: made once, replaced and removed only when asked", async () => {
  const made = await rowhouse("keys", "secret", "acme");
  expect(made.stdout).toMatch(/^[\w-]{64}\n$/);
  expect(await rowhouse("keys", "secret", "acme")).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining("--rotate"),
  });
  const rotated = await rowhouse("keys", "secret", "acme", "--rotate", "--json");
  expect(rotated.json()).toMatchObject({
    tenant: "acme",
    alg: "HS256",
    audience: "rowhouse",
    issuer: expect.stringMatching(/^urn:uuid:/),
  });
  expect((await rowhouse("keys", "secret", "acme", "--remove", "--json")).json()).toEqual({
    tenant: "acme",
    removed: true,
  });
  expect((await rowhouse("keys", "secret", "acme", "--remove", "--json")).json()).toEqual({
    tenant: "acme",
    removed: false,
  });
});
