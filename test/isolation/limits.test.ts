import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Scope } from "../../src/db/scope.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { enter, outcome } from "./arena.ts";

let db: TestDatabase;
let scope: Scope;
let clients: pg.Client[];
beforeAll(async () => {
  db = await testDatabase();
  scope = await db.scope("globex", "owner");
  clients = [await db.database.connect("rowhouse_platform"), await db.database.connect("rowhouse_platform")];
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
  await db.close();
});

const user = (number: number | string) => `insert into tenant.users (email) values ('u${number}@limit.example')`;
const count = async () => {
  const { rows } = await db.admin.query<{ n: number }>(
    "select count(*)::int as n from tenant.users where tenant_id = $1 and is_active",
    [scope.tenantId],
  );
  return rows[0]!.n;
};

/** Commits what is not refused. */
async function attempt(client: pg.Client, text: string): Promise<number | string> {
  await enter(client, scope);
  const came = await outcome(client, text);
  await client.query("commit");
  return came;
}

describe("fifty users", () => {
  test("are the limit of a tenant without more, and one statement can't pass it either", async () => {
    const room = 50 - (await count());
    const many = (n: number) =>
      `insert into tenant.users (email) select 'm' || n || '@limit.example' from generate_series(1, ${n}) n`;
    expect(await attempt(clients[0]!, many(room + 1))).toBe("RH430");
    expect(await attempt(clients[0]!, many(room - 1))).toBe(room - 1);
    expect(await count()).toBe(49);
  });

  test("two at once: one of them is the fiftieth", async () => {
    const came = await Promise.all(clients.map((client, index) => attempt(client, user(index))));
    expect(came.map(String).toSorted()).toEqual(["1", "RH430"]);
    expect(await count()).toBe(50);
  });

  test("the refusal says which limit, how much it is, and who can raise it", async () => {
    await enter(clients[0]!, scope);
    const error: unknown = await clients[0]!.query(user("x")).catch((refusal: unknown) => refusal);
    await clients[0]!.query("rollback");
    expect(error).toMatchObject({
      code: "RH430",
      message: "The plan allows 50 users",
      detail: "limit users = 50",
      hint: expect.stringMatching(/operator.*owner/) as unknown,
    });
  });

  test("who is not active does not count, and can't come back when there is no room", async () => {
    const first = "(select min(email) from tenant.users where email like 'm%')";
    expect(await attempt(clients[0]!, `update tenant.users set is_active = false where email = ${first}`)).toBe(1);
    expect(await attempt(clients[0]!, user("y"))).toBe(1);
    expect(await attempt(clients[0]!, "update tenant.users set is_active = true where not is_active")).toBe("RH430");
  });

  test("a transaction that would count yesterday's rows is refused", async () => {
    await clients[0]!.query("begin isolation level repeatable read");
    await clients[0]!.query("select platform.enter($1, $2, $3, true)", [scope.context, scope.secret, scope.epoch]);
    expect(await outcome(clients[0]!, user("z"))).toBe("0A000");
    await clients[0]!.query("rollback");
  });

  test("the subscription's own limits count first, then its plan's", async () => {
    const limit = async () => {
      await enter(clients[0]!, scope, "read");
      const { rows } = await clients[0]!.query<{ most: string | null }>("select platform.limit_of('users') as most");
      await clients[0]!.query("commit");
      return rows[0]!.most;
    };
    const given = (text: string) =>
      db.admin.query(`update tenant.subscription set ${text} where tenant_id = $1`, [scope.tenantId]);
    await db.admin.query("insert into platform.plans (name, title, limits) values ('tiny', 'Tiny', '{\"users\": 3}')");
    await given("plan = 'tiny'");
    expect(await limit()).toBe("3");
    await given("limits = '{\"users\": 60}'");
    expect(await limit()).toBe("60");
    expect(await attempt(clients[0]!, user("w"))).toBe(1);
    await given("limits = '{\"users\": null}'");
    expect(await limit()).toBeNull();
    await given("limits = '{}', plan = 'unknown here'");
    expect(await limit()).toBe("50");
  });

  test("a restore puts back what was there", async () => {
    const importer = await db.database.connect("rowhouse_importer");
    expect(await attempt(importer, user("restored"))).toBe(1);
    await importer.end();
  });
});

test("a user has a role that there is", async () => {
  await db.admin.query("update tenant.subscription set limits = '{\"users\": null}' where tenant_id = $1", [
    scope.tenantId,
  ]);
  const withRole = (role: string) =>
    `insert into tenant.users (email, role) values ('${role}@role.example', '${role}')`;
  expect(await attempt(clients[0]!, withRole("clerk"))).toBe(1);
  expect(await attempt(clients[0]!, withRole("nobody"))).toBe("RH431");
  expect(await attempt(clients[0]!, withRole("service"))).toBe("RH431");
});
