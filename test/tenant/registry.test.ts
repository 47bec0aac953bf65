import { afterAll, afterEach, describe, expect, test } from "vitest";
import { listen, TENANTS_CHANNEL } from "../../src/db/listen.ts";
import { renameTenant, setTenantStatus } from "../../src/tenant/change.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { deleteTenant } from "../../src/tenant/delete.ts";
import { addDomain, verifyDomain } from "../../src/tenant/domains.ts";
import { openLookup } from "../../src/tenant/lookup.ts";
import { openRegistry } from "../../src/tenant/registry.ts";
import { testDatabase } from "../harness.ts";

const HOUR = 3_600_000;
/** Nothing lapses by itself, so that what changes was told. */
const FOREVER = { ttlMs: HOUR, missMs: HOUR };
const db = await testDatabase();
const registry = openRegistry(db.platform, FOREVER);
const listener = await listen(db.database, {
  channels: { [TENANTS_CHANNEL]: (id) => registry.invalidate(id) },
  onReconnect: () => registry.clear(),
  heartbeatMs: HOUR, // else it takes a server that stands still for lost
});
const create = (slug: string) => createTenant(db.platform, db.database.keyring, { slug, name: slug }, "test");

afterAll(async () => {
  await listener.close();
  await db.close();
});

describe("a registry that listens", () => {
  test("finds a tenant by each of its names", async () => {
    const acme = await db.tenant("acme");
    expect(await registry.bySlug("acme")).toEqual(acme);
    expect(await registry.byId(acme.id.toUpperCase())).toEqual(acme);
    expect(await registry.bySubdomain("acme")).toEqual(acme);
    expect(await registry.byCustomDomain("acme")).toBeUndefined();
    for (const nobody of [
      registry.bySlug("nobody"),
      registry.byId("not-a-uuid"),
      registry.bySubdomain("a'b"),
      registry.byCustomDomain(""),
    ]) {
      expect(await nobody).toBeUndefined();
    }
  });

  test("hears of a tenant that it knew not to exist", async () => {
    expect(await registry.bySubdomain("newcomer")).toBeUndefined();
    await create("newcomer");
    await expect.poll(() => registry.bySubdomain("newcomer")).toMatchObject({ slug: "newcomer" });
  });

  test("hears of suspension, a new name and deletion", async () => {
    const { tenant } = await create("busy-one");
    expect(await registry.bySlug("busy-one")).toMatchObject({ status: "active" });
    await setTenantStatus(db.platform, "busy-one", "suspended", "test");
    await expect.poll(async () => (await registry.bySlug("busy-one"))?.status).toBe("suspended");
    await renameTenant(db.platform, "busy-one", { slug: "busy-two" }, "test");
    await expect.poll(() => registry.bySlug("busy-one")).toBeUndefined();
    expect(await registry.bySubdomain("busy-one")).toMatchObject({ id: tenant.id, slug: "busy-two" });
    await deleteTenant(db.platform, db.database.keyring, "busy-two", "test");
    // First what it knows: what it was never asked for it finds out without being told.
    await expect.poll(() => registry.bySubdomain("busy-one")).toBeUndefined();
    expect(await registry.byId(tenant.id)).toBeUndefined();
  });

  test("hears of domains, and tells only the verified ones", async () => {
    const { id } = await db.tenant("globex");
    expect(await registry.domainsOf(id)).toEqual([]);
    expect(await registry.byCustomDomain("shop.example")).toBeUndefined();
    await addDomain(db.platform, "globex", "shop.example", "rowhouse.test", "test");
    await addDomain(db.platform, "globex", "pending.example", "rowhouse.test", "test");
    await verifyDomain(db.platform, "globex", "shop.example", "test", { trusted: true });
    await expect.poll(() => registry.domainsOf(id)).toEqual(["shop.example"]);
    expect(await registry.byCustomDomain("shop.example")).toMatchObject({ slug: "globex" });
    expect(await registry.byCustomDomain("pending.example")).toBeUndefined();
    expect(await registry.domainsOf("nonsense")).toEqual([]);
  });

  test("forgets everything when its connection was lost: it may have missed something", async () => {
    expect(await registry.bySlug("initech")).toMatchObject({ status: "active" });
    // Changed behind its back: without the trigger nobody is told.
    await db.admin.query(
      "set session_replication_role = replica; update platform.tenants set status = 'suspended' where slug = 'initech'; reset session_replication_role",
    );
    expect(await registry.bySlug("initech")).toMatchObject({ status: "active" });
    await db.admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen %'",
    );
    await expect.poll(async () => (await registry.bySlug("initech"))?.status).toBe("suspended");
    // And hears again after that.
    await db.admin.query("update platform.tenants set status = 'active' where slug = 'initech'");
    await expect.poll(async () => (await registry.bySlug("initech"))?.status).toBe("active");
  });
});

describe("openLookup", () => {
  const asked: string[] = [];
  let answer: (value: string | undefined) => void = () => {};
  const lookup = openLookup<string>(
    (key) => {
      asked.push(key);
      return new Promise((resolve) => (answer = resolve));
    },
    { max: 2, ttlMs: HOUR, missMs: HOUR }, // and one that is missing
  );
  afterEach(() => {
    lookup.clear();
    asked.length = 0;
  });
  const get = async (key: string, value: string | undefined) => {
    const got = lookup.get(key);
    answer(value);
    return got;
  };

  test("asks once, however many want to know", async () => {
    const got = [lookup.get("a"), lookup.get("a"), lookup.get("a")];
    answer("1");
    expect(await Promise.all(got)).toEqual(["1", "1", "1"]);
    expect(await lookup.get("a")).toBe("1");
    expect(asked).toEqual(["a"]);
  });

  test("remembers that there is none", async () => {
    expect(await get("a", undefined)).toBeUndefined();
    expect(await lookup.get("a")).toBeUndefined();
    expect(asked).toEqual(["a"]);
  });

  test("does not remember an answer from before a drop", async () => {
    const early = lookup.get("a");
    const answerEarly = answer;
    lookup.drop(() => false);
    const late = lookup.get("a");
    answer("new");
    expect(await late).toBe("new");
    answerEarly("old");
    expect(await early).toBe("old");
    expect(await lookup.get("a")).toBe("new");
    expect(asked).toEqual(["a", "a"]);
  });

  test("is bounded", async () => {
    for (const key of ["a", "b", "c"]) await get(key, key);
    await get("a", "again");
    expect(asked).toEqual(["a", "b", "c", "a"]);
  });

  test("what nobody has does not drive out what somebody has", async () => {
    await get("a", "a");
    for (let n = 0; n < 9; n++) await get(`nobody ${n}`, undefined);
    expect(await lookup.get("a")).toBe("a");
    expect(asked).toHaveLength(10);
  });

  test("does not remember a failure", async () => {
    let count = 0;
    const failing = openLookup<string>(
      () => (count++ === 0 ? Promise.reject(new Error("down")) : Promise.resolve("up")),
      { max: 9, ttlMs: HOUR, missMs: HOUR },
    );
    const both = await Promise.allSettled([failing.get("a"), failing.get("a")]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await failing.get("a")).toBe("up");
  });
});
