import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import type { JWK } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { openKeyset, type Keyset } from "../../src/auth/keyset.ts";
import { ensureSigningKey, publicKeys } from "../../src/auth/keys.ts";
import { setTokenSecret, tenantIssuer, type TokenSecret } from "../../src/auth/secrets.ts";
import { mintToken } from "../../src/auth/token.ts";
import { verifyToken } from "../../src/auth/verify.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { verifyingKeys } from "./provider.ts";

const POLICY = { issuer: "https://rowhouse.test", audience: "rowhouse" };
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = () => Math.floor(Date.now() / 1000);

let db: TestDatabase;
let keyset: Keyset;
let acme: string;
let globex: string;
let secret: TokenSecret;
let foreign: TokenSecret;
/** The deployment's own private key, as an attacker who stole it would have it: to sign claims that mintToken never would. */
let stolen: { kid: string; jwk: JWK };

beforeAll(async () => {
  db = await testDatabase();
  await ensureSigningKey(db.platform);
  keyset = openKeyset(db.platform);
  acme = (await db.tenant("acme")).id;
  globex = (await db.tenant("globex")).id;
  secret = await setTokenSecret(db.platform, "acme", "test");
  foreign = await setTokenSecret(db.platform, "globex", "test");
  const { rows } = await db.admin.query(
    "select kid, private_jwk as jwk from platform.signing_keys where retired_at is null",
  );
  stolen = rows[0];
});
afterEach(() => vi.useRealTimers());
afterAll(() => db.close());

const verify = (token: string) => verifyToken(token, { ...verifyingKeys(db), keyset }, POLICY);
const claims = (changes: Record<string, unknown> = {}) => ({
  iss: POLICY.issuer,
  aud: POLICY.audience,
  exp: now() + 600,
  iat: now(),
  sub: "u1",
  tenant: acme,
  role: "admin",
  ...changes,
});

/** Signs whatever it is given with an Ed25519 key: by default a faithful token, for a test to spoil in one place. */
function signed(payload: unknown, header: Record<string, unknown> = {}, jwk: JWK = stolen.jwk): string {
  const input = `${encode({ alg: "EdDSA", typ: "at+jwt", kid: stolen.kid, ...header })}.${encode(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), { key: jwk, format: "jwk" } as never).toString("base64url")}`;
}

function hmacSigned(payload: unknown, key: string | Buffer, header: Record<string, unknown> = {}): string {
  const input = `${encode({ alg: "HS256", typ: "JWT", ...header })}.${encode(payload)}`;
  return `${input}.${createHmac("sha256", key).update(input).digest("base64url")}`;
}

const INVALID = { code: "PGRST301", status: 401 };
const CLAIMS = { code: "PGRST303", status: 401 };

test("the tokens that the attacks start from are good", async () => {
  const minted = await mintToken(keyset, POLICY, { tenantId: acme, sub: "u1", role: "admin", ttlSeconds: 60 });
  for (const token of [minted, signed(claims()), hmacSigned(claims({ iss: secret.issuer }), secret.secret)]) {
    const { principal } = await verify(token);
    expect(principal).toMatchObject({ kind: "user", id: "u1", tenantId: acme, role: "admin" });
  }
});

describe("H01 algorithm", () => {
  test.each(["none", "None", "NONE", "", "HS384", "HS512", "RS256", "EdDSA ", "__proto__", "toString"])(
    "alg %j",
    async (alg) => {
      const [, payload, signature] = signed(claims()).split(".");
      const header = encode({ alg, typ: "at+jwt", kid: stolen.kid });
      await expect(verify(`${header}.${payload}.`)).rejects.toMatchObject(INVALID);
      await expect(verify(`${header}.${payload}.${signature}`)).rejects.toMatchObject(INVALID);
    },
  );

  test("HS256 with a public key as the secret", async () => {
    const [jwk] = (await publicKeys(db.platform)).keys;
    const key = createPublicKey({ key: jwk, format: "jwk" } as never);
    const secrets = [
      key.export({ type: "spki", format: "pem" }),
      key.export({ type: "spki", format: "der" }),
      Buffer.from(jwk!.x!, "base64url"),
      JSON.stringify(jwk),
    ];
    for (const text of secrets) {
      for (const iss of [POLICY.issuer, secret.issuer]) {
        await expect(
          verify(hmacSigned(claims({ iss }), text, { kid: stolen.kid, typ: "at+jwt" })),
        ).rejects.toMatchObject(INVALID);
      }
    }
  });

  test("a key's token under the other key algorithm's name", async () => {
    await expect(verify(signed(claims(), { alg: "ES256" }))).rejects.toMatchObject(INVALID);
  });

  test("a flipped bit in each part", async () => {
    const parts = signed(claims()).split(".");
    for (const index of [0, 1, 2]) {
      const bytes = Buffer.from(parts[index]!, "base64url");
      bytes[10]! ^= 1;
      const spoiled = parts.with(index, bytes.toString("base64url")).join(".");
      await expect(verify(spoiled)).rejects.toMatchObject({ code: expect.stringMatching(/^PGRST30[13]$/) });
    }
  });

  test("the owner's claims under a signature of an earlier token", async () => {
    const [header, , signature] = signed(claims({ role: "viewer" })).split(".");
    await expect(verify(`${header}.${encode(claims({ role: "owner" }))}.${signature}`)).rejects.toMatchObject(INVALID);
  });
});

