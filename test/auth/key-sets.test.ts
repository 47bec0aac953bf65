import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readKeySet } from "../../src/auth/key-set.ts";
import { openKeySets, type KeySets } from "../../src/auth/key-sets.ts";
import { openCheckedFetch } from "../../src/net/checked-fetch.ts";
import { LOOPBACK, makeKey, openPatientFetch, openProvider, type Provider } from "./provider.ts";

const fetch = openPatientFetch();
const UNAVAILABLE = { code: "RH226", status: 503 };
const MINUTE = 60_000;

let provider: Provider;
let sets: KeySets;
beforeEach(async () => {
  provider = await openProvider("ES256");
  sets = openKeySets({ fetch });
  pass(0); // from here on time is what a test says
});
afterEach(async () => {
  vi.useRealTimers();
  await provider[Symbol.asyncDispose]();
});

const nameOf = ({ issuer, jwksUrl }: Provider) => ({ issuer, url: jwksUrl });
const kidsOf = async () => (await sets.find(nameOf(provider))).keys.map(({ kid }) => kid);
/** Later, by the clock alone. */
const pass = (ms: number) => vi.useFakeTimers({ now: Date.now() + ms, toFake: ["Date"] });
const fetches = () => provider.asked.length;

describe("a key set", () => {
  const answer = (body: string, status = 200) => {
    provider.answer = (_, res) => res.writeHead(status).end(body);
  };
  const read = () => readKeySet(fetch, provider.jwksUrl);

  test("has the keys that signatures are verified by", async () => {
    const { publicJwk } = provider.keys[0]!;
    const others = [
      { ...publicJwk, kid: "enc", use: "enc" },
      { kty: "XYZ", kid: "new" },
      { ...publicJwk, kid: "other", alg: "ECDH-ES" },
    ];
    answer(JSON.stringify({ keys: [publicJwk, ...others] }));
    expect((await read()).keys).toEqual([{ kid: "one", kty: "EC", alg: "ES256" }]);
  });

  test.each([
    ["no JSON", "<html>"],
    ["no set", "{}"],
    ["a list", "[]"],
    ["nothing in it", '{"keys":[]}'],
    ["something else in it", '{"keys":["x"]}'],
    ["a symmetric key", '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'],
    ["a private key", '{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}]}'],
    ["101 keys", JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: "EC" })) })],
  ])("%s: refused", async (_name, body) => {
    answer(body);
    await expect(read()).rejects.toMatchObject({ code: "RH225" });
  });

  test("a redirect is not followed", async () => {
    await using other = await openProvider();
    provider.answer = (_, res) => res.writeHead(302, { location: other.jwksUrl }).end();
    await expect(read()).rejects.toMatchObject({ code: "RH223" });
    expect(other.asked).toEqual([]);
  });

  test("larger than 256 KiB: refused", async () => {
    answer(`{"keys":[],"x":"${"x".repeat(262_144)}"}`);
    await expect(read()).rejects.toMatchObject({ code: "RH223", message: expect.stringContaining("larger") });
  });

  test("at a private address: refused, and nothing was asked", async () => {
    await expect(readKeySet(openCheckedFetch({ allowed: [] }), provider.jwksUrl)).rejects.toMatchObject({
      code: "RH222",
    });
    expect(fetches()).toBe(0);
  });

  test("of a server that does not answer: given up after 3 seconds", async () => {
    provider.answer = () => {};
    const given = readKeySet(openCheckedFetch({ allowed: LOOPBACK }), provider.jwksUrl);
    await expect(given).rejects.toMatchObject({ code: "RH223", message: expect.stringContaining("3000 ms") });
  });
});

describe("memory", () => {
  test("many at once are one fetch, and the next minutes none", async () => {
    await Promise.all(Array.from({ length: 50 }, kidsOf));
    pass(4 * MINUTE);
    expect(await kidsOf()).toEqual(["one"]);
    expect(fetches()).toBe(1);
  });

  test("an older set is taken while the next one comes, and a much older one is not", async () => {
    await kidsOf();
    await provider.addKey("two");
    pass(6 * MINUTE);
    expect(await kidsOf()).toEqual(["one"]);
    await expect.poll(kidsOf).toEqual(["one", "two"]);
    expect(fetches()).toBe(2);
    provider.keys.shift();
    pass(11 * MINUTE);
    expect(await kidsOf()).toEqual(["two"]);
  });

  test("while the issuer is down the last set is good for an hour, and then no more", async () => {
    await kidsOf();
    provider.answer = (_, res) => res.writeHead(503).end();
    pass(59 * MINUTE);
    expect(await kidsOf()).toEqual(["one"]);
    pass(2 * MINUTE);
    await expect(kidsOf()).rejects.toMatchObject(UNAVAILABLE);
    provider.answer = null;
    pass(MINUTE);
    expect(await kidsOf()).toEqual(["one"]);
  });

  test("a failing issuer is asked no more often than every 5 seconds, by however many", async () => {
    const failures: unknown[] = [];
    sets = openKeySets({ fetch, onFailure: (_, error) => failures.push(error) });
    provider.answer = (_, res) => res.writeHead(500).end();
    for (let round = 0; round < 20; round++) await expect(kidsOf()).rejects.toMatchObject(UNAVAILABLE);
    expect([fetches(), failures.length]).toEqual([1, 1]);
    pass(6000);
    await expect(kidsOf()).rejects.toMatchObject(UNAVAILABLE);
    expect(fetches()).toBe(2);
  });

  test("a slow issuer keeps nobody else waiting", async () => {
    await using fast = await openProvider();
    let release = () => {};
    provider.answer = (_, res) => {
      release = () => res.end(JSON.stringify({ keys: provider.keys.map(({ publicJwk }) => publicJwk) }));
    };
    const slow = kidsOf();
    expect((await sets.find(nameOf(fast))).keys).toHaveLength(1);
    await expect.poll(fetches).toBe(1);
    release();
    expect(await slow).toEqual(["one"]);
  });

  test("two issuers at one URL share nothing", async () => {
    const shared = provider.jwksUrl;
    const first = await sets.find({ issuer: "https://a.example", url: shared });
    const second = await sets.find({ issuer: "https://b.example", url: shared });
    expect(second).not.toBe(first);
  });
});

describe("unknown keys", () => {
  test("a new one is looked for once in 30 seconds, however many are made up", async () => {
    const name = nameOf(provider);
    const first = await sets.find(name);
    await provider.addKey("two");
    expect((await sets.renew(name, first)).keys).toHaveLength(1); // it was fetched a moment ago
    pass(31_000);
    const second = await sets.renew(name, first);
    expect(second.keys.map(({ kid }) => kid)).toEqual(["one", "two"]);
    const before = fetches();
    for (let round = 0; round < 200; round++) await sets.renew(name, second);
    await Promise.all(Array.from({ length: 200 }, () => sets.renew(name, second)));
    expect(fetches()).toBe(before);
    pass(31_000);
    await Promise.all(Array.from({ length: 200 }, () => sets.renew(name, second)));
    expect(fetches()).toBe(before + 1);
  });

  test("while the issuer fails, the set that there is goes on", async () => {
    const name = nameOf(provider);
    const first = await sets.find(name);
    provider.answer = (_, res) => res.writeHead(500).end();
    pass(31_000);
    expect(await sets.renew(name, first)).toBe(first);
    expect(await sets.find(name)).toBe(first);
  });

  test("a withdrawn key is refused once the set is old", async () => {
    await kidsOf();
    provider.keys = [await makeKey("three", "ES256")];
    pass(11 * MINUTE);
    expect(await kidsOf()).toEqual(["three"]);
  });
});
