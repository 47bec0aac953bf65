import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeScope, withRequestId } from "../../src/db/scope.ts";
import { MEMBERS } from "../members.ts";
import { enter, outcome, type Arena } from "./arena.ts";
import { ownTable } from "./permissions.ts";

const REQUEST = "0199-request.7";

/** Who and when, and the audit trail. */
export function testTrail(arenaOf: () => Arena): void {
  let client: pg.Client;
  beforeAll(async () => {
    const { database, admin } = arenaOf();
    client = await database.connect("rowhouse_api");
    await admin.query("set role rowhouse_owner");
    await admin.query(`${ownTable("app.memos")}; select platform.protect_table('app.memos')`);
    await admin.query("reset role");
  });
  afterAll(async () => {
    await client.end();
    await arenaOf().admin.query("drop table app.memos; delete from platform.table_options");
  });

  const scope = (role = "admin", principal: string = MEMBERS.user) => {
    const { a, database } = arenaOf();
    return withRequestId(
      makeScope({ tenantId: a.tenantId, epoch: a.epoch, principal, role }, database.keyring),
      REQUEST,
    );
  };
  /** Runs the statements as one transaction of A, and gives the events that they left. */
  async function eventsOf(...texts: string[]): Promise<Record<string, unknown>[]> {
    const { admin, a } = arenaOf();
    await admin.query("delete from tenant.audit_events where tenant_id = $1", [a.tenantId]);
    await enter(client, scope());
    for (const text of texts) await client.query(text);
    await client.query("commit");
    const { rows } = await admin.query<Record<string, unknown>>(
      `select action, actor, role, schema_name, table_name, row_id, before, after, request_id from tenant.audit_events
       where tenant_id = $1 order by at`,
      [a.tenantId],
    );
    return rows;
  }
  const asOwner = async (text: string) => {
    await arenaOf().admin.query(`set role rowhouse_owner; ${text}; reset role`);
  };
  const ID = "00000000-0000-4000-8000-0000000000c1";
  const insert = `insert into app.memos (id, body) values ('${ID}', 'first')`;

  describe("an audit event", () => {
    test("says who did what to which row, what it was and what it became, and in which request", async () => {
      const [created, updated, deleted, ...rest] = await eventsOf(
        insert,
        `update app.memos set body = 'second' where id = '${ID}'`,
        `delete from app.memos where id = '${ID}'`,
      );
      const common = {
        actor: MEMBERS.user,
        role: "admin",
        schema_name: "app",
        table_name: "memos",
        row_id: ID,
        request_id: REQUEST,
      };
      expect(created).toMatchObject({
        ...common,
        action: "memos.created",
        before: null,
        after: { id: ID, body: "first" },
      });
      expect(updated).toEqual({
        ...common,
        action: "memos.updated",
        before: { body: "first" },
        after: { body: "second" },
      });
      expect(deleted).toMatchObject({ ...common, action: "memos.deleted", before: { body: "second" }, after: null });
      expect(Object.keys(created!["after"] as object)).not.toContain("tenant_id");
      expect(rest).toEqual([]);
    });

    test("is left for each row of a statement, and for none that stays as it is", async () => {
      const made = await eventsOf("insert into app.memos (body) select 'bulk ' || n from generate_series(1, 1000) n");
      expect(new Set(made.map(({ row_id }) => row_id)).size).toBe(1000);
      const changed = await eventsOf(
        "update app.memos set body = case when body = 'bulk 7' then 'seven' else body end where body like 'bulk%'",
      );
      expect(changed).toMatchObject([{ before: { body: "bulk 7" }, after: { body: "seven" } }]);
      expect(await eventsOf("delete from app.memos")).toHaveLength(1000);
    });

    test("is left by upserts, merges and cascades", async () => {
      const upsert = `${insert} on conflict (tenant_id, id) do update set body = excluded.body || '!'`;
      const actions = (await eventsOf(upsert, upsert)).map(({ action }) => action);
      const merged = await eventsOf(
        `merge into app.memos m using (values ('${ID}'::uuid)) v (id) on m.id = v.id when matched then delete`,
      );
      expect([...actions, ...merged.map(({ action }) => action)]).toEqual([
        "memos.created",
        "memos.updated",
        "memos.deleted",
      ]);
    });

    test("of a row whose key changed is there for both keys", async () => {
      const other = ID.replace(/.$/, "2");
      const events = await eventsOf(insert, `update app.memos set id = '${other}'`, "delete from app.memos");
      const updates = events.filter(({ action }) => action === "memos.updated");
      const seen = updates.map(({ row_id, before, after }) => `${String(row_id)} ${before === null} ${after === null}`);
      expect(seen.toSorted()).toEqual([`${ID} false true`, `${other} true false`]);
    });

    test("names what the control plane changes, without its secrets", async () => {
      const { database, a, admin } = arenaOf();
      await admin.query("delete from tenant.audit_events where tenant_id = $1", [a.tenantId]);
      const platform = await database.connect("rowhouse_platform");
      await enter(platform, scope("owner", "operator:ops"));
      await platform.query("update tenant.api_keys set name = 'renamed', hash = sha256('new') where id = $1", [
        MEMBERS.key,
      ]);
      // What is kept out, and what is no news, leave nothing by themselves.
      for (const change of ["hash = sha256('newer')", "last_used_at = now()"])
        await platform.query(`update tenant.api_keys set ${change} where id = $1`, [MEMBERS.key]);
      await platform.query("select platform.record_event('session.started', '{\"from\": \"here\"}')");
      await platform.query("commit");
      const { rows } = await admin.query(
        "select action, actor, before, after, details from tenant.audit_events where tenant_id = $1 order by at",
        [a.tenantId],
      );
      await admin.query(
        "update tenant.api_keys set hash = sha256(uuid_send($1::uuid)) where tenant_id = $1 and id = $2",
        [a.tenantId, MEMBERS.key],
      );
      await platform.end();
      expect(rows.at(-1)).toMatchObject({
        action: "session.started",
        actor: "operator:ops",
        details: { from: "here" },
      });
      expect(rows[0]).toMatchObject({ action: "api_keys.updated", after: { name: "renamed" } });
      expect(rows.map(({ action }) => String(action))).toEqual(["api_keys.updated", "session.started"]);
      expect(JSON.stringify(rows)).not.toContain("hash");
    });

    test("is left by TRUNCATE, where anybody may", async () => {
      const { admin, a } = arenaOf();
      await enter(admin, scope());
      await admin.query("truncate app.memos");
      const { rows } = await admin.query(
        "select from tenant.audit_events where tenant_id = $1 and action = 'memos.truncated'",
        [a.tenantId],
      );
      await admin.query("rollback");
      expect(rows).toHaveLength(1);
    });

    test("is not left by a restore, which stamps nothing either", async () => {
      const { database, admin, a } = arenaOf();
      await eventsOf();
      const importer = await database.connect("rowhouse_importer");
      await enter(importer, scope());
      await importer.query("insert into app.memos (body, created_by, created_at) values ('old', 'then', '2001-01-01')");
      await importer.query("commit");
      await importer.end();
      const { rows } = await admin.query(
        `select m.created_by, extract(year from m.created_at)::int as year,
           (select count(*)::int from tenant.audit_events e where e.tenant_id = m.tenant_id) as events
         from app.memos m where m.tenant_id = $1`,
        [a.tenantId],
      );
      await admin.query("delete from app.memos");
      expect(rows).toEqual([{ created_by: "then", year: 2001, events: 0 }]);
    });
  });

  describe("nobody", () => {
    test.each([
      ["a request", "rowhouse_api", "insert into tenant.audit_events (action, actor, role) values ('x', 'y', 'z')"],
      ["a request", "rowhouse_api", "update tenant.audit_events set actor = 'somebody'"],
      ["a request", "rowhouse_api", "delete from tenant.audit_events"],
      ["a request", "rowhouse_api", "truncate tenant.audit_events"],
      [
        "the control plane",
        "rowhouse_platform",
        "insert into tenant.audit_events (action, actor, role) values ('x', 'y', 'z')",
      ],
      ["the control plane", "rowhouse_platform", "update tenant.audit_events set actor = 'somebody'"],
      ["the control plane", "rowhouse_platform", "delete from tenant.audit_events"],
      ["the exporter", "rowhouse_exporter", "delete from tenant.audit_events"],
    ] as const)("forges or removes events: %s, %s: %s", async (_, role, text) => {
      const other = await arenaOf().database.connect(role);
      await enter(other, scope());
      expect(await outcome(other, text)).toBe("42501");
      await other.query("rollback");
      await other.end();
    });

    test("writes without an event by taking the context away meanwhile", async () => {
      const { admin, a } = arenaOf();
      await eventsOf(insert);
      await enter(client, scope());
      const text = "update app.memos set body = 'quiet' where set_config('app.context', '', true) is not null";
      const came = await outcome(client, text);
      await client.query(typeof came === "string" ? "rollback" : "commit");
      const { rows } = await admin.query<{ body: string; events: number }>(
        `select m.body, (select count(*)::int from tenant.audit_events e where e.tenant_id = $1 and action = 'memos.updated') as events
         from app.memos m where m.tenant_id = $1`,
        [a.tenantId],
      );
      await admin.query("delete from app.memos");
      expect([came, rows]).toEqual(["42501", [{ body: "first", events: 0 }]]);
    });
  });

  describe("stamps", () => {
    test("are the database's, whatever the statement says", async () => {
      const { admin, a } = arenaOf();
      const forged = "'2001-01-01', 'somebody', '2001-01-01', 'somebody'";
      await eventsOf(
        `insert into app.memos (id, body, created_at, created_by, updated_at, updated_by) values ('${ID}', 'x', ${forged})`,
      );
      await enter(client, scope("admin", "later"));
      await client.query(
        "update app.memos set created_at = '2001-01-01', created_by = 'x', updated_by = 'y', body = 'z'",
      );
      await client.query("commit");
      const { rows } = await admin.query(
        `select created_by, updated_by, created_at > now() - interval '1 minute' as fresh, updated_at >= created_at as later
         from app.memos where tenant_id = $1`,
        [a.tenantId],
      );
      await admin.query("delete from app.memos");
      expect(rows).toEqual([{ created_by: MEMBERS.user, updated_by: "later", fresh: true, later: true }]);
    });

    test("of type uuid hold users and no programs", async () => {
      await asOwner(`create table app.papers (tenant_id uuid, id uuid default gen_random_uuid(), created_by uuid,
        updated_by varchar, primary key (tenant_id, id)); select platform.protect_table('app.papers', '{"own_rows": "all"}')`);
      await enter(client, scope("member"));
      const { rows } = await client.query("insert into app.papers default values returning created_by, updated_by");
      expect(rows).toEqual([{ created_by: MEMBERS.user, updated_by: MEMBERS.user }]);
      expect(await outcome(client, "select from app.papers")).toBe(1);
      await client.query("rollback");
      await enter(client, scope("admin", "key:7"));
      const key = await client.query("insert into app.papers default values returning created_by");
      expect(key.rows).toEqual([{ created_by: null }]);
      await client.query("rollback");
      await asOwner("drop table app.papers");
    });
  });

  describe("options of a table", () => {
    test("stay when it is protected again, and go when others are given", async () => {
      await asOwner(`select platform.protect_table('app.memos', '{"audit": false, "stamp": false}')`);
      await asOwner("select platform.protect_table('app.memos')");
      expect(await eventsOf(insert, "delete from app.memos")).toEqual([]);
      await asOwner("select platform.protect_table('app.memos', '{}')");
      expect(await eventsOf(insert, "delete from app.memos")).toHaveLength(2);
    });

    test.each([
      ['{"own_row": "all"}', "app.memos"],
      ['{"own_rows": "some"}', "app.memos"],
      ['{"anonymous": "select"}', "app.memos"],
      ['{"anonymous": ["truncate"]}', "app.memos"],
      ['{"audit": "no"}', "app.memos"],
      ['{"own_rows": "all"}', "app.customers"],
      ['{"own_rows": "all", "stamp": false}', "app.memos"],
    ])("%s is none of %s", async (options, table) => {
      const { admin } = arenaOf();
      await admin.query("begin; set local role rowhouse_owner");
      expect(await outcome(admin, `select platform.protect_table('${table}', '${options}')`)).toBe("RH416");
      await admin.query("rollback");
    });

    test("hold for partitions, and their events are those of the whole", async () => {
      await asOwner(`create table app.readings (tenant_id uuid, id uuid default gen_random_uuid(), year int, created_by text,
          primary key (tenant_id, id, year)) partition by range (year);
        create table app.readings_2026 partition of app.readings for values from (2026) to (2027);
        create table app.readings_2027 partition of app.readings for values from (2027) to (2028);
        select platform.protect_table('app.readings_2026', '{"own_rows": "all"}')`);
      const events = await eventsOf(
        "insert into app.readings (year) values (2026)",
        "update app.readings set year = 2027",
      );
      await enter(client, scope("member", "somebody"));
      expect(await outcome(client, "select from app.readings")).toBe(0);
      expect(await outcome(client, "select from app.readings_2027")).toBe("42501");
      await client.query("rollback");
      await asOwner("drop table app.readings");
      expect(events.map(({ table_name, action }) => [table_name, action])).toEqual([
        ["readings", "readings.created"],
        ["readings", "readings.updated"],
        ["readings", "readings.updated"],
      ]);
      const keys = events.map(({ row_id }) => JSON.parse(String(row_id)) as [string, number]);
      expect(new Set(keys.map(([id]) => id)).size).toBe(1);
      expect(keys.map(([, year]) => year).toSorted((one, other) => one - other)).toEqual([2026, 2026, 2027]);
    });
  });

  test("events go when the plan keeps them no longer, and no other tenant's", async () => {
    const { admin, a, b, database } = arenaOf();
    await eventsOf(insert, "delete from app.memos");
    await admin.query("update tenant.audit_events set at = now() - interval '400 days' where action = 'memos.created'");
    await admin.query(
      "insert into tenant.audit_events (tenant_id, at, action, actor, role) values ($1, now() - interval '400 days', 'x', 'y', 'z')",
      [b.tenantId],
    );
    const platform = await database.connect("rowhouse_platform");
    await enter(platform, scope("owner", "platform:purge"));
    const { rows } = await platform.query("select platform.purge_audit()::int as purged");
    await platform.query("commit");
    await platform.end();
    const left = await admin.query(
      "delete from tenant.audit_events where action in ('x', 'memos.deleted') returning tenant_id",
      [],
    );
    expect(rows).toEqual([{ purged: 1 }]);
    expect(left.rows.map((row: { tenant_id: string }) => row.tenant_id).toSorted()).toEqual(
      [a.tenantId, b.tenantId].toSorted(),
    );
  });
}
