import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openKeyset } from "../../src/auth/keyset.ts";
import { ensureSigningKey, listSigningKeys, publicKeys, rotateSigningKey } from "../../src/auth/keys.ts";
import { mintToken } from "../../src/auth/token.ts";
import { verifyToken } from "../../src/auth/verify.ts";
import { listEvents } from "../../src/audit/events.ts";
import { testDatabase } from "../harness.ts";
import { verifyingKeys } from "./provider.ts";

const POLICY = { issuer: "https://rowhouse.test", audience: "rowhouse" };
const db = await testDatabase();
const keyset = openKeyset(db.platform);
const { id: tenantId } = await db.tenant("acme");
const mint = () => mintToken(keyset, POLICY, { tenantId, sub: "u1", role: "admin", ttlSeconds: 60 });
const verify = (token: string) => verifyToken(token, { ...verifyingKeys(db), keyset }, POLICY);
const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split(".")[0]!, "base64url").toString()).kid;

beforeEach(async () => {
  await db.admin.query("truncate platform.signing_keys");
  keyset.clear();
});
afterEach(() => vi.useRealTimers());
afterAll(() => db.close());

describe("the first key", () => {
  test("is made once, however many ask", async () => {
    const keys = await Promise.all(Array.from({ length: 4 }, () => ensureSigningKey(db.platform)));
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1);
    expect(await listSigningKeys(db.platform)).toHaveLength(1);
  });

  test("is made by the first token", async () => {
    await expect(verify(await mint())).resolves.toBeDefined();
    expect((await ensureSigningKey(db.platform)).kid).toBe((await keyset.current()).kid);
  });
});

describe("rotation", () => {
  test("signs with the new key and accepts the old one's tokens until then", async () => {
    const old = await mint();
    const next = await rotateSigningKey(db.platform, { alg: "ES256", acceptForSeconds: 3600 }, "operator:test");
    keyset.clear();
    const young = await mint();
    expect(kidOf(young)).toBe(next.kid);
    expect(next.alg).toBe("ES256");
    await expect(verify(old)).resolves.toBeDefined();
    await expect(verify(young)).resolves.toBeDefined();
    expect((await publicKeys(db.platform)).keys.map(({ kid, alg, use }) => ({ kid, alg, use }))).toEqual([
      { kid: next.kid, alg: "ES256", use: "sig" },
      { kid: kidOf(old), alg: "EdDSA", use: "sig" },
    ]);
  });

  test("with nothing accepted ends the old key's tokens at once", async () => {
    const old = await mint();
    await rotateSigningKey(db.platform, { acceptForSeconds: 0 }, "operator:test");
    keyset.clear();
    await expect(verify(old)).rejects.toMatchObject({ code: "PGRST301" });
    expect((await publicKeys(db.platform)).keys.map(({ kid }) => kid)).not.toContain(kidOf(old));
  });

  test("a token is good no longer than its key is accepted", async () => {
    const old = await mintToken(keyset, POLICY, { tenantId, sub: "u1", role: "admin", ttlSeconds: 7200 });
    await rotateSigningKey(db.platform, { acceptForSeconds: 3600 }, "operator:test");
    keyset.clear();
    const { goodUntil, principal } = await verify(old);
    const [, retired] = await listSigningKeys(db.platform);
    expect(goodUntil).toBe(Date.parse(retired!.acceptedUntil!));
    expect(goodUntil).toBeLessThan(principal.expiresAt * 1000);
  });

  test("keeps the algorithm unless it is told another", async () => {
    await ensureSigningKey(db.platform, "test", "ES256");
    expect((await rotateSigningKey(db.platform, {}, "test")).alg).toBe("ES256");
    expect((await rotateSigningKey(db.platform, { alg: "EdDSA" }, "test")).alg).toBe("EdDSA");
  });

  test.each([-1, 0.5, NaN, Infinity, 400 * 86_400])(
    "accepts the old key for no %d seconds",
    async (acceptForSeconds) => {
      await expect(rotateSigningKey(db.platform, { acceptForSeconds }, "test")).rejects.toMatchObject({
        code: "RH400",
      });
    },
  );

  test("destroys the old private key, and none is ever published", async () => {
    await ensureSigningKey(db.platform);
    await rotateSigningKey(db.platform, {}, "operator:test");
    const { rows } = await db.admin.query("select private_jwk from platform.signing_keys where retired_at is not null");
    expect(rows).toEqual([{ private_jwk: {} }]);
    for (const jwk of (await publicKeys(db.platform)).keys) expect(jwk).not.toHaveProperty("d");
    for (const jwk of (await keyset.jwks()).keys) expect(jwk).not.toHaveProperty("d");
  });

  test("two at once: each wins or is refused cleanly, and one key signs", async () => {
    await ensureSigningKey(db.platform);
    const results = await Promise.allSettled([1, 2, 3].map((n) => rotateSigningKey(db.platform, {}, `operator:${n}`)));
    const lost = results.filter((result) => result.status === "rejected").map(({ reason }) => reason);
    expect(lost.length).toBeLessThan(3);
    for (const error of lost) expect(error).toMatchObject({ code: "RH419", exit: 5 });
    const keys = await listSigningKeys(db.platform);
    expect(keys.filter(({ retiredAt }) => retiredAt === null)).toHaveLength(1);
    expect(keys).toHaveLength(1 + 3 - lost.length);
  });

  test("that saw the key which another has rotated meanwhile is refused", async () => {
    await ensureSigningKey(db.platform);
    const rival = await db.database.connect("rowhouse_platform");
    await rival.query("begin");
    await rival.query(
      "update platform.signing_keys set retired_at = now(), accepted_until = now() where retired_at is null",
    );
    const rotation = rotateSigningKey(db.platform, {}, "operator:test");
    const outcome = rotation.catch((error: unknown) => error);
    await waitForLock(1);
    await rival.query("commit");
    await rival.end();
    expect(await outcome).toMatchObject({ code: "RH419" });
  });

  test("is in the audit trail, without keys", async () => {
    await ensureSigningKey(db.platform);
    await rotateSigningKey(db.platform, {}, "operator:audited");
    const events = (await listEvents(db.platform)).filter(({ actor }) => actor === "operator:audited");
    expect(events.map(({ action }) => action)).toEqual(["signing_key.created", "signing_key.retired"]);
    expect(JSON.stringify(events)).not.toMatch(/"(d|x|y|crv)"/);
  });
});

test("a key that another server made is found without being told, a second after the last look", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  await mint();
  const other = openKeyset(db.platform);
  await rotateSigningKey(db.platform, {}, "operator:test");
  const young = await mintToken(other, POLICY, { tenantId, sub: "u1", role: "admin", ttlSeconds: 60 });
  await expect(verify(young)).rejects.toMatchObject({ code: "PGRST301" });
  vi.setSystemTime(Date.now() + 1001);
  await expect(verify(young)).resolves.toBeDefined();
});

test.each([0, -1, 1.5, NaN, 8 * 86_400])("no token is minted for %d seconds", async (ttlSeconds) => {
  const request = { tenantId, sub: "u1", role: "admin", ttlSeconds };
  await expect(mintToken(keyset, POLICY, request)).rejects.toMatchObject({ code: "RH400" });
});

async function waitForLock(count: number): Promise<void> {
  const text =
    "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  await expect.poll(async () => (await db.admin.query(text)).rows[0].count).toBe(count);
}
