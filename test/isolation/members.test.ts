import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DbRole } from "../../src/db/connections.ts";
import { makeScope } from "../../src/db/scope.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { enter, outcome } from "./arena.ts";

/** Users by their role; `boss` is a second owner. */
const IDS = {
  owner: "00000000-0000-4000-8000-0000000000e1",
  boss: "00000000-0000-4000-8000-0000000000e2",
  admin: "00000000-0000-4000-8000-0000000000e3",
  manager: "00000000-0000-4000-8000-0000000000e4",
  member: "00000000-0000-4000-8000-0000000000e5",
  viewer: "00000000-0000-4000-8000-0000000000e6",
  clerk: "00000000-0000-4000-8000-0000000000e7",
} as const;
type Who = keyof typeof IDS;

let db: TestDatabase;
let tenantId: string;
const clients = new Map<DbRole, pg.Client[]>();
beforeAll(async () => {
  db = await testDatabase();
  ({ id: tenantId } = await db.tenant("globex"));
  for (const role of ["rowhouse_api", "rowhouse_platform"] as const)
    clients.set(role, [await db.database.connect(role), await db.database.connect(role)]);
});
afterAll(async () => {
  await Promise.all([...clients.values()].flat().map((client) => client.end()));
  await db.close();
});
beforeEach(async () => {
  await db.admin.query("delete from tenant.users where tenant_id = $1", [tenantId]);
  for (const [who, id] of Object.entries(IDS)) {
    await db.admin.query("insert into tenant.users (tenant_id, id, email, role) values ($1, $2, $3, $4)", [
      tenantId,
      id,
      `${who}@guard.example`,
      who === "boss" ? "owner" : who,
    ]);
  }
});

const scopeAs = async (who: Who) => {
  const { epoch } = await db.tenant("globex");
  const role = who === "boss" ? "owner" : who;
  return makeScope({ tenantId, epoch, principal: IDS[who], role }, db.database.keyring);
};

/** What a statement comes to; committed where it is not refused. */
async function as(who: Who, text: string, role: DbRole = "rowhouse_api", nth = 0): Promise<number | string> {
  const client = clients.get(role)![nth]!;
  await enter(client, await scopeAs(who));
  const came = await outcome(client, text);
  await client.query("commit");
  return came;
}
const set = (whom: Who, what: string) => `update tenant.users set ${what} where id = '${IDS[whom]}'`;
const roleOf = async (whom: Who) => {
  const { rows } = await db.admin.query<{ role: string }>(
    "select role from tenant.users where tenant_id = $1 and id = $2",
    [tenantId, IDS[whom]],
  );
  return rows[0]?.role;
};

describe("by SQL of a request", () => {
  test.each<[Who, string, Who, string, number | string]>([
    ["admin", "makes an admin", "member", "role = 'admin'", 1],
    ["admin", "lowers another", "manager", "role = 'viewer'", 1],
    ["admin", "deactivates a member", "member", "is_active = false", 1],
    ["admin", "gives a role of the tenant's own", "member", "role = 'clerk'", 1],
    ["admin", "makes no owner", "member", "role = 'owner'", "RH206"],
    ["admin", "makes itself no owner", "admin", "role = 'owner'", "RH206"],
    ["admin", "lowers no owner", "owner", "role = 'viewer'", "RH206"],
    ["admin", "deactivates no owner", "owner", "is_active = false", "RH206"],
    ["admin", "changes nothing of an owner", "owner", "name = 'Fool'", "RH206"],
    ["admin", "gives no role that there is not", "member", "role = 'unheard_of'", "RH431"],
    ["owner", "makes an owner", "member", "role = 'owner'", 1],
    ["owner", "lowers another owner", "boss", "role = 'member'", 1],
    ["owner", "lowers itself while there is another", "owner", "role = 'member'", 1],
    ["manager", "changes nobody's role", "member", "role = 'admin'", 0],
    ["manager", "raises not itself", "manager", "role = 'admin'", "RH206"],
    ["member", "raises not itself", "member", "role = 'admin'", "RH206"],
    ["member", "lowers not itself", "member", "role = 'viewer'", "RH206"],
    ["member", "deactivates not itself", "member", "is_active = false", "RH206"],
    ["member", "changes what is personal", "member", "name = 'Me', custom = '{\"a\": 1}'", 1],
    ["member", "changes nobody else", "viewer", "name = 'Me'", 0],
    ["viewer", "changes what is personal", "viewer", "job_title = 'Reader'", 1],
    ["viewer", "raises not itself", "viewer", "role = 'owner'", "RH206"],
    ["clerk", "raises not itself", "clerk", "role = 'admin'", "RH206"],
    ["member", "writes no address", "member", "email = 'x@y.example'", "42501"],
    ["admin", "writes no address", "member", "email = 'x@y.example'", "42501"],
    ["admin", "confirms no address", "member", "email_confirmed_at = now()", "42501"],
  ])("%s %s", async (who, _, whom, what, came) => {
    const before = await roleOf(whom);
    expect(await as(who, set(whom, what))).toBe(came);
    const changes = came === 1 && what.startsWith("role = ");
    expect(await roleOf(whom)).toBe(changes ? /'(.*)'/.exec(what)![1] : before);
  });

  test.each([
    ["insert", "insert into tenant.users (email, role) values ('new@guard.example', 'viewer')"],
    ["delete", `delete from tenant.users where id = '${IDS.member}'`],
  ])("nobody may %s users", async (_, text) => {
    expect(await as("owner", text)).toBe("42501");
  });

  test("what is refused says what is missing, and not whose row it was", async () => {
    const client = clients.get("rowhouse_api")![0]!;
    await enter(client, await scopeAs("member"));
    const error: unknown = await client.query(set("member", "role = 'admin'")).catch((refusal: unknown) => refusal);
    await client.query("rollback");
    expect(error).toMatchObject({
      code: "RH206",
      message: "The role member may not change the role of users, nor whether they are active",
      detail: "Missing permission: update of role and is_active on tenant.users",
    });
  });

  test("a trick with one statement for two rows, or a merge, gets no further", async () => {
    const swap = `update tenant.users set role = case id when '${IDS.admin}' then 'owner' else 'admin' end where id in ('${IDS.admin}', '${IDS.owner}')`;
    const merge = `merge into tenant.users u using (values ('${IDS.admin}'::uuid)) v (id) on u.id = v.id when matched then update set role = 'owner'`;
    expect([await as("admin", swap), await as("admin", merge)]).toEqual(["RH206", "RH206"]);
  });
});

