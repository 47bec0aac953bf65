import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { isApiKey, newApiKey, publicKey, readApiKey } from "../../src/auth/api-key.ts";
import { parseScopes } from "../../src/auth/api-keys.ts";
import { networkOf } from "../../src/auth/attempts.ts";
import { fromBase62, toBase62 } from "../../src/auth/base62.ts";
import { parseAuthSettings } from "../../src/auth/sign-up.ts";

const TENANTS = [
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  randomUUID(),
  randomUUID(),
];

describe("an API key", () => {
  test.each(TENANTS)("tells its tenant, %s, and its digest is the grant", (tenantId) => {
    const { key, prefix, digest } = newApiKey(tenantId);
    expect(key).toMatch(/^rh_live_[0-9A-Za-z]{71}$/);
    expect(readApiKey(key)).toMatchObject({
      kind: "service",
      id: `service:${prefix}`,
      tenantId,
      role: "service",
      grant: `k${digest.toString("hex")}`,
    });
  });

  test("that is public tells its tenant and grants nothing", () => {
    for (const tenantId of TENANTS) {
      const principal = readApiKey(publicKey(tenantId));
      expect(principal).toMatchObject({ id: "anonymous", role: "anonymous", tenantId });
      expect(principal?.grant).toBeUndefined();
    }
  });

  test("of another length, alphabet or number is none, and no JWT is one", () => {
    const { key } = newApiKey(randomUUID());
    const tooLarge = `rh_live_abcdef${"z".repeat(22)}${"0".repeat(43)}`; // 62^22 - 1 does not fit a uuid
    for (const bad of [
      key.slice(1),
      `${key}0`,
      key.slice(0, -1),
      key.replace("rh_live_", "rh_test_"),
      `${key.slice(0, -1)}-`,
      tooLarge,
      "rh_anon_",
      "",
    ])
      expect(readApiKey(bad)).toBeNull();
    expect([key, "rh_anon_x", "eyJhbGciOi.e30.x", ""].map(isApiKey)).toEqual([true, true, false, false]);
  });

  test("never comes twice", () => {
    const made = new Set(Array.from({ length: 1000 }, () => newApiKey(TENANTS[0]!).key));
    expect(made.size).toBe(1000);
  });
});

test("base 62 there and back, and refused where it does not fit", () => {
  for (const hex of ["00", "ff", "0001", "deadbeef", "ff".repeat(32)]) {
    const bytes = Buffer.from(hex, "hex");
    expect(fromBase62(toBase62(bytes, 43), bytes.length)?.toString("hex")).toBe(hex);
  }
  expect(fromBase62("zz", 1)).toBeNull();
  expect(fromBase62("a_b", 8)).toBeNull();
});

test("scopes of the command line", () => {
  expect(parseScopes(["customers=select,insert", "*=select", "customers=select"])).toEqual({
    customers: ["select", "insert"],
    "*": ["select"],
  });
  for (const bad of ["customers", "=select", "customers=", "customers=drop", "customers=select,,insert"])
    expect(() => parseScopes([bad])).toThrow(/its verbs/);
});

test("addresses are counted by network: IPv4 each, IPv6 by /64", () => {
  expect(networkOf("192.0.2.7")).toBe("192.0.2.7");
  expect(networkOf("::ffff:192.0.2.7")).toBe("192.0.2.7");
  expect(networkOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2");
  expect(networkOf("2001:0DB8:0001:0002::9")).toBe("2001:db8:1:2");
  expect(networkOf("2001:db8::1")).toBe("2001:db8:0:0");
  expect(networkOf("::1")).toBe("0:0:0:0");
  expect(networkOf(null)).toBe("nowhere");
});

test("whatever stands in the setting auth, nobody becomes an administrator by signing up", () => {
  const closed = { signup: false, confirm: true, role: "member" };
  for (const value of [null, undefined, "text", 7, [], { signup: "yes" }])
    expect(parseAuthSettings(value)).toEqual(closed);
  expect(parseAuthSettings({ signup: true, confirm: false, role: "viewer" })).toEqual({
    signup: true,
    confirm: false,
    role: "viewer",
  });
  for (const role of ["owner", "admin", 7])
    expect(parseAuthSettings({ signup: true, role })).toEqual({ signup: true, confirm: true, role: "member" });
});
