import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeScope, withRequestId, type Scope } from "../../src/db/scope.ts";
import { MEMBERS } from "../members.ts";
import { enter, outcome, type Arena } from "./arena.ts";
import { ownTable } from "./permissions.ts";

type Steps = readonly string[];
/** What the last step came to, after steps that pass. */
type Case = readonly [steps: string | Steps, came: number | string];

const NOTE = "00000000-0000-4000-8000-0000000000d1";
const OTHER = "00000000-0000-4000-8000-0000000000d2";

/** More rights than a role was given, by statements in the API role; the trail and the stamps that such a statement would like to be without. */
export function testEscalation(arenaOf: () => Arena): void {
  let client: pg.Client;
  let key: string;
  const asOwner = async (text: string) => {
    await arenaOf().admin.query(`set role rowhouse_owner; ${text}; reset role`);
  };
  beforeAll(async () => {
    const { admin, database, a } = arenaOf();
    client = await database.connect("rowhouse_api");
    await asOwner(
      [
        ["app.thoughts", `'{"own_rows": "write"}'`],
        ["app.secrets", `'{"own_rows": "all"}'`],
        ["app.papers", "null"],
        ["app.imported", `'{"stamp": false}'`],
        ["app.pinned", `'{"anonymous": ["select", "insert"]}'`],
      ]
        .map(([name, options]) => `${ownTable(name!)}; select platform.protect_table('${name}', ${options})`)
        .join("; "),
    );
    // Whose the row is stands in a column that nobody fills but the expression.
    await asOwner(`create table app.signed (tenant_id uuid, id uuid default gen_random_uuid(), author text,
      created_by text generated always as (author) stored, primary key (tenant_id, id)); select platform.protect_table('app.signed')`);
    for (const table of ["thoughts", "secrets", "papers", "imported", "pinned"]) {
      await admin.query(
        `insert into app.${table} (tenant_id, id, body, created_by) values ($1, $2, 'theirs', 'somebody')`,
        [a.tenantId, OTHER],
      );
      await admin.query(`insert into app.${table} (tenant_id, id, body, created_by) values ($1, $2, 'mine', $3)`, [
        a.tenantId,
        NOTE,
        MEMBERS.user,
      ]);
    }
    await admin.query("insert into app.signed (tenant_id, author) values ($1, 'somebody')", [a.tenantId]);
    const { rows } = await admin.query<{ hash: string }>(
      "select encode(hash, 'hex') as hash from tenant.api_keys where tenant_id = $1 and id = $2",
      [a.tenantId, MEMBERS.key],
    );
    key = `k${rows[0]!.hash}`;
  });
  afterAll(async () => {
    await client.end();
    await arenaOf().admin.query(
      "drop table app.thoughts, app.secrets, app.papers, app.imported, app.pinned, app.signed; delete from platform.table_options",
    );
  });

  const scopeOf = (role: string, principal: string = MEMBERS.user, grant?: string): Scope => {
    const { a, database } = arenaOf();
    return makeScope({ tenantId: a.tenantId, epoch: a.epoch, principal, role, grant }, database.keyring);
  };
  /** In a transaction that is taken back. */
  async function came(
    scope: Scope,
    steps: string | Steps,
    access: "read" | "write" = "write",
  ): Promise<number | string> {
    await enter(client, scope, access);
    let last: number | string = "nothing";
    for (const step of [steps].flat()) last = await outcome(client, step);
    await client.query("rollback");
    return last;
  }
  const holds = (role: string, cases: readonly Case[]) =>
    test.each(cases)("%s", async (steps, expected) => {
      expect(await came(scopeOf(role), steps)).toBe(expected);
    });
  const user = `id = '${MEMBERS.user}'`;

  describe("a member makes no more of itself", () => {
    holds("member", [
      [`update tenant.users set role = 'owner' where ${user}`, "RH206"],
      [`update tenant.users set is_active = false where ${user}`, "RH206"],
      [`update tenant.users set email = 'x@y.example' where ${user}`, "42501"],
      [`update tenant.users set (name, role) = ('x', 'owner') where ${user}`, "RH206"],
      [`insert into tenant.users (email, role) values ('x@y.example', 'owner')`, "42501"],
      [
        `insert into tenant.users (id, email) values ('${MEMBERS.user}', 'x@y.example') on conflict (tenant_id, id) do update set role = 'owner'`,
        "42501",
      ],
      [
        `merge into tenant.users u using (values (1)) v (x) on u.${user} when matched then update set role = 'owner'`,
        "RH206",
      ],
      ["with moved as (update tenant.users set role = 'owner' returning 1) select * from moved", "RH206"],
      ["update tenant.users set name = 'x' where id <> '" + MEMBERS.user + "'", 0],
      ["insert into tenant.permissions (role, table_name, verb) values ('clerk', '*', '*')", "RH206"],
      ["update tenant.permissions set verb = '*', table_name = '*'", "RH206"],
      ["insert into tenant.roles (name) values ('boss')", "RH206"],
      ["insert into tenant.settings (name, value) values ('auth', '{\"signup\": true}')", "RH206"],
      [
        "insert into tenant.settings (name, value) values ('brand', '1') on conflict (tenant_id, name) do update set is_public = true",
        "RH206",
      ],
      ["delete from tenant.settings", "RH206"],
      ["select from tenant.api_keys", "RH206"],
      ["select from tenant.audit_events", "RH206"],
      ["select hash from tenant.api_keys", "42501"],
      ["select k from tenant.api_keys k", "42501"],
      ["select * from tenant.credentials", "42501"],
      ["select from tenant.refresh_tokens", "42501"],
      ["copy tenant.credentials to stdout", "42501"],
      ["copy tenant.users (email) from stdin", "42501"],
      ["copy app.papers (body) from stdin", "0A000"],
      ["insert into tenant.subscription (plan) values ('x')", "42501"],
      ["update tenant.subscription set limits = '{}'", "42501"],
      ["update tenant.sessions set expires_at = now() + interval '1 year'", "42501"],
      ["truncate tenant.audit_events", "42501"],
      ["truncate app.papers", "42501"],
      ["alter table app.papers disable trigger all", "42501"],
      ["drop trigger rowhouse_stamp on app.papers", "42501"],
      [
        "create trigger after_stamp before insert on app.papers for each row execute function platform.stamp_row()",
        "42501",
      ],
      ["create rule quiet as on insert to app.papers do instead nothing", "42501"],
      ["set local session_replication_role = replica", "42501"],
      ["create policy mine on app.papers using (true)", "42501"],
      ["alter policy member_delete on app.papers using (true)", "42501"],
      ["insert into platform.table_options (schema_name, table_name, options) values ('app', 'papers', '{}')", "42501"],
      ["insert into platform.plans (name, title) values ('x', 'x')", "42501"],
      ["select from platform.operators", "42501"],
      ["select from platform.operator_sessions", "42501"],
      ["select from platform.outbox", "42501"],
      ["select from platform.issuers", "42501"],
      ["select from platform.sign_in_attempts", "42501"],
    ]);
  });

  describe("a viewer writes by no way", () => {
    holds("viewer", [
      ["insert into app.papers (body) values ('x')", "RH206"],
      [`insert into app.papers (id, body) values ('${NOTE}', 'x') on conflict do nothing`, "RH206"],
      [
        `insert into app.papers (id, body) values ('${NOTE}', 'x') on conflict (tenant_id, id) do update set body = 'y'`,
        "RH206",
      ],
      ["update app.papers set body = body", "RH206"],
      [
        `merge into app.papers p using (values ('${NOTE}'::uuid)) v (id) on p.id = v.id when matched then update set body = 'x'`,
        "RH206",
      ],
      [
        `merge into app.papers p using (values ('${NOTE}'::uuid)) v (id) on p.id = v.id when matched then delete`,
        "RH206",
      ],
      [
        `merge into app.papers p using (values (gen_random_uuid())) v (id) on p.id = v.id when not matched then insert (body) values ('x')`,
        "RH206",
      ],
      ["with gone as (delete from app.papers returning 1) select * from gone", "RH206"],
      ["select from app.papers for update", "RH206"],
      ["select from app.papers for key share", "RH206"],
      [["savepoint s", "rollback to s", "delete from app.papers"], "RH206"],
      [
        [
          "declare mine cursor for select * from app.papers",
          "fetch mine",
          "delete from app.papers where current of mine",
        ],
        "RH206",
      ],
    ]);

    test("nor by a statement of its own making", async () => {
      expect(await came(scopeOf("viewer"), ["prepare gone as delete from app.papers", "execute gone"])).toBe("RH206");
      await client.query("deallocate gone"); // PREPARE outlives its transaction, and a session that has some enters nothing where names can be seen
    });

    test("nor by a statement that was prepared while somebody else might", async () => {
      const text = { name: "escalation_delete", text: "delete from app.papers where body = $1", values: ["nothing"] };
      for (const [role, expected] of [
        ["owner", 0],
        ["viewer", "RH206"],
        ["owner", 0],
        ["viewer", "RH206"],
      ] as const) {
        await enter(client, scopeOf(role));
        const result = await client.query(text).then(
          ({ rowCount }) => rowCount,
          (error: pg.DatabaseError) => error.code,
        );
        await client.query("rollback");
        expect(result).toBe(expected);
      }
    });
  });

  describe("an admin gives what is the tenant's to give, and no more", () => {
    holds("admin", [
      [`update tenant.users set role = 'owner' where ${user}`, "RH206"],
      ["insert into tenant.users (email, role) values ('x@y.example', 'owner')", "42501"],
      ["insert into tenant.roles (name) values ('owner')", "23514"],
      ["insert into tenant.roles (name) values ('service')", "23514"],
      ["insert into tenant.roles (name) values ('Owner')", "23514"],
      ["insert into tenant.roles (name) values ('a,owner')", "23514"],
      ["insert into tenant.permissions (role, table_name, verb) values ('owner', '*', '*')", "23503"],
      ["insert into tenant.permissions (role, table_name, verb) values ('viewer', 'customers', 'delete')", "23503"],
      ["insert into tenant.permissions (role, table_name, verb) values ('clerk', '*', 'truncate')", "23514"],
      ["update tenant.roles set name = 'admin' where name = 'clerk'", "23514"],
      ["insert into tenant.api_keys (name) values ('x')", "42501"],
      ["update tenant.impersonations set writes = true", "42501"],
      ["delete from tenant.impersonations", "42501"],
      ["delete from tenant.sessions", "42501"],
      ["insert into tenant.subscription (plan) values ('x')", "42501"],
      ["update tenant.audit_events set actor = 'x'", "42501"],
    ]);
  });

  describe("a role of the tenant's own", () => {
    const GIVEN = [
      "users",
      "tenant.users",
      "tenant.roles",
      "tenant.permissions",
      "tenant.api_keys",
      "tenant.audit_events",
      "audit_events",
      "tenant.settings",
      "platform.operators",
      "*",
    ];
    beforeAll(async () => {
      const { admin, a } = arenaOf();
      for (const table of GIVEN)
        await admin.query(
          `insert into tenant.permissions (tenant_id, role, table_name, verb) values ($1, 'clerk', $2, '*') on conflict do nothing`,
          [a.tenantId, table],
        );
    });
    afterAll(() =>
      arenaOf().admin.query("delete from tenant.permissions where tenant_id = $1", [arenaOf().a.tenantId]),
    );

    holds("clerk", [
      ["delete from app.papers", 2],
      ["select from tenant.audit_events", "RH206"],
      ["select from tenant.api_keys", "RH206"],
      ["insert into tenant.permissions (role, table_name, verb) values ('clerk', 'x', '*')", "RH206"],
      ["update tenant.permissions set verb = 'select'", "RH206"],
      ["insert into tenant.roles (name) values ('boss')", "RH206"],
      ["delete from tenant.settings", "RH206"],
      [`update tenant.users set name = 'x' where id <> '${MEMBERS.user}'`, 0],
    ]);
  });

  describe("an API key", () => {
    const SCOPES = {
      "*": ["*"],
      "tenant.users": ["*"],
      "tenant.api_keys": ["*"],
      "tenant.permissions": ["*"],
      "tenant.audit_events": ["*"],
      "tenant.credentials": ["*"],
      "platform.operators": ["*"],
    };
    const withScopes = async <T>(scopes: object, work: () => Promise<T>): Promise<T> => {
      const { admin, a } = arenaOf();
      const set = (role: string | null, given: string | null) =>
        admin.query("update tenant.api_keys set role = $3, scopes = $4 where tenant_id = $1 and id = $2", [
          a.tenantId,
          MEMBERS.key,
          role,
          given,
        ]);
      await set(null, JSON.stringify(scopes));
      try {
        return await work();
      } finally {
        await set("viewer", null);
      }
    };

    test.each<Case>([
      ["delete from app.papers where body = 'nothing'", 0],
      ["select from tenant.users limit 1", 1],
      ["update tenant.users set name = 'x'", "RH206"],
      ["select from tenant.api_keys", "RH206"],
      ["insert into tenant.permissions (role, table_name, verb) values ('clerk', '*', '*')", "RH206"],
      ["select from tenant.audit_events", "RH206"],
      ["select * from tenant.credentials", "42501"],
      ["select from platform.operators", "42501"],
    ])("with scopes for everything: %s", async (steps, expected) => {
      expect(await withScopes(SCOPES, () => came(scopeOf("service", "x", key), steps))).toBe(expected);
    });

    test.each([
      [{}],
      [{ papers: [] }],
      [{ papers: ["select"] }],
      [{ Papers: ["*"] }],
      [{ "app.paper_": ["*"] }],
      [{ "app.%": ["*"] }],
      [{ papers: { "*": 1 }, "": ["*"] }],
    ])("of the scopes %j deletes nothing", async (scopes) => {
      const expected = "*" in ((scopes as { papers?: object }).papers ?? {}) ? 0 : "RH206";
      expect(
        await withScopes(scopes, () =>
          came(scopeOf("service", "x", key), "delete from app.papers where body = 'nothing'"),
        ),
      ).toBe(expected);
    });

    test("is not the role that a token says it is, nor without the key what it was", async () => {
      expect(await withScopes({}, () => came(scopeOf("owner", "x", key), "delete from app.papers"))).toBe("RH206");
      expect(
        await withScopes(SCOPES, () => came(scopeOf("service", `key:${MEMBERS.key}`), "delete from app.papers")),
      ).toBe("RH206");
    });
  });

  describe("own rows: of somebody else's none is touched", () => {
    const theirs = `id = '${OTHER}'`;
    for (const table of ["app.thoughts", "app.secrets"])
      holds("member", [
        [`update ${table} set body = 'x' where ${theirs}`, 0],
        [`update ${table} set created_by = '${MEMBERS.user}' where ${theirs}`, 0],
        [`delete from ${table} where ${theirs}`, 0],
        [
          `insert into ${table} (id, body) values ('${OTHER}', 'x') on conflict (tenant_id, id) do update set body = excluded.body`,
          "42501",
        ],
        [
          `insert into ${table} (id, body) values ('${OTHER}', 'x') on conflict (tenant_id, id) do update set created_by = excluded.created_by`,
          "42501",
        ],
        [
          `merge into ${table} t using (values ('${OTHER}'::uuid)) v (id) on t.id = v.id when matched then delete`,
          table === "app.thoughts" ? "42501" : 0,
        ],
        [
          [
            `update ${table} set created_by = 'somebody else', body = 'x'`,
            `update ${table} set body = 'still mine' where created_by = '${MEMBERS.user}'`,
          ],
          1,
        ],
      ]);
    holds("member", [
      [["update app.papers set created_by = '" + MEMBERS.user + "'", "delete from app.papers"], 1],
      ["select from app.secrets", 1],
      [`select from app.secrets where ${theirs}`, 0],
    ]);

    test.each<Case>([
      [[`update app.imported set created_by = '${MEMBERS.user}'`, "delete from app.imported"], "RH206"],
      [[`update app.signed set author = '${MEMBERS.user}'`, "delete from app.signed"], "RH206"],
    ])("whose rows are whose is nobody's word but the database's: %s", async (steps, expected) => {
      expect(await came(scopeOf("member"), steps)).toBe(expected);
    });
  });

  describe("nobody who is not signed in", () => {
    test.each<Case>([
      ["select from app.pinned", 2],
      ["insert into app.pinned (body) values ('x')", 1],
      ["update app.pinned set body = 'x'", "RH206"],
      ["delete from app.pinned", "RH206"],
      ["select from app.papers", "RH206"],
      ["select from tenant.settings where not is_public", 0],
      ["update tenant.settings set is_public = true", "RH206"],
      ["select from tenant.users", "RH206"],
      ["select from tenant.feature_flags", "RH206"],
      ["select from app.invoice_totals", "RH206"],
    ])("reaches more than was opened: %s", async (steps, expected) => {
      expect(await came(scopeOf("anonymous", "anonymous"), steps)).toBe(expected);
    });
  });

  describe("an impersonation that reads", () => {
    const impersonation = () => scopeOf("admin", "x", `i${MEMBERS.impersonation.replaceAll("-", "")}`);
    beforeAll(async () => {
      const { admin, a } = arenaOf();
      await admin.query(
        "update tenant.impersonations set role = 'admin', writes = false, ended_at = null, started_at = now(), expires_at = now() + interval '1 hour' where tenant_id = $1",
        [a.tenantId],
      );
      await asOwner(`create function app.scribble() returns int language sql volatile as $$ insert into app.papers (body) values ('x') returning 1 $$;
        grant execute on function app.scribble() to rowhouse_api`);
    });
    afterAll(async () => {
      await arenaOf().admin.query("update tenant.impersonations set role = 'viewer' where tenant_id = $1", [
        arenaOf().a.tenantId,
      ]);
      await asOwner("drop function app.scribble()");
    });

    test.each<Case>([
      ["select from app.papers", 2],
      ["select app.scribble()", "25006"],
      ["insert into app.papers (body) values ('x')", "25006"],
      ["select from app.papers for update", "25006"],
      ["set transaction read write", "25001"],
      [["savepoint s", "set transaction read write"], "25001"],
      ["set local transaction_read_only = off", "25001"],
      ["select set_config('transaction_read_only', 'off', true)", "refused"],
    ])("%s", async (steps, expected) => {
      // 42501 where set_config() is revoked, 25001 where a managed server leaves it.
      const result = await came(impersonation(), steps, "read");
      expect(expected === "refused" && ["42501", "25001"].includes(String(result)) ? "refused" : result).toBe(expected);
    });
  });

  describe("the trail", () => {
    const REQUEST = "escalation-1";
    const trail = async (scope: Scope, ...texts: string[]) => {
      const { admin, a } = arenaOf();
      await admin.query("delete from tenant.audit_events where tenant_id = $1", [a.tenantId]);
      await enter(client, withRequestId(scope, REQUEST));
      for (const text of texts) await client.query(text);
      await client.query("commit");
      const { rows } = await admin.query<{ actor: string; role: string; request_id: string; action: string }>(
        "select actor, role, request_id, action from tenant.audit_events where tenant_id = $1 order by at",
        [a.tenantId],
      );
      return rows;
    };

    test("names who it was, whatever the session calls itself", async () => {
      const events = await trail(
        scopeOf("manager"),
        "set local rowhouse.actor = 'somebody'; set local rowhouse.request_id = 'x'; set local app.tenant_id = 'x'; set local application_name = 'y'",
        "insert into app.papers (body) values ('told')",
        "delete from app.papers where body = 'told'",
      );
      expect(events).toEqual(
        ["papers.created", "papers.deleted"].map((action) => ({
          actor: MEMBERS.user,
          role: "manager",
          request_id: REQUEST,
          action,
        })),
      );
    });

    test("has what a savepoint kept, and nothing of what it took back", async () => {
      const events = await trail(
        scopeOf("manager"),
        "savepoint s",
        "insert into app.papers (body) values ('undone')",
        "rollback to s",
        "insert into app.papers (body) values ('kept')",
        "release s",
      );
      expect(events).toHaveLength(1);
      await trail(scopeOf("manager"), "delete from app.papers where body = 'kept'");
    });

    test("has a change through a view, and one in a part of a statement that returns nothing", async () => {
      await asOwner(
        "create view app.paper_bodies with (security_invoker = true) as select id, body from app.papers; grant select, update on app.paper_bodies to rowhouse_api",
      );
      const events = await trail(
        scopeOf("manager"),
        `update app.paper_bodies set body = 'through' where id = '${NOTE}'`,
        `with quiet as (update app.papers set body = 'mine' where id = '${NOTE}') select 1`,
      );
      await asOwner("drop view app.paper_bodies");
      expect(events.map(({ action }) => action)).toEqual(["papers.updated", "papers.updated"]);
    });
  });
}
