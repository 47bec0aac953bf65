import { createHmac } from "node:crypto";
import { SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { changeIssuer, registerIssuer, type Registrar, type WantedIssuer } from "../../src/auth/register-issuer.ts";
import { openVerifier } from "../../src/auth/verifier.ts";
import { verifyToken } from "../../src/auth/verify.ts";
import { listEvents } from "../../src/audit/events.ts";
import { openCheckedFetch } from "../../src/net/checked-fetch.ts";
import { addIssuer, findIssuer, removeIssuer } from "../../src/tenant/issuers.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { makeKey, nowSeconds, openPatientFetch, openProvider, verifyingKeys, type Provider } from "./provider.ts";

const POLICY = { issuer: "https://rowhouse.test", audience: "rowhouse" };
const INVALID = { code: "PGRST301", status: 401 };
const CLAIMS = { code: "PGRST303", status: 401 };

let db: TestDatabase;
let provider: Provider;
let acme: string;
let globex: string;
let registrar: Registrar;

beforeAll(async () => {
  db = await testDatabase();
  provider = await openProvider();
  acme = (await db.tenant("acme")).id;
  globex = (await db.tenant("globex")).id;
  registrar = { pool: db.platform, fetch: openPatientFetch(), actor: "test" };
  await registerIssuer(registrar, acme, { issuer: provider.issuer, audience: "app", roleClaim: "roles" });
});
/** A provider that is gone leaves its port to the next one, which would be a stranger under its name. */
afterEach(() =>
  db.admin.query("delete from platform.issuers where issuer like 'http://127.0.0.1:%' and issuer <> $1", [
    provider.issuer,
  ]),
);
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await db.close();
});

const verify = (token: string, selected: string | null = acme) =>
  verifyToken(token, verifyingKeys(db), POLICY, selected);
const idOf = async () => (await findIssuer(db.platform, acme, provider.issuer)).id;

describe("a token of the tenant's issuer", () => {
  test("names a principal of the selected tenant, under the issuer's id", async () => {
    const { principal, bySelection } = await verify(await provider.token("ann", { claims: { roles: ["manager"] } }));
    const id = `${await idOf()}:ann`;
    expect(principal).toMatchObject({ kind: "user", id, tenantId: acme, role: "manager" });
    expect(principal.claims).toMatchObject({ sub: id, role: "manager", tenant: acme, roles: ["manager"] });
    expect([principal.grant, bySelection]).toEqual([undefined, true]);
  });

  test("may name its tenant, and then needs no other sign of it", async () => {
    const { principal, bySelection } = await verify(await provider.token("ann", { claims: { tenant: acme } }), null);
    expect([principal.tenantId, bySelection]).toEqual([acme, false]);
  });

  test.each(["RS256", "PS384", "ES256", "ES512", "EdDSA"])("by %s", async (alg) => {
    await using other = await openProvider(alg);
    await registerIssuer(registrar, acme, { issuer: other.issuer, audience: "app" });
    expect((await verify(await other.token("ann"))).principal).toMatchObject({ role: "viewer" });
  });

  test.each([
    [{ typ: "JWT", x5t: "aaaa", "x5t#S256": "bbbb" }, "Microsoft's thumbprints"],
    [{ typ: "at+jwt" }, "RFC 9068"],
    [{ typ: "application/at+jwt" }, "the long form"],
    [{ typ: undefined }, "no type, as Okta's"],
  ] as readonly [Record<string, unknown>, string][])("with the header %j: %s", async (header, _name) => {
    expect((await verify(await provider.token("ann", { header }))).principal.tenantId).toBe(acme);
  });

  test("by a shared secret", async () => {
    const { id, secret } = await registerIssuer(registrar, acme, { issuer: "backend", audience: "app" });
    const sign = (key: string) =>
      new SignJWT({ iss: "backend", aud: "app", sub: "job", iat: nowSeconds(), exp: nowSeconds() + 60 })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .sign(Buffer.from(key));
    expect((await verify(await sign(secret!))).principal).toMatchObject({ id: `${id}:job`, role: "viewer" });
    await expect(verify(await sign(`${secret}x`))).rejects.toMatchObject(INVALID);
    await expect(verify(await sign(secret!), globex)).rejects.toMatchObject({ status: 401 });
  });

  test("is for the registration of its audience, where a tenant has two of one issuer", async () => {
    const rules: WantedIssuer = { issuer: provider.issuer, audience: "mobile", defaultRole: "member" };
    const { id } = await registerIssuer(registrar, acme, rules);
    const { principal } = await verify(await provider.token("ann", { claims: { aud: ["mobile", "x"] } }));
    expect(principal).toMatchObject({ id: `${id}:ann`, role: "member" });
    await removeIssuer(db.platform, acme, id, "test");
  });
});