describe("the last active owner", () => {
  beforeEach(() => db.admin.query(set("boss", "is_active = false")));

  test.each(["role = 'admin'", "is_active = false"])("stays one: %s", async (what) => {
    expect(await as("owner", set("owner", what))).toBe("RH448");
    expect(await roleOf("owner")).toBe("owner");
  });

  test("may be renamed, and may go when another has come", async () => {
    expect(await as("owner", set("owner", "name = 'Ann'"))).toBe(1);
    expect(await as("owner", set("member", "role = 'owner'"))).toBe(1);
    expect(await as("owner", set("owner", "role = 'member'"))).toBe(1);
  });

  test("may be changed by the operator", async () => {
    expect(await as("owner", set("owner", "role = 'admin'"), "rowhouse_platform")).toBe(1);
  });

  test("is not lost when two owners lower each other at the same moment", async () => {
    await db.admin.query(set("boss", "is_active = true"));
    const [one, other] = clients.get("rowhouse_api")!;
    await enter(one!, await scopeAs("owner"));
    await enter(other!, await scopeAs("boss"));
    await other!.query("set local lock_timeout = 0"); // it waits for as long as we take to commit
    expect(await outcome(one!, set("boss", "role = 'admin'"))).toBe(1);
    const second = outcome(other!, set("owner", "role = 'admin'"));
    await one!.query("commit");
    expect(await second).toBe("RH448");
    await other!.query("rollback");
  });
});

test("who is deactivated is signed out, and stays so when activated again; links that waited are gone", async () => {
  await db.admin.query(
    `insert into tenant.sessions (tenant_id, user_id, expires_at) values ($1, '${IDS.member}', now() + interval '1 day')`,
    [tenantId],
  );
  await db.admin.query(
    `insert into tenant.one_time_links (tenant_id, hash, kind, user_id, email, expires_at)
     values ($1, sha256('thief'), 'email_change', '${IDS.member}', 'thief@guard.example', now() + interval '1 hour')`,
    [tenantId],
  );
  await as("admin", set("member", "is_active = false"));
  await as("admin", set("member", "is_active = true"));
  const { rows } = await db.admin.query(
    "select revoked_at is not null as ended from tenant.sessions where tenant_id = $1 and user_id = $2",
    [tenantId, IDS.member],
  );
  expect(rows).toEqual([{ ended: true }]);
  const links = await db.admin.query("select from tenant.one_time_links where hash = sha256('thief')");
  expect(links.rowCount).toBe(0);
});

test("what sign-in does in somebody's name makes nobody more than they are", async () => {
  const make = (role: string) =>
    `insert into tenant.users (email, role) values ('${role}.new@guard.example', '${role}')`;
  const came = [];
  for (const [who, role] of [
    ["admin", "owner"],
    ["admin", "admin"],
    ["manager", "admin"],
    ["member", "member"],
  ] as const)
    came.push(await as(who, make(role), "rowhouse_platform"));
  expect(came).toEqual(["RH206", 1, "RH206", 1]);
});

describe("a role of the tenant's own", () => {
  const rename = "update tenant.roles set name = 'scribe' where name = 'clerk'";
  const remove = "delete from tenant.roles where name = 'clerk'";

  test("stays as long as somebody has it", async () => {
    expect([await as("admin", remove), await as("admin", rename)]).toEqual(["RH449", "RH449"]);
    expect(await as("admin", "update tenant.roles set description = 'x' where name = 'clerk'")).toBe(1);
  });

  test("goes with its permissions when nobody has it", async () => {
    await as("admin", set("clerk", "role = 'viewer'"));
    expect([await as("admin", rename), await as("admin", "delete from tenant.roles where name = 'scribe'")]).toEqual([
      1, 1,
    ]);
    const { rows } = await db.admin.query("select from tenant.permissions where tenant_id = $1", [tenantId]);
    expect(rows).toEqual([]);
  });

  test("can't be called as a built-in one", async () => {
    expect(await as("owner", "insert into tenant.roles (name) values ('owner')")).toBe("23514");
  });
});
