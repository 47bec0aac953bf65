import { createHmac } from "node:crypto";
import { afterAll, describe, expect, test, vi } from "vitest";
import { openKeyset } from "../../src/auth/keyset.ts";
import { rotateSigningKey } from "../../src/auth/keys.ts";
import { authenticate, readCredentials } from "../../src/auth/credentials.ts";
import { scopeOf } from "../../src/auth/principal.ts";
import { openTokenSecrets, removeTokenSecret, setTokenSecret, type TokenSecret } from "../../src/auth/secrets.ts";
import { mintToken } from "../../src/auth/token.ts";
import { openVerifier } from "../../src/auth/verifier.ts";
import { KEYS_CHANNEL, listen, TENANTS_CHANNEL } from "../../src/db/listen.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { testDatabase } from "../harness.ts";
import { verifyingKeys } from "./provider.ts";

const POLICY = { issuer: "https://rowhouse.test", audience: "rowhouse" };
const db = await testDatabase();
const keyset = openKeyset(db.platform);
const open = () => openVerifier({ ...verifyingKeys(db), keyset }, POLICY);
const mint = async (slug: string, ttlSeconds = 60) =>
  mintToken(keyset, POLICY, { tenantId: (await db.tenant(slug)).id, sub: "u1", role: "admin", ttlSeconds });

function signedBy({ secret, issuer, tenantId }: TokenSecret): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: "rowhouse", sub: "service:shop", tenant: tenantId, iat: now, exp: now + 60 };
  const parts = [{ alg: "HS256", typ: "JWT" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  return [...parts, createHmac("sha256", secret).update(parts.join(".")).digest("base64url")].join(".");
}

afterAll(() => db.close());

describe("memory", () => {
  test("the second time gives the same principal", async () => {
    const verifier = open();
    const token = await mint("acme");
    expect(await verifier.verify(token)).toBe(await verifier.verify(token));
  });

  test("a token that expired is refused, remembered or not", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const verifier = open();
      const token = await mint("acme", 1);
      await verifier.verify(token);
      vi.setSystemTime(Date.now() + 7000); // a second of life, five of tolerance, and some
      await expect(verifier.verify(token)).rejects.toMatchObject({ code: "PGRST303", message: "JWT expired" });
    } finally {
      vi.useRealTimers();
    }
  });

  test("a verification that began before a change is not remembered", async () => {
    const token = signedBy(await setTokenSecret(db.platform, "acme", "test"));
    const { id } = await db.tenant("acme");
    const secrets = openTokenSecrets(db.platform);
    let change = async () => {};
    // The change falls between the look-up of the key and the end of the verification.
    const find = async (tenantId: string) => {
      const key = await secrets.find(tenantId);
      await change();
      return key;
    };
    const verifier = openVerifier({ ...verifyingKeys(db), keyset, secrets: { ...secrets, find } }, POLICY);
    change = async () => {
      await removeTokenSecret(db.platform, "acme", "test");
      verifier.invalidate(id);
    };
    await verifier.verify(token);
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "PGRST301" });
  });
});

describe("a server that listens", () => {
  const verifier = open();
  const listening = listen(db.database, {
    channels: { [TENANTS_CHANNEL]: (id) => verifier.invalidate(id), [KEYS_CHANNEL]: () => verifier.clear() },
    onReconnect: () => verifier.clear(),
  });
  afterAll(async () => (await listening).close());
  const codeOf = (token: string) =>
    verifier.verify(token).then(
      () => "good",
      ({ code }) => code,
    );

  test("drops a secret's tokens when it is replaced, and takes the new one's", async () => {
    await listening;
    const before = signedBy(await setTokenSecret(db.platform, "acme", "test"));
    await expect.poll(() => codeOf(before)).toBe("good");
    expect(await verifier.verify(before)).toMatchObject({ kind: "service", id: "service:shop", role: "viewer" });
    const after = signedBy(await setTokenSecret(db.platform, "acme", "test"));
    await expect.poll(() => codeOf(before)).toBe("PGRST301");
    expect(await codeOf(after)).toBe("good");
    expect(await removeTokenSecret(db.platform, "acme", "test")).toBe(true);
    await expect.poll(() => codeOf(after)).toBe("PGRST301");
    expect(await removeTokenSecret(db.platform, "acme", "test")).toBe(false);
  });

  test("drops a leaked key's tokens when it is rotated away", async () => {
    const token = await mint("acme");
    expect(await codeOf(token)).toBe("good");
    await rotateSigningKey(db.platform, { acceptForSeconds: 0 }, "test");
    await expect.poll(() => codeOf(token)).toBe("PGRST301");
  });
});