describe("H02 the token brings its key", () => {
  const own = generateKeyPairSync("ed25519");
  const privateJwk = own.privateKey.export({ format: "jwk" });
  const publicJwk = own.publicKey.export({ format: "jwk" });

  test.each([
    ["jwk", { jwk: publicJwk }],
    ["jku", { jku: "https://attacker.example/jwks.json" }],
    ["x5u", { x5u: "https://attacker.example/cert.pem" }],
    ["x5c", { x5c: ["MIIB"] }],
    ["crit", { crit: ["exp"] }],
    ["crit b64", { crit: ["b64"], b64: false }],
    ["zip", { zip: "DEF" }],
  ])("%s in the header", async (_, header) => {
    await expect(verify(signed(claims(), header, privateJwk))).rejects.toMatchObject(INVALID);
    // Refused for the parameter alone: here the signature is the deployment's own.
    await expect(verify(signed(claims(), header))).rejects.toMatchObject(INVALID);
  });

  test.each([
    "",
    "../../../../dev/null",
    "x' union select '{}' --",
    "a".repeat(129),
    "no-such-key",
    7,
    null,
    ["a"],
    {},
  ])("kid %j", async (kid) => {
    await expect(verify(signed(claims(), { kid }, privateJwk))).rejects.toMatchObject(INVALID);
  });

  test("no kid", async () => {
    await expect(verify(signed(claims(), { kid: undefined }))).rejects.toMatchObject(INVALID);
  });

  test("another key under our kid", async () => {
    await expect(verify(signed(claims(), {}, privateJwk))).rejects.toMatchObject(INVALID);
  });
});

describe("H03 claims", () => {
  test.each(["iss", "aud", "exp", "iat", "sub", "tenant"])("without %s", async (name) => {
    await expect(verify(signed(claims({ [name]: undefined })))).rejects.toMatchObject(CLAIMS);
  });

  test.each([
    ["foreign issuer", { iss: "https://other.test" }],
    ["issuer of another class", { iss: "urn:uuid:00000000-0000-4000-8000-000000000000" }],
    ["several issuers", { iss: [POLICY.issuer] }],
    ["foreign audience", { aud: "other" }],
    ["no audience", { aud: [] }],
    ["null audience", { aud: null }],
    ["expired beyond the tolerance", { iat: now() - 60, exp: now() - 6 }],
    ["expiry as text", { exp: String(now() + 60) }],
    ["issued as text", { iat: String(now()) }],
    // By much: these are worked out long before the test runs.
    ["issued in the future", { iat: now() + 3600, exp: now() + 4200 }],
    ["not yet valid", { nbf: now() + 3600, exp: now() + 4200 }],
    ["lives too long", { exp: now() + 8 * 86_400 }],
    ["lives for ever", { exp: 1e300 }],
    ["empty sub", { sub: "" }],
    ["sub with a line break", { sub: "u1\nlevel=error" }],
    ["sub too long", { sub: "u".repeat(256) }],
    ["sub as a number", { sub: 7 }],
    ["the platform's name", { sub: "platform:delete" }],
    ["an API key's name", { sub: "key:00000000-0000-4000-8000-000000000001" }],
    ["nobody's name", { sub: "anonymous" }],
    ["tenant as a slug", { tenant: "acme" }],
    ["two tenants", { tenant: ["a", "b"] }],
    ["role with a comma", { role: "admin,owner" }],
    ["role as a list", { role: ["admin"] }],
    ["empty role", { role: "" }],
  ])("%s", async (_, changes) => {
    await expect(verify(signed(claims(changes)))).rejects.toMatchObject(CLAIMS);
  });

  test("a clock that is 3 seconds off is no reason to refuse", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    await expect(verify(signed(claims({ iat: now() - 60, exp: now() - 3 })))).resolves.toBeDefined();
    await expect(verify(signed(claims({ iat: now() + 3 })))).resolves.toBeDefined();
  });

  test("without a role: the least", async () => {
    expect((await verify(signed(claims({ role: undefined })))).principal.role).toBe("viewer");
  });
});

