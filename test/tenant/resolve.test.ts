import { afterAll, describe, expect, test } from "vitest";
import { parseHost } from "../../src/tenant/host.ts";
import { addDomain, verifyDomain } from "../../src/tenant/domains.ts";
import { renameTenant, setTenantStatus } from "../../src/tenant/change.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { openRegistry } from "../../src/tenant/registry.ts";
import { knownSite, placeOf, requireTenant, resolveSite } from "../../src/tenant/resolve.ts";
import { testDatabase } from "../harness.ts";

const db = await testDatabase();
const BASE = "rowhouse.test";
const NOBODY = "00000000-0000-4000-8000-000000000000";
const id = {
  acme: (await db.tenant("acme")).id,
  globex: (await db.tenant("globex")).id,
};
await renameTenant(db.platform, "initech", { slug: "initrode" }, "test");
await addDomain(db.platform, "acme", "shop.example", BASE, "test");
await verifyDomain(db.platform, "acme", "shop.example", "test", { trusted: true });
await addDomain(db.platform, "acme", "pending.example", BASE, "test");
await createTenant(db.platform, db.database.keyring, { slug: "closed", name: "Closed" }, "test");
await setTenantStatus(db.platform, "closed", "suspended", "test");
afterAll(() => db.close());

const registry = openRegistry(db.platform);
const resolve = (host: string, tenantHeader?: string, tokenTenantId?: string) =>
  resolveSite(registry, BASE, { host: parseHost(host), tenantHeader, tokenTenantId });
const tenantAt = (slug: string, via: string) => ({ kind: "tenant", via, tenant: expect.objectContaining({ slug }) });

describe("placeOf", () => {
  test.each([
    ["rowhouse.test", { kind: "home" }],
    ["admin.rowhouse.test:3000", { kind: "platform" }],
    ["API.Rowhouse.Test.", { kind: "api" }],
    ["acme.rowhouse.test", { kind: "subdomain", label: "acme" }],
    ["a.acme.rowhouse.test", { kind: "nowhere" }],
    ["admin.acme.rowhouse.test", { kind: "nowhere" }],
    ["notrowhouse.test", { kind: "custom", name: "notrowhouse.test" }],
    ["rowhouse.test.evil.example", { kind: "custom", name: "rowhouse.test.evil.example" }],
    ["127.0.0.1", { kind: "nowhere" }],
    ["[::1]", { kind: "nowhere" }],
  ])("%s", (host, place) => {
    expect(placeOf(parseHost(host), BASE)).toEqual(place);
  });
});

describe("the host alone", () => {
  test.each([
    ["acme.rowhouse.test", "acme"],
    ["ACME.rowhouse.test.:8443", "acme"],
    ["shop.example", "acme"],
    ["initrode.rowhouse.test", "initrode"],
    ["initech.rowhouse.test", "initrode"],
  ])("%s is %s", async (host, slug) => {
    expect(await resolve(host)).toEqual(tenantAt(slug, "host"));
  });

  test.each([
    "nobody.rowhouse.test",
    "pending.example",
    "other.example",
    "www.shop.example",
    "127.0.0.1:3000",
    "[::1]:3000",
    "a.acme.rowhouse.test",
  ])("%s is nobody's", async (host) => {
    await expect(resolve(host)).rejects.toMatchObject({ code: "RH101", status: 404 });
  });

  test.each([
    ["rowhouse.test", "home"],
    ["api.rowhouse.test", "api"],
    ["admin.rowhouse.test", "platform"],
  ])("%s has no tenant", async (host, kind) => {
    expect(await resolve(host)).toEqual({ kind });
  });
});

describe("X-Tenant", () => {
  test.each([
    ["acme", "acme"],
    [id.acme, "acme"],
    [id.acme.toUpperCase(), "acme"],
    [" acme ", "acme"],
    ["initech", "initrode"],
  ])("%s on the API's host", async (header, slug) => {
    expect(await resolve("api.rowhouse.test", header)).toEqual(tenantAt(slug, "header"));
    expect(await resolve("rowhouse.test", header)).toEqual(tenantAt(slug, "header"));
  });

  test.each(["nobody", NOBODY, "", " ", "acme,globex", "acme, acme", "shop.example", "a'b", "x".repeat(5000)])(
    "%j is no tenant",
    async (header) => {
      await expect(resolve("api.rowhouse.test", header)).rejects.toMatchObject({ code: "RH102", status: 404 });
    },
  );
});