describe("H01 algorithm", () => {
  test.each(["none", "HS256", "HS384", "HS512", "ES256", "EdDSA"])("%s in place of the key's", async (alg) => {
    const [, payload, signature] = (await provider.token("ann")).split(".");
    const header = Buffer.from(JSON.stringify({ alg, kid: "one", typ: "JWT" })).toString("base64url");
    await expect(verify(`${header}.${payload}.${signature}`)).rejects.toMatchObject(INVALID);
    await expect(verify(`${header}.${payload}.`)).rejects.toMatchObject(INVALID);
  });

  test("HS256 by the public key, in each form in which it can be had", async () => {
    const jwk = provider.keys[0]!.publicJwk;
    const claims = { iss: provider.issuer, aud: "app", sub: "ann", iat: nowSeconds(), exp: nowSeconds() + 60 };
    const input = [{ alg: "HS256", kid: "one", typ: "JWT" }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".");
    for (const secret of [JSON.stringify(jwk), jwk.n!, Buffer.from(jwk.n!, "base64url")]) {
      const token = `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
      await expect(verify(token)).rejects.toMatchObject({
        ...INVALID,
        message: "The token's algorithm is not accepted",
      });
    }
  });

  test("a key of the set is used by its own algorithm alone", async () => {
    const [key] = provider.keys;
    const token = await new SignJWT({
      iss: provider.issuer,
      aud: "app",
      sub: "ann",
      iat: nowSeconds(),
      exp: nowSeconds() + 60,
    })
      .setProtectedHeader({ alg: "RS256", kid: "one", typ: "JWT" })
      .sign(key!.privateKey);
    expect((await verify(token)).principal.tenantId).toBe(acme);
    const [header, ...rest] = token.split(".");
    const other = Buffer.from(Buffer.from(header!, "base64url").toString().replace("RS256", "RS512")).toString(
      "base64url",
    );
    await expect(verify([other, ...rest].join("."))).rejects.toMatchObject(INVALID);
  });
});

describe("H02 the header brings no key", () => {
  const jwk = { kty: "oct", k: "AAAA" };
  test.each([
    { jku: "https://evil.example/jwks.json" },
    { jwk },
    { x5u: "https://evil.example/cert" },
    { x5c: ["MIIB"] },
    { kid: "../../../etc/passwd%00" },
    { kid: "' or 1=1 --" },
    { kid: 7 },
    { kid: "x".repeat(257) },
  ])("%j", async (header) => {
    const before = provider.asked.length;
    const key = await makeKey("one");
    // jose itself reads none of these when it signs: `crit` it would refuse to write.
    const token = await provider.token("ann", { key, header: header as Record<string, unknown> });
    await expect(verify(token)).rejects.toMatchObject(INVALID);
    expect(provider.asked.slice(before).filter((path) => path !== "/jwks.json")).toEqual([]);
  });

  test("a key of the same name that the issuer did not publish", async () => {
    await expect(verify(await provider.token("ann", { key: await makeKey("one") }))).rejects.toMatchObject(INVALID);
  });
});

describe("H03 claims", () => {
  test.each([
    ["exp missing", { exp: undefined }],
    ["expired", { exp: nowSeconds() - 6, iat: nowSeconds() - 600 }],
    ["exp of text", { exp: "9999999999" }],
    ["iat missing", { iat: undefined }],
    // By much: these are worked out long before the test runs.
    ["made in the future", { iat: nowSeconds() + 3600, exp: nowSeconds() + 4200 }],
    ["not yet good", { nbf: nowSeconds() + 3600, exp: nowSeconds() + 4200 }],
    ["living too long", { exp: nowSeconds() + 86_401 + 3600 }],
    ["aud missing", { aud: undefined }],
    ["aud null", { aud: null }],
    ["aud empty", { aud: [] }],
    ["aud of another client", { aud: "other" }],
    ["aud in another case", { aud: "APP" }],
    ["sub missing", { sub: undefined }],
    ["sub empty", { sub: "" }],
    ["sub with a line break", { sub: "a\nb" }],
    ["sub of the platform", { sub: "platform:owner" }],
    ["a logout token", { events: { "http://schemas.openid.net/event/backchannel-logout": {} } }],
    ["tenant of no tenant", { tenant: "acme" }],
  ])("%s", async (_, claims) => {
    await expect(verify(await provider.token("ann", { claims }))).rejects.toMatchObject(CLAIMS);
  });

  test.each([{ typ: "logout+jwt" }, { typ: "Refresh" }, { typ: "secevent+jwt" }, { typ: "dpop+jwt" }])(
    "H05 a token of another purpose: %j",
    async (header) => {
      await expect(verify(await provider.token("ann", { header }))).rejects.toMatchObject(INVALID);
    },
  );

  test.each([{ iss: "https://other.example" }, { iss: undefined }, { iss: null }])("issuer: %j", async (claims) => {
    await expect(verify(await provider.token("ann", { claims }))).rejects.toMatchObject({ status: 401 });
    const slashed = { iss: `${provider.issuer}/` };
    await expect(verify(await provider.token("ann", { claims: slashed }))).rejects.toMatchObject({ status: 401 });
  });

  test("an issuer's token opens no session and no impersonation", async () => {
    const id = "00000000-0000-4000-8000-000000000002";
    for (const claims of [{ session_id: id }, { impersonation_id: id }]) {
      const { principal } = await verify(await provider.token("ann", { claims }));
      expect(principal.grant).toBeUndefined();
    }
    const { principal } = await verify(await provider.token("operator:root"));
    expect(principal.id).toBe(`${await idOf()}:operator:root`);
  });
});

describe("H06 one tenant's issuer never speaks for another", () => {
  test("selected, claimed, or both", async () => {
    const plain = await provider.token("ann");
    await expect(verify(plain, globex)).rejects.toMatchObject(INVALID);
    await expect(verify(plain, null)).rejects.toMatchObject(INVALID);
    const claimed = await provider.token("ann", { claims: { tenant: globex } });
    for (const selected of [acme, globex, null]) {
      await expect(verify(claimed, selected)).rejects.toMatchObject({ status: 401 });
    }
  });

  test("the same issuer with another audience, by two tenants; the same audience is refused at the registration", async () => {
    await expect(registerIssuer(registrar, globex, { issuer: provider.issuer, audience: "app" })).rejects.toMatchObject(
      { code: "RH224" },
    );
    // Also for who goes around the function: the database holds it.
    const direct = addIssuer(
      db.platform,
      globex,
      { issuer: provider.issuer, kind: "jwks", audience: "app", jwksUrl: provider.jwksUrl },
      "test",
    );
    await expect(direct).rejects.toMatchObject({ code: "RH224" });
    const { id } = await registerIssuer(registrar, globex, { issuer: provider.issuer, audience: "globex-app" });
    const taken = changeIssuer(registrar, globex, id, { audience: "app" });
    await expect(taken).rejects.toMatchObject({ code: "RH224" });

    const ofAcme = await provider.token("ann");
    const ofGlobex = await provider.token("ann", { claims: { aud: "globex-app" } });
    expect((await verify(ofGlobex, globex)).principal.tenantId).toBe(globex);
    await expect(verify(ofAcme, globex)).rejects.toMatchObject({ ...CLAIMS, message: "JWT not in audience" });
    await expect(verify(ofGlobex, acme)).rejects.toMatchObject(CLAIMS);
    await removeIssuer(db.platform, globex, id, "test");
  });

  test("the memory of verified tokens keeps tenants apart", async () => {
    const verifier = openVerifier(verifyingKeys(db), POLICY);
    const token = await provider.token("ann");
    const first = await verifier.verify(token, acme);
    expect(await verifier.verify(token, acme)).toBe(first);
    await expect(verifier.verify(token, globex)).rejects.toMatchObject(INVALID);
    await expect(verifier.verify(token)).rejects.toMatchObject(INVALID);
  });

  test("two issuers whose keys have one name", async () => {
    await using other = await openProvider();
    await registerIssuer(registrar, acme, { issuer: other.issuer, audience: "app" });
    expect(other.keys[0]!.kid).toBe(provider.keys[0]!.kid);
    const crossed = await provider.token("ann", { claims: { iss: other.issuer } });
    await expect(verify(crossed)).rejects.toMatchObject(INVALID);
    expect((await verify(await other.token("ann"))).principal.tenantId).toBe(acme);
  });

  test("nor does the deployment's name, or a tenant's own secret's, make an issuer", async () => {
    await expect(
      registerIssuer(registrar, acme, { issuer: `urn:uuid:${globex}`, audience: "app" }),
    ).rejects.toMatchObject({ code: "RH225" });
    await addIssuer(
      db.platform,
      acme,
      { issuer: POLICY.issuer, kind: "jwks", audience: "rowhouse", jwksUrl: provider.jwksUrl },
      "test",
    );
    const forged = await provider.token("ann", { claims: { iss: POLICY.issuer, aud: "rowhouse", tenant: acme } });
    await expect(verify(forged)).rejects.toMatchObject(INVALID);
  });
});

describe("roles", () => {
  const roleOf = async (rules: Partial<WantedIssuer>, claims: Record<string, unknown>) => {
    const { id } = await registerIssuer(registrar, acme, { issuer: provider.issuer, audience: "roles", ...rules });
    try {
      return (await verify(await provider.token("ann", { claims: { aud: "roles", ...claims } }))).principal.role;
    } finally {
      await removeIssuer(db.platform, acme, id, "test");
    }
  };

  test.each([
    [{}, { role: "admin" }, "viewer", "no claim is asked for"],
    [{ roleClaim: "role" }, { role: "admin" }, "admin", "by name"],
    [{ roleClaim: "role", defaultRole: "member" }, {}, "member", "the default"],
    [{ roleClaim: "role" }, { role: "owner" }, "viewer", "never owner by default"],
    [{ roleClaim: "role" }, { role: ["owner", "manager"] }, "manager", "the next below owner"],
    [{ roleClaim: "role", allowsOwner: true }, { role: "owner" }, "owner", "owner where it is allowed"],
    [{ roleClaim: "role" }, { role: "service" }, "viewer", "no service"],
    [{ roleClaim: "role" }, { role: "anonymous" }, "viewer", "nobody"],
    [{ roleClaim: "role" }, { role: "clerk" }, "viewer", "a role of the tenant's own only by the mapping"],
    [{ roleClaim: "role" }, { role: { admin: true } }, "viewer", "an object"],
    [{ roleClaim: "role" }, { role: 7 }, "viewer", "a number"],
    [
      { roleClaim: "realm_access.roles" },
      { realm_access: { roles: ["offline_access", "viewer", "manager"] } },
      "manager",
      "Keycloak's, of several the one that may most",
    ],
    [{ roleClaim: "https://acme.example/roles" }, { "https://acme.example/roles": ["member"] }, "member", "Auth0's"],
    [{ roleClaim: "__proto__.constructor" }, {}, "viewer", "what every object has"],
    [
      { roleClaim: "groups", roles: { "aad-1": "clerk", "aad-2": "admin" } },
      { groups: ["aad-1", "x"] },
      "clerk",
      "by the mapping",
    ],
    [
      { roleClaim: "groups", roles: { "aad-1": "clerk" } },
      { groups: ["admin"] },
      "viewer",
      "by nothing but the mapping",
    ],
  ] as readonly [Partial<WantedIssuer>, Record<string, unknown>, string, string][])(
    "%j of %j: %s, %s",
    async (rules, claims, role, _name) => {
      expect(await roleOf(rules, claims)).toBe(role);
    },
  );

  test("several of the tenant's own are refused rather than one chosen", async () => {
    const rules = { roleClaim: "groups", roles: { a: "clerk", b: "packer" } };
    await expect(roleOf(rules, { groups: ["a", "b"] })).rejects.toMatchObject(CLAIMS);
  });

  test.each([
    [{ defaultRole: "owner" }],
    [{ defaultRole: "service" }],
    [{ roles: { boss: "owner" } }],
    [{ roles: { boss: "Owner" } }],
  ])("a registration with %j is refused", async (rules) => {
    const wanted = { issuer: provider.issuer, audience: "refused", ...rules };
    await expect(registerIssuer(registrar, acme, wanted)).rejects.toMatchObject({ code: "RH225" });
  });
});

describe("registration", () => {
  test("asks the issuer where its keys are, and wants its exact name", async () => {
    await using other = await openProvider();
    const added = await registerIssuer(registrar, acme, { issuer: other.issuer, audience: "app" });
    expect([added.kind, added.jwksUrl, added.secret]).toEqual(["jwks", other.jwksUrl, null]);
    expect(other.asked).toEqual(["/.well-known/openid-configuration", "/jwks.json"]);
    const slashed = registerIssuer(registrar, acme, { issuer: `${other.issuer}/`, audience: "x" });
    await expect(slashed).rejects.toMatchObject({ code: "RH225" });
  });

  test("refuses a second one, an unusable key set and a private address", async () => {
    const again = registerIssuer(registrar, acme, { issuer: provider.issuer, audience: "app" });
    await expect(again).rejects.toMatchObject({ code: "RH439" });
    const jwksUrl = `${provider.issuer}/nothing`;
    const unusable = registerIssuer(registrar, acme, { issuer: "https://x.example", audience: "x", jwksUrl });
    await expect(unusable).rejects.toMatchObject({ code: "RH223" });
    const strict = { ...registrar, fetch: openCheckedFetch({ allowed: [] }) };
    const inside = registerIssuer(strict, acme, { issuer: provider.issuer, audience: "inside" });
    await expect(inside).rejects.toMatchObject({ code: "RH222" });
  });

  test("a change counts at once for tokens that are out, and every step leaves an event without the secret", async () => {
    const verifier = openVerifier(verifyingKeys(db), POLICY);
    const added = await registerIssuer(registrar, acme, { issuer: "batch", audience: "app" });
    const token = await new SignJWT({ iss: "batch", aud: "app", sub: "job", iat: nowSeconds(), exp: nowSeconds() + 60 })
      .setProtectedHeader({ alg: "HS256" })
      .sign(Buffer.from(added.secret!));
    expect((await verifier.verify(token, acme)).role).toBe("viewer");
    await changeIssuer(registrar, acme, "batch", { defaultRole: "member" });
    verifier.invalidate(acme); // as the notification does: test/http/auth/issuers.test.ts
    expect((await verifier.verify(token, acme)).role).toBe("member");
    await changeIssuer(registrar, acme, "batch", { isActive: false });
    verifier.invalidate(acme);
    await expect(verifier.verify(token, acme)).rejects.toMatchObject(INVALID);
    await removeIssuer(db.platform, acme, added.id, "test");
    const events = (await listEvents(db.platform, { tenant: "acme" })).filter(({ details }) =>
      JSON.stringify(details).includes('"batch"'),
    );
    expect(events.map(({ action }) => action).toSorted()).toEqual([
      "issuer.added",
      "issuer.removed",
      "issuer.updated",
      "issuer.updated",
    ]);
    const text = JSON.stringify(events);
    expect(text).not.toContain(added.secret!);
    expect(text).not.toContain(Buffer.from(added.secret!).toString("hex"));
  });
});
