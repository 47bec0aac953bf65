import { availableParallelism } from "node:os";
import { afterEach, describe, expect, test, vi } from "vitest";
import { readEmail } from "../../src/auth/email.ts";
import { checkAgainst, hashPassword, PREFERRED, type Cost } from "../../src/auth/password.ts";
import { checkPassword } from "../../src/auth/password-policy.ts";
import { readProfile } from "../../src/auth/profile.ts";
import { RowhouseError } from "../../src/errors.ts";

const kindOf = (work: () => unknown): string => {
  try {
    work();
    return "taken";
  } catch (error) {
    return error instanceof RowhouseError ? `${error.kind} ${error.details ?? ""}`.trim() : String(error);
  }
};

afterEach(() => vi.useRealTimers());

describe("hashes", () => {
  test("are argon2id as RFC 9106 counts, in PHC form, with a salt of their own", async () => {
    const [one, other] = [await hashPassword("a long walk"), await hashPassword("a long walk")];
    expect(PREFERRED.kind).toBe("argon2id");
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(one).not.toBe(other);
    expect(await checkAgainst("a long walk", one)).toEqual({ matches: true, isStale: false });
    expect(await checkAgainst("a long wal", one)).toEqual({ matches: false, isStale: false });
  });

  test.each<[string, Cost]>([
    ["argon2id that cost less", { kind: "argon2id", m: 8192, t: 1, p: 1 }],
    ["scrypt", { kind: "scrypt", ln: 14, r: 8, p: 1 }],
  ])("%s is still read, and known as stale", async (_, cost) => {
    const phc = await hashPassword("a long walk", "", cost);
    expect(await checkAgainst("a long walk", phc)).toEqual({ matches: true, isStale: true });
    expect((await checkAgainst("another walk", phc)).matches).toBe(false);
  });

  test("no user, no hash, or a broken one matches nothing", async () => {
    for (const phc of [null, "", "$argon2id$", "$scrypt$not-a-hash", "$2b$12$abcdefghijklmnopqrstuv"]) {
      expect((await checkAgainst("password", phc)).matches).toBe(false);
    }
  });

  test("who has many to hash keeps nobody else waiting", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }); // nobody has waited for too long
    const many = 16 * availableParallelism();
    const ended: string[] = [];
    const hash = (whose: string) => hashPassword("a long walk", whose).then(() => ended.push(whose));
    await Promise.all([...Array.from({ length: many }, () => hash("globex")), hash("acme")]);
    expect(ended).toHaveLength(many + 1);
    expect(ended.indexOf("acme")).toBeLessThan(many / 2);
  });

  test("two ways to type one letter are one password", async () => {
    const phc = await hashPassword("caf\u00e9 au lait");
    expect((await checkAgainst("cafe\u0301 au lait", phc)).matches).toBe(true);
  });
});

describe("passwords", () => {
  const ask = (password: string) => kindOf(() => checkPassword(password, "ann.smith@acme.example"));

  test.each([
    ["a long walk by the sea", "taken"],
    ["zażółć gęślą jaźń", "taken"],
    ["xxxxxxxxxy", "taken"],
    ["🐈🐕🐎🐄🐖🐑🐐🐓🦆🐇", "taken"],
    ["x".repeat(9), "passwordWeak length"],
    ["q7".repeat(65), "passwordWeak length"],
    ["Ann.Smith@acme.example", "passwordWeak pwned"],
    ["Password1234", "passwordWeak pwned"],
    ["1234567890", "passwordWeak pwned"],
    ["aaaaaaaaaaaa", "passwordWeak pwned"],
    ["abcabcabcabc", "passwordWeak pwned"],
    ["abcdefghijklm", "passwordWeak pwned"],
    ["nmlkjihgfedcba", "passwordWeak pwned"],
    ["nul\0 in the middle", "passwordWeak characters"],
    ["half of a pair \ud83d", "passwordWeak characters"],
  ])("%j: %s", (password, outcome) => {
    expect(ask(password)).toBe(outcome);
  });
});

describe("e-mail addresses", () => {
  test("are kept in lower case, without spaces around", () => {
    expect(readEmail(" Ann@ACME.Example ")).toBe("ann@acme.example");
  });

  test.each([
    "",
    "ann",
    "@acme.example",
    "ann@",
    "a b@c.example",
    "ann@acme@example",
    "ann@acme.example\nBcc: x@y",
    `${"x".repeat(250)}@a.example`,
    7,
    null,
  ])("%j is none", (given) => {
    expect(kindOf(() => readEmail(given))).toBe("bodyInvalid");
  });
});

test("profiles: the name apart, the rest as it is", () => {
  expect(readProfile({ name: "Ann", shift: 2 })).toEqual({ name: "Ann", custom: { shift: 2 } });
  expect(readProfile(undefined)).toEqual({ custom: {} });
  expect(readProfile({ name: null })).toEqual({ name: null, custom: {} });
  for (const bad of ["text", [1], { name: "" }, { name: 7 }, { name: "x".repeat(201) }])
    expect(kindOf(() => readProfile(bad))).toBe("bodyInvalid");
});