describe("agreement", () => {
  test("signals of one tenant agree, however they name it", async () => {
    expect(await resolve("shop.example", id.acme, id.acme)).toEqual(tenantAt("acme", "host"));
    expect(await resolve("acme.rowhouse.test", "acme", id.acme)).toEqual(tenantAt("acme", "host"));
    expect(await resolve("api.rowhouse.test", undefined, id.acme)).toEqual(tenantAt("acme", "token"));
    expect(await resolve("api.rowhouse.test", "acme", id.acme)).toEqual(tenantAt("acme", "header"));
  });

  test.each([
    ["host and X-Tenant", ["acme.rowhouse.test", "globex"], { host: id.acme, header: id.globex }],
    ["host and token", ["acme.rowhouse.test", undefined, id.globex], { host: id.acme, token: id.globex }],
    ["custom domain and token", ["shop.example", undefined, id.globex], { host: id.acme, token: id.globex }],
    ["X-Tenant and token", ["api.rowhouse.test", "acme", id.globex], { header: id.acme, token: id.globex }],
    ["one of three", ["acme.rowhouse.test", "acme", id.globex], { host: id.acme, header: id.acme, token: id.globex }],
    ["a suspended tenant's host and another's token", ["closed.rowhouse.test", undefined, id.acme], { token: id.acme }],
    [
      "the platform's host and a tenant's token",
      ["admin.rowhouse.test", undefined, id.acme],
      { host: "platform", token: id.acme },
    ],
    ["the platform's host and X-Tenant", ["admin.rowhouse.test", "acme"], { host: "platform", header: id.acme }],
  ] as const)("%s that differ are refused, with what each says", async (_, [host, header, token], named) => {
    await expect(resolve(host, header, token)).rejects.toMatchObject({ code: "RH104", status: 403, named });
  });

  test("no order of precedence: an unknown tenant in any signal is refused", async () => {
    await expect(resolve("acme.rowhouse.test", "nobody", id.acme)).rejects.toMatchObject({ code: "RH102" });
    await expect(resolve("nobody.rowhouse.test", "acme", id.acme)).rejects.toMatchObject({ code: "RH101" });
    await expect(resolve("acme.rowhouse.test", undefined, NOBODY)).rejects.toMatchObject({ code: "RH102" });
  });
});

test("a suspended tenant is refused, however it is named", async () => {
  const { id: closed } = await db.tenant("closed");
  const ways = [
    () => resolve("closed.rowhouse.test"),
    () => resolve("api.rowhouse.test", "closed"),
    () => resolve("api.rowhouse.test", undefined, closed),
  ];
  for (const way of ways) {
    await expect(way()).rejects.toMatchObject({ code: "RH103", status: 403 });
  }
});

describe("without waiting", () => {
  // Nothing lapses by itself.
  const fresh = openRegistry(db.platform, { ttlMs: 3_600_000, missMs: 3_600_000 });
  const known = (host: string, tenantHeader?: string, tokenTenantId?: string) =>
    knownSite(fresh, BASE, { host: parseHost(host), tenantHeader, tokenTenantId });

  test.each([
    ["acme.rowhouse.test", "acme"],
    ["shop.example", "acme"],
    ["initech.rowhouse.test", "initrode"],
  ])("%s is known once it was asked for, until its tenant changes", async (host, slug) => {
    expect(known(host)).toBeUndefined();
    const site = await resolveSite(fresh, BASE, { host: parseHost(host) });
    expect(known(host)).toEqual(site);
    expect(known(host)).toEqual(tenantAt(slug, "host"));
    fresh.invalidate((await db.tenant(slug)).id);
    expect(known(host)).toBeUndefined();
  });

  test("what else names a tenant is never passed over", async () => {
    await resolveSite(fresh, BASE, { host: parseHost("acme.rowhouse.test") });
    expect(known("acme.rowhouse.test", "globex")).toBeUndefined();
    expect(known("acme.rowhouse.test", undefined, id.globex)).toBeUndefined();
  });

  test.each(["rowhouse.test", "api.rowhouse.test", "admin.rowhouse.test", "127.0.0.1"])("%s is not", (host) => {
    expect(known(host)).toBeUndefined();
  });

  test("a suspended tenant is refused", async () => {
    await fresh.bySubdomain("closed");
    expect(() => known("closed.rowhouse.test")).toThrow(expect.objectContaining({ code: "RH103" }));
  });
});

test("where only a tenant will do", async () => {
  expect(requireTenant(await resolve("acme.rowhouse.test")).tenant.slug).toBe("acme");
  expect(() => requireTenant({ kind: "api" })).toThrow(expect.objectContaining({ code: "RH105", status: 400 }));
  expect(() => requireTenant({ kind: "home" })).toThrow(expect.objectContaining({ code: "RH105" }));
  expect(() => requireTenant({ kind: "platform" })).toThrow(expect.objectContaining({ code: "RH101" }));
});
