import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";
import { runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  rowhouse = runOn(db.url, { ROWHOUSE_APP: SALES });
});
afterAll(() => db.close());

const json = async (...args: string[]) =>
  JSON.parse((await rowhouse(...args, "--json")).stdout) as Record<string, unknown>;
const refusal = async (...args: string[]) => {
  const { code, stderr } = await rowhouse(...args, "--json");
  return [code, (JSON.parse(stderr) as { error: { code: string } }).error.code];
};

describe("role", () => {
  test("is made, may what it is granted, and loses what is revoked", async () => {
    expect(await json("role", "create", "acme", "scribe", "--description", "Writes")).toMatchObject({
      name: "scribe",
      permissions: [],
    });
    await json("role", "grant", "acme", "scribe", "customers", "select,insert");
    const granted = await json("role", "grant", "acme", "scribe", "*", "select");
    expect(granted["permissions"]).toEqual([
      { table: "*", verbs: ["select"] },
      { table: "customers", verbs: ["insert", "select"] },
    ]);
    await json("role", "grant", "acme", "scribe", "app.products", "*");
    const left = await json("role", "revoke", "acme", "scribe", "app.products", "delete,insert");
    expect(left["permissions"]).toContainEqual({ table: "app.products", verbs: ["select", "update"] });
    await json("role", "revoke", "acme", "scribe", "app.products", "*");
    await json("role", "revoke", "acme", "scribe", "*", "select");
    expect((await json("role", "show", "acme", "scribe"))["permissions"]).toEqual([
      { table: "customers", verbs: ["insert", "select"] },
    ]);
    expect((await rowhouse("role", "list", "acme")).stdout).toMatch(/^scribe +0 +customers=insert,select +Writes$/m);
  });

  test.each([
    [["create", "acme", "scribe"], 5, "RH447"],
    [["create", "acme", "admin"], 5, "RH447"],
    [["create", "acme", "Not A Role"], 2, "RH400"],
    [["grant", "acme", "nobody", "customers", "select"], 1, "RH431"],
    [["grant", "acme", "admin", "customers", "select"], 1, "RH431"],
    [["grant", "acme", "scribe", "no_such_table", "select"], 4, "PGRST205"],
    [["grant", "acme", "scribe", "tenant.users", "update"], 4, "PGRST205"],
    [["grant", "acme", "scribe", "customers", "truncate"], 2, "RH400"],
    [["delete", "acme", "nobody"], 1, "RH431"],
    [["delete", "acme", "clerk"], 5, "RH449"],
    [["show", "nowhere", "clerk"], 4, "RH102"],
  ])("%j is refused", async (args, code, name) => {
    await db.admin.query("update tenant.users set role = 'clerk' where email like 'clerk@%'");
    expect(await refusal("role", ...args)).toEqual([code, name]);
  });

  test("goes, and leaves its events in the tenant's trail", async () => {
    await json("role", "delete", "acme", "scribe");
    const { stdout } = await rowhouse("audit", "--tenant", "acme", "--action", "roles.", "--json");
    const events = JSON.parse(stdout) as { action: string; actor: string }[];
    expect(events.map(({ action }) => action)).toEqual(["roles.deleted", "roles.created"]);
    expect(events[0]!.actor).toMatch(/^operator:|^cli|:/);
  });
});

describe("setting, flag and location", () => {
  test("set makes one, and changes what is given", async () => {
    expect(await json("setting", "set", "acme", "theme", '{"dark": true}', "--public")).toMatchObject({
      value: { dark: true },
      isPublic: true,
    });
    expect(await json("setting", "set", "acme", "theme", '"light"')).toMatchObject({ value: "light", isPublic: true });
    expect(await json("setting", "set", "acme", "theme", '"light"', "--no-public")).toMatchObject({ isPublic: false });
    expect(await json("flag", "set", "acme", "till.new", "on", "--payload", '{"share": 0.5}')).toMatchObject({
      isEnabled: true,
      payload: { share: 0.5 },
    });
    expect(await json("flag", "set", "acme", "till.new", "off")).toMatchObject({
      isEnabled: false,
      payload: { share: 0.5 },
    });
    expect(await json("location", "set", "acme", "B2", "--name", "Branch")).toMatchObject({
      name: "Branch",
      isActive: true,
    });
    expect(await json("location", "set", "acme", "B2", "--no-active")).toMatchObject({
      name: "Branch",
      isActive: false,
    });
  });

  test.each([
    [["setting", "set", "acme", "theme", "not json"], 2, "RH400"],
    [["setting", "set", "acme", "Not a name", "1"], 2, "RH400"],
    [["flag", "set", "acme", "beta", "maybe"], 2, "RH400"],
    [["setting", "remove", "acme", "nothing"], 4, "RH450"],
    [["flag", "remove", "acme", "nothing"], 4, "RH450"],
    [["location", "remove", "acme", "nothing"], 4, "RH450"],
  ])("%j is refused", async (args, code, name) => {
    expect(await refusal(...args)).toEqual([code, name]);
  });
});

describe("old audit events", () => {
  test.each([
    [["purge"], 2],
    [["purge", "--audit"], 2],
    [["purge", "acme", "--all-tenants"], 2],
    [["purge", "acme", "--audit", "--older-than", "1d"], 2],
    [["audit", "acme", "--tenant", "acme"], 2],
    [["audit", "--since", "1h"], 2],
    [["audit", "--tenant", "acme", "--before", "7"], 2],
  ])("%j is not understood", async (args, code) => {
    expect((await refusal(...args))[0]).toBe(code);
  });

  test("go for every tenant", async () => {
    await db.admin.query(
      "insert into tenant.audit_events (tenant_id, action, actor, role, at) select id, 'x.y', 'test', 'owner', now() - interval '2 years' from platform.tenants",
    );
    expect(await json("purge", "--audit", "--all-tenants")).toMatchObject({ events: 3 });
    expect(await json("purge", "--audit", "acme")).toMatchObject({ events: 0 });
  });
});

test("a token is an administrator's unless it is asked for less", async () => {
  expect(await json("token", "acme")).toMatchObject({ role: "admin" });
  expect(await json("token", "acme", "--role", "viewer")).toMatchObject({ role: "viewer" });
});
