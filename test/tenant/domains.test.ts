import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { listEvents } from "../../src/audit/events.ts";
import { renameTenant } from "../../src/tenant/change.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { addDomain, checkDomain, listDomains, removeDomain, verifyDomain } from "../../src/tenant/domains.ts";
import { recheckDomains, type RecheckOptions } from "../../src/tenant/domain-proofs.ts";
import { openRegistry } from "../../src/tenant/registry.ts";
import { testDatabase } from "../harness.ts";
import { untilBlocked } from "../blocked.ts";
import { startNameServer } from "./name-server.ts";

const BASE = "rowhouse.test";
const db = await testDatabase();
const dns = await startNameServer();
const add = (slug: string, domain: string) => addDomain(db.platform, slug, domain, BASE, "operator:test");
const verify = (slug: string, domain: string) =>
  verifyDomain(db.platform, slug, domain, "operator:test", { servers: [dns.address] });
const remove = (slug: string, domain: string) => removeDomain(db.platform, slug, domain, "operator:test");
const served = async (domain: string) => (await openRegistry(db.platform).byCustomDomain(domain))?.slug;

beforeEach(async () => {
  await db.admin.query("delete from platform.domains where kind = 'custom'");
  await db.admin.query("delete from platform.domain_cool_downs");
  dns.records.clear();
});
afterAll(async () => {
  dns.close();
  await db.close();
});