describe("scope", () => {
  test("is worked out once per token and placement, and opens the tenant", async () => {
    const principal = await open().verify(await mint("globex"));
    const tenant = await db.tenant("globex");
    const scope = scopeOf(principal, tenant, db.database.keyring);
    expect(scopeOf(principal, tenant, db.database.keyring)).toBe(scope);
    const moved = scopeOf(principal, { ...tenant, epoch: "2" }, db.database.keyring);
    expect(moved.epoch).toBe("2");
    const who = "select platform.current_tenant(), platform.current_principal(), platform.current_membership_role()";
    const [result] = await runScoped(db.api, scope, "read", [{ text: who, values: [] }]);
    expect(result!.rows).toEqual([[tenant.id, "u1", "admin"]]);
  });

  test("is refused for any other tenant, before and after", async () => {
    const principal = await open().verify(await mint("globex"));
    const [globex, acme] = [await db.tenant("globex"), await db.tenant("acme")];
    const disagreement = expect.objectContaining({ code: "RH104", named: { host: acme.id, token: globex.id } });
    expect(() => scopeOf(principal, acme, db.database.keyring)).toThrow(disagreement);
    scopeOf(principal, globex, db.database.keyring);
    expect(() => scopeOf(principal, acme, db.database.keyring)).toThrow(disagreement);
  });
});

describe("credentials", () => {
  const verifier = open();
  const send = async (authorization?: string, apikey?: string) =>
    authenticate(
      verifier,
      readCredentials({
        authorization: authorization === undefined ? undefined : [authorization],
        apikey: apikey === undefined ? undefined : [apikey],
      }),
    );

  test("none", async () => {
    await expect(send()).rejects.toMatchObject({ code: "PGRST302", status: 401 });
  });

  test("a bearer, an apikey, or the same as both, as supabase-js sends it", async () => {
    const token = await mint("acme");
    for (const sent of [
      send(`Bearer ${token}`),
      send(`bearer  ${token}`),
      send(undefined, token),
      send(`Bearer ${token}`, token),
    ]) {
      expect(await sent).toMatchObject({ principal: { id: "u1" }, besides: null });
    }
  });

  test("two tokens of one tenant: the bearer is the principal, and both must be good", async () => {
    const { id: tenantId } = await db.tenant("acme");
    const user = await mintToken(keyset, POLICY, { tenantId, sub: "user", role: "member", ttlSeconds: 60 });
    const key = await mintToken(keyset, POLICY, { tenantId, sub: "service:web", role: "viewer", ttlSeconds: 60 });
    expect(await send(`Bearer ${user}`, key)).toMatchObject({
      principal: { id: "user", role: "member" },
      besides: null,
    });
    await expect(send(`Bearer ${user}`, `${key}x`)).rejects.toMatchObject({ code: "PGRST301" });
    await expect(send(`Bearer ${user}x`, key)).rejects.toMatchObject({ code: "PGRST301" });
  });

  test("two tenants", async () => {
    await expect(send(`Bearer ${await mint("acme")}`, await mint("globex"))).rejects.toMatchObject({
      code: "RH104",
      status: 403,
    });
  });

  test.each(["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "token", ""])(
    "Authorization: %j",
    async (header) => {
      await expect(send(header)).rejects.toMatchObject({ code: "PGRST301", status: 401 });
    },
  );

  test("a header that came twice", () => {
    expect(() => readCredentials({ authorization: ["Bearer a", "Bearer b"] })).toThrow(
      expect.objectContaining({ code: "PGRST301" }),
    );
    expect(() => readCredentials({ apikey: ["a", "a"] })).toThrow(expect.objectContaining({ code: "PGRST301" }));
  });
});