describe("H05 types", () => {
  test.each([undefined, "JWT", "id_token", "refresh+jwt", "jwt", 7])("typ %j of a key's token", async (typ) => {
    await expect(verify(signed(claims(), { typ }))).rejects.toMatchObject(INVALID);
  });

  test("the long form of the same type", async () => {
    await expect(verify(signed(claims(), { typ: "application/at+JWT" }))).resolves.toBeDefined();
  });
});

describe("H06 a tenant's secret speaks for that tenant alone", () => {
  const byGlobex = (changes: Record<string, unknown>) => hmacSigned(claims(changes), foreign.secret);

  test.each([
    ["its own name", () => ({ iss: foreign.issuer })],
    ["the other's name", () => ({ iss: secret.issuer })],
    ["the deployment's name", () => ({ iss: POLICY.issuer })],
  ])("another tenant's secret under %s", async (_, changes) => {
    await expect(verify(byGlobex({ tenant: acme, ...changes() }))).rejects.toMatchObject(INVALID);
  });

  test("its own tenant in the deployment's name", async () => {
    await expect(verify(byGlobex({ tenant: globex, iss: POLICY.issuer }))).rejects.toMatchObject(CLAIMS);
  });

  test("a tenant claim twice: what picks the key and what is believed are the same", async () => {
    const text = JSON.stringify(claims({ iss: foreign.issuer, tenant: globex }));
    for (const double of [
      text.replace('"tenant"', `"tenant":"${acme}","tenant"`),
      text.replace(/}$/, `,"tenant":"${acme}"}`),
    ]) {
      const input = `${encode({ alg: "HS256", typ: "JWT" })}.${Buffer.from(double).toString("base64url")}`;
      const token = `${input}.${createHmac("sha256", foreign.secret).update(input).digest("base64url")}`;
      const tenant = await verify(token).then(
        ({ principal }) => principal.tenantId,
        () => "refused",
      );
      expect(["refused", globex]).toContain(tenant);
    }
  });

  test("a tenant without a secret, and one that does not exist", async () => {
    const { id } = await db.tenant("initech");
    for (const tenant of [id, "00000000-0000-4000-8000-000000000000"]) {
      for (const key of ["", foreign.secret]) {
        await expect(verify(hmacSigned(claims({ tenant, iss: tenantIssuer(tenant) }), key))).rejects.toMatchObject(
          INVALID,
        );
      }
    }
  });

  test("longer than a day", async () => {
    const long = claims({ iss: secret.issuer, exp: now() + 90_000 });
    await expect(verify(hmacSigned(long, secret.secret))).rejects.toMatchObject(CLAIMS);
  });
});

describe("H07 shapes", () => {
  test("more than 8 KiB, before anything is read", async () => {
    await expect(verify(signed(claims({ pad: "x".repeat(8192) })))).rejects.toMatchObject(INVALID);
  });

  test.each(["", ".", "..", "a.b", "a.b.c.d.e", "a.b.c", "e30.e30.e30", "%%%.%%%.%%%", "\u0000.a.b", "null.null.null"])(
    "%j",
    async (token) => {
      await expect(verify(token)).rejects.toMatchObject(INVALID);
    },
  );

  test.each([null, [], "text", 7])("claims %j", async (payload) => {
    await expect(verify(signed(payload))).rejects.toMatchObject({ code: expect.stringMatching(/^PGRST30[13]$/) });
    await expect(verify(hmacSigned(payload, secret.secret))).rejects.toMatchObject({
      code: expect.stringMatching(/^PGRST30[13]$/),
    });
  });
});