describe("checkDomain", () => {
  test.each([
    ["Shop.Example.COM", "shop.example.com"],
    ["shop.example.com.", "shop.example.com"],
    ["münchen.example", "xn--mnchen-3ya.example"],
    ["MÜNCHEN.example", "xn--mnchen-3ya.example"],
    ["shop。example", "shop.example"],
    ["notrowhouse.test", "notrowhouse.test"],
  ])("%s is stored as %s", (domain, name) => {
    expect(checkDomain(domain, BASE)).toBe(name);
  });

  test.each([
    "",
    "shop",
    "localhost",
    "acme.rowhouse.test",
    "ACME.Rowhouse.TEST.",
    "rowhouse.test",
    "a.b.rowhouse.test",
    "127.0.0.1",
    "127.1",
    "１２７.0.0.1",
    "[::1]",
    "::1",
    "shop.example:80",
    "https://shop.example",
    "shop.example/x",
    "user@shop.example",
    "*.shop.example",
    "_dmarc.shop.example",
    "shop example",
    "shop.exam\nple",
    "sh%6fp.example",
    "shop..example",
    "-shop.example",
    "xn--a.example",
    "shop.example,other.example",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(117)}aa`,
  ])("refuses %j", (domain) => {
    expect(() => checkDomain(domain, BASE)).toThrow(expect.objectContaining({ code: "RH405" }));
  });
});

describe("proof", () => {
  test("a domain is served once its record stands in DNS, and not before", async () => {
    const { record, verifiedAt } = await add("acme", "Shop.Example");
    expect(verifiedAt).toBeNull();
    expect(record).toEqual({
      name: "_rowhouse-challenge.shop.example",
      type: "TXT",
      value: expect.stringMatching(/^rowhouse-challenge=[\w-]{32}$/),
    });
    expect(await served("shop.example")).toBeUndefined();
    await expect(verify("acme", "shop.example")).rejects.toMatchObject({
      code: "RH408",
      details: expect.stringContaining("There is no TXT record"),
    });
    expect(await served("shop.example")).toBeUndefined();
    dns.records.set(record!.name, [["v=spf1 -all"], [record!.value]]);
    expect(await verify("acme", "shop.example")).toMatchObject({
      name: "shop.example",
      verifiedAt: expect.any(String),
      record: null,
    });
    expect(await served("shop.example")).toBe("acme");
  });

  test("a record that is cut into strings is one value", async () => {
    const { record } = await add("acme", "shop.example");
    dns.records.set(record!.name, [[record!.value.slice(0, 9), record!.value.slice(9)]]);
    expect((await verify("acme", "shop.example")).verifiedAt).not.toBeNull();
  });

  test.each([
    ["another value", (value: string) => [[`${value}x`]]],
    ["its start", (value: string) => [[value.slice(0, -1)]]],
    ["another case", (value: string) => [[value.toUpperCase()]]],
    ["no answer", () => "fail" as const],
    ["no text", () => []],
  ])("%s proves nothing", async (_, answers) => {
    const { record } = await add("acme", "shop.example");
    dns.records.set(record!.name, answers(record!.value));
    await expect(verify("acme", "shop.example")).rejects.toMatchObject({
      code: "RH408",
      exit: 1,
      hint: expect.stringContaining(record!.value),
    });
    expect(await served("shop.example")).toBeUndefined();
  });

  test("each attempt has its own challenge: an old record proves nothing", async () => {
    const first = await add("acme", "shop.example");
    dns.records.set(first.record!.name, [[first.record!.value]]);
    await verify("acme", "shop.example");
    await remove("acme", "shop.example");
    expect(await served("shop.example")).toBeUndefined();
    const again = await add("acme", "shop.example");
    expect(again.record!.value).not.toBe(first.record!.value);
    await expect(verify("acme", "shop.example")).rejects.toMatchObject({ code: "RH408" });
    const other = await add("acme", "shop.example");
    expect(other.record!.value).not.toBe(again.record!.value);
  });

  test("a claim that is made anew while DNS is asked is not proved by the old record", async () => {
    const { record } = await add("acme", "shop.example");
    dns.records.set(record!.name, [[record!.value]]);
    dns.onQuestion = () => add("acme", "shop.example");
    await expect(verify("acme", "shop.example")).rejects.toMatchObject({ code: "RH408" });
    expect(await served("shop.example")).toBeUndefined();
  });

  test("a claim that is given up while DNS is asked is not served", async () => {
    const { record } = await add("acme", "shop.example");
    dns.records.set(record!.name, [[record!.value]]);
    dns.onQuestion = () => remove("acme", "shop.example");
    await expect(verify("acme", "shop.example")).rejects.toMatchObject({ code: "RH407" });
    expect(await served("shop.example")).toBeUndefined();
  });

  test("an operator can vouch for a domain", async () => {
    await add("acme", "shop.example");
    await verifyDomain(db.platform, "acme", "SHOP.example.", "operator:test", { trusted: true });
    expect(await served("shop.example")).toBe("acme");
  });

  test("what is verified stays so when it is added or verified again", async () => {
    await add("acme", "shop.example");
    const { verifiedAt } = await verifyDomain(db.platform, "acme", "shop.example", "operator:test", { trusted: true });
    expect(await add("acme", "shop.example")).toMatchObject({ verifiedAt, record: null });
    expect(await verify("acme", "shop.example")).toMatchObject({ verifiedAt });
  });
});

describe("a proof is looked for again (H10)", () => {
  const recheck = (options: RecheckOptions = {}) =>
    recheckDomains(db.platform, "operator:test", { servers: [dns.address], ...options });
  const prove = async (slug: string, domain: string) => {
    const { record } = await add(slug, domain);
    dns.records.set(record!.name, [[record!.value]]);
    await verify(slug, domain);
    return record!;
  };

  test("it stands, is lost with its record or for another value, and unknown while DNS does not answer", async () => {
    await prove("acme", "stands.example");
    dns.records.delete((await prove("acme", "gone.example")).name);
    dns.records.set((await prove("globex", "sold.example")).name, [["rowhouse-challenge=somebody-else"]]);
    dns.records.set((await prove("globex", "silent.example")).name, "fail");
    await add("acme", "claimed.example"); // nothing is served there yet
    const found = (await recheck()).map(({ name, tenant, state, removed }) => [name, tenant, state, removed]);
    expect(found).toEqual([
      ["gone.example", "acme", "lost", false],
      ["silent.example", "globex", "unknown", false],
      ["sold.example", "globex", "lost", false],
      ["stands.example", "acme", "stands", false],
    ]);
    expect((await recheck({ slug: "acme" })).map(({ name }) => name)).toEqual(["gone.example", "stands.example"]);
    await expect(recheck({ slug: "nobody" })).rejects.toMatchObject({ code: "RH102" });
    expect(await served("sold.example")).toBe("globex");
  });

  test("removed, the domain leads nowhere, and is no other tenant's for a week; what is unknown stays", async () => {
    dns.records.delete((await prove("acme", "sold.example")).name);
    dns.records.set((await prove("acme", "silent.example")).name, "fail");
    expect((await recheck({ remove: true })).map(({ removed }) => removed)).toEqual([false, true]);
    expect([await served("sold.example"), await served("silent.example")]).toEqual([undefined, "acme"]);
    await expect(add("globex", "sold.example")).rejects.toMatchObject({ code: "RH435" });
    expect((await add("acme", "sold.example")).record).not.toBeNull();
  });

  test("one that an operator vouched for has none", async () => {
    await add("acme", "shop.example");
    await verifyDomain(db.platform, "acme", "shop.example", "operator:test", { trusted: true });
    expect(await recheck({ remove: true })).toEqual([]);
    expect(await served("shop.example")).toBe("acme");
  });
});

test("a claim that waits for a removal of this very moment finds its cool-down", async () => {
  await add("acme", "shop.example");
  await verifyDomain(db.platform, "acme", "shop.example", "operator:test", { trusted: true });
  await db.admin.query("begin; delete from platform.domains where name = 'shop.example'");
  const claim = add("globex", "shop.example").then(
    () => "claimed",
    (error: { code: string }) => error.code,
  );
  await untilBlocked(db.admin, db.admin);
  await db.admin.query("commit");
  expect(await claim).toBe("RH435");
});

describe("whose it is", () => {
  test("a verified domain and a fresh claim are nobody else's", async () => {
    await add("acme", "shop.example");
    await expect(add("globex", "shop.example")).rejects.toMatchObject({ code: "RH406", exit: 5 });
    await db.admin.query(
      "update platform.domains set created_at = now() - interval '30 days', verified_at = now() where name = 'shop.example'",
    );
    await expect(add("globex", "shop.example")).rejects.toMatchObject({ code: "RH406" });
    await expect(verifyDomain(db.platform, "globex", "shop.example", "test", { trusted: true })).rejects.toMatchObject({
      code: "RH407",
    });
    await expect(remove("globex", "shop.example")).rejects.toMatchObject({ code: "RH407", exit: 4 });
    expect(await served("shop.example")).toBe("acme");
  });

  test("a claim that was never proved lapses after a day", async () => {
    await add("acme", "shop.example");
    await db.admin.query(
      "update platform.domains set created_at = now() - interval '25 hours' where name = 'shop.example'",
    );
    expect(await add("globex", "shop.example")).toMatchObject({ tenant: "globex", verifiedAt: null });
    expect((await listDomains(db.platform, "acme")).map(({ name }) => name)).toEqual(["acme"]);
  });

  test("two tenants that claim at once: one has it", async () => {
    const results = await Promise.allSettled(["acme", "globex", "initech"].map((slug) => add(slug, "shop.example")));
    const refused = results.filter((result) => result.status === "rejected").map(({ reason }) => reason.code);
    expect(refused).toEqual(["RH406", "RH406"]);
  });

  test("an unknown tenant has none", async () => {
    await expect(add("nobody", "shop.example")).rejects.toMatchObject({ code: "RH102" });
    await expect(remove("nobody", "shop.example")).rejects.toMatchObject({ code: "RH102" });
    await expect(listDomains(db.platform, "nobody")).rejects.toMatchObject({ code: "RH102" });
    await expect(verify("acme", "shop.example")).rejects.toMatchObject({ code: "RH407" });
  });
});

describe("labels", () => {
  test("a renamed tenant's old label can be given up and is then free; the slug can't", async () => {
    await createTenant(db.platform, db.database.keyring, { slug: "old-name", name: "Renamed" }, "test");
    await renameTenant(db.platform, "old-name", { slug: "new-name" }, "test");
    await expect(
      createTenant(db.platform, db.database.keyring, { slug: "old-name", name: "Squatter" }, "test"),
    ).rejects.toMatchObject({ code: "RH406" });
    await expect(remove("new-name", "new-name")).rejects.toMatchObject({ code: "RH418" });
    await expect(remove("acme", "old-name")).rejects.toMatchObject({ code: "RH407" });
    expect(await remove("new-name", "OLD-NAME")).toMatchObject({ name: "old-name", kind: "subdomain" });
    expect((await listDomains(db.platform, "new-name")).map(({ name }) => name)).toEqual(["new-name"]);
    const { created } = await createTenant(
      db.platform,
      db.database.keyring,
      { slug: "old-name", name: "Next" },
      "test",
    );
    expect(created).toBe(true);
  });
});

test("a label that a rename is taking back at this moment is not given up", async () => {
  await createTenant(db.platform, db.database.keyring, { slug: "first-name", name: "There and back" }, "test");
  await renameTenant(db.platform, "first-name", { slug: "second-name" }, "test");
  const rival = await db.database.connect("rowhouse_platform");
  await rival.query("begin");
  await rival.query("update platform.tenants set slug = 'first-name' where slug = 'second-name'");
  const removal = remove("second-name", "first-name").catch((error: unknown) => error);
  await untilBlocked(db.admin, rival);
  await rival.query("commit");
  await rival.end();
  expect(await removal).toMatchObject({ code: "RH102" });
  expect((await listDomains(db.platform, "first-name")).map(({ name }) => name)).toContain("first-name");
});

test("each step is in the audit trail, without the challenge", async () => {
  const { record } = await add("globex", "audited.example");
  await verifyDomain(db.platform, "globex", "audited.example", "operator:test", { trusted: true });
  await remove("globex", "audited.example");
  const events = (await listEvents(db.platform, { tenant: "globex" })).filter(
    ({ details }) => details["name"] === "audited.example",
  );
  expect(events.map(({ action }) => action)).toEqual(["domain.removed", "domain.verified", "domain.added"]);
  expect(events.every(({ actor }) => actor === "operator:test")).toBe(true);
  expect(JSON.stringify(events)).not.toContain(record!.value);
});
