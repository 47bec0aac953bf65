import { MARKER, type Mode } from "./arena.ts";

/** Names that an attacker's text may use. */
export interface Names {
  /** uuid of B, and the same without hyphens. */
  readonly b: string;
  readonly hex: string;
  /** A's secret as hex digits: what an attacker knows at most. */
  readonly secretA: string;
}

export interface Attack {
  readonly name: string;
  /** Each is sent as one message of the simple protocol, in a transaction that has entered A. */
  readonly steps: (names: Names) => readonly string[];
  /** SQLSTATE of the refusal, or `harmless`: it runs and has no effect on whose rows are seen. */
  readonly expect: string | Readonly<Record<Mode, string>>;
  /** Its effect would outlive this test, as that of DROP OWNED. */
  readonly rollback?: true;
}

const one = (
  name: string,
  expect: Attack["expect"],
  text: string | ((names: Names) => string),
  more: Partial<Attack> = {},
): Attack => ({
  name,
  expect,
  steps: (names) => [typeof text === "string" ? text : text(names)],
  ...more,
});
/** A managed server lets nobody revoke built-ins: there they run, and the policies hold without. */
const REVOKED = { protected: "42501", fallback: "harmless" } as const;

const CONTEXT: readonly Attack[] = [
  one("set_config of the shown setting", REVOKED, ({ b }) => `select set_config('app.tenant_id', '${b}', true)`),
  one("set_config for the session", REVOKED, ({ b }) => `select set_config('app.tenant_id', '${b}', false)`),
  one(
    "set_config inside the statement",
    REVOKED,
    ({ b, hex }) =>
      `with x as materialized (select set_config('app.context', '${hex},61,owner.00', true), set_config('app.tenant_id', '${b}', true))
     select count(c.*) from x, app.customers c where c.tenant_id = '${b}'`,
  ),
  one("set local app.tenant_id", "harmless", ({ b }) => `set local app.tenant_id = '${b}'`),
  one("set app.tenant_id for the session", "harmless", ({ b }) => `set app.tenant_id = '${b}'`),
  one("set local backtrace_functions", "42501", ({ hex }) => `set local backtrace_functions = '${hex},61,owner'`),
  one("set backtrace_functions", "42501", ({ hex }) => `set backtrace_functions = '${hex},61,owner'`),
  one("reset backtrace_functions", "42501", "reset backtrace_functions"),
  one(
    "set_config of the protected setting",
    "42501",
    ({ hex }) => `select set_config('backtrace_functions', '${hex},61,owner', true)`,
  ),
  one(
    "update of pg_settings",
    "42501",
    ({ hex }) => `update pg_settings set setting = '${hex},61,owner' where name = 'backtrace_functions'`,
  ),
  one(
    "alter role … set backtrace_functions",
    "42501",
    ({ hex }) => `alter role rowhouse_api set backtrace_functions = '${hex},61,owner'`,
  ),
  one("alter role … from current", "42501", "alter role rowhouse_api set backtrace_functions from current"),
  one("alter role … set app.tenant_id", "42501", ({ b }) => `alter role rowhouse_api set app.tenant_id = '${b}'`, {
    rollback: true,
  }),
  one(
    "alter role … set app.context",
    "42501",
    ({ hex }) => `alter role rowhouse_api set app.context = '${hex},61,owner.'`,
    {
      rollback: true,
    },
  ),
  // A role's own password and defaults are its own to set, and nothing takes that back: they stop the server, and open no tenant.
  one("alter role … password", "harmless", "alter role rowhouse_api password 'x'", { rollback: true }),
  one("alter role … set search_path", "harmless", "alter role rowhouse_api set search_path = public", {
    rollback: true,
  }),
  one("a context without a seal", "harmless", ({ hex }) => `set local app.context = '${hex},61,owner'`),
  one("a context with an empty seal", "harmless", ({ hex }) => `set local app.context = '${hex},61,owner.'`),
  one(
    "a context with an invented seal",
    "harmless",
    ({ hex }) => `set local app.context = '${hex},61,owner.${"0".repeat(64)}'`,
  ),
  one("an empty context", "harmless", "set local app.context = ''"),
  one("a context of dots", "harmless", ({ hex }) => `set local app.context = '..${hex},61,owner'`),
  one("reset all", "harmless", "reset all"),
  one("discard all", "25001", "discard all"),
  one(
    "stacked in one message",
    "harmless",
    ({ b }) => `select 1; set local app.tenant_id = '${b}'; select count(*) from app.customers`,
  ),
  one(
    "stacked, with the protected setting",
    "42501",
    ({ hex }) => `select 1; set local backtrace_functions = '${hex},61,owner'; select count(*) from app.customers`,
  ),
  one("stacked, leaving the transaction", "42501", "select 1; commit; begin; select count(*) from app.customers"),
  one(
    "stacked, leaving it for the shown setting",
    "42501",
    ({ b }) =>
      `rollback; begin; set local app.tenant_id = '${b}'; set local app.context = '${b}'; select count(*) from app.customers`,
  ),
  one(
    "enter with a guessed secret",
    "RH301",
    ({ hex }) => `select platform.enter('${hex},61,owner', '\\x00', 1, true)`,
  ),
  one(
    "enter with A's secret",
    "RH301",
    ({ hex, secretA }) => `select platform.enter('${hex},61,owner', '\\x${secretA}', 1, true)`,
  ),
  one(
    "enter with the seal as secret",
    "42501",
    ({ hex, b }) =>
      `select platform.enter('${hex},61,owner', (select seal from platform.tenants where id = '${b}'), 1, true)`,
  ),
  one("enter with nulls", "RH301", ({ hex }) => `select platform.enter('${hex},61,owner', null, null, null)`),
  one("enter nobody", "RH102", "select platform.enter(null, null, null, null)"),
  one(
    "enter with a secret of A and a context of both",
    "22P02",
    ({ hex, secretA }) => `select platform.enter('${hex.slice(0, 31)},${hex}', '\\x${secretA}', 1, true)`,
  ),
  one("ask for a seal", "42501", ({ hex }) => `select platform.context_mac('${hex},61,owner')`),
  one("read the sealing key", "42501", "select * from platform.context_key"),
  one("read the registry", "42501", "select * from platform.tenants"),
  one("lock out a tenant", "42501", ({ b }) => `select platform.lock_tenant('${b}')`),
  {
    name: "enter inside a savepoint",
    expect: "harmless",
    steps: ({ hex }) => [
      `savepoint s; set local app.context = '${hex},61,owner.'; set local app.tenant_id = '${hex}'`,
      "rollback to s",
      "release s",
    ],
  },
];

const ROLES: readonly Attack[] = [
  ...["rowhouse_owner", "rowhouse_platform", "rowhouse_exporter", "postgres", "pg_read_all_data"].map((role) =>
    one(`set role ${role}`, "42501", `set role ${role}`),
  ),
  one("set role none", "harmless", "set role none"),
  one("set session authorization", "42501", "set session authorization rowhouse_platform"),
  one("alter role bypassrls", "42501", "alter role rowhouse_api bypassrls"),
  one("grant a role to oneself", "42501", "grant rowhouse_owner to rowhouse_api"),
  one("row_security = off", "42501", "set local row_security = off; select count(*) from app.customers"),
  one("session_replication_role", "42501", "set local session_replication_role = replica"),
  one("switch row-level security off", "42501", "alter table app.customers disable row level security"),
  one("drop a policy", "42501", "drop policy tenant_floor on app.customers"),
  one("add a policy", "42501", "create policy all_rows on app.customers using (true)"),
  one(
    "replace current_tenant()",
    "42501",
    "create or replace function platform.current_tenant() returns uuid language sql as 'select null::uuid'",
  ),
  // It would give up its own rights, and on a server before 2026-11 take the role out of the policies (CVE-2026-116311); it fails
  // of a table where it has rights on columns alone.
  one("drop owned", "42501", "drop owned by rowhouse_api", { rollback: true }),
  one(
    "grant oneself a column",
    "42501",
    "grant update (tenant_id) on app.customers to rowhouse_api; update app.customers set tenant_id = null",
  ),
];

const OBJECTS: readonly Attack[] = [
  one("create temporary table", "42501", "create temporary table customers as select * from app.customers"),
  one("create table", "42501", "create table app.stolen as select * from app.customers"),
  one("create view", "42501", "create view app.stolen as select * from app.customers"),
  one("create function", "42501", "create function app.f() returns int language sql as 'select 1'"),
  one("create temporary function", "42501", "create function pg_temp.f() returns int language sql as 'select 1'"),
  one("create schema", "42501", "create schema stolen"),
  one(
    "create operator",
    "42501",
    "create operator public.= (leftarg = uuid, rightarg = uuid, function = pg_catalog.uuid_ne)",
  ),
  one("create extension", "42501", "create extension dblink schema app"),
  one(
    "do block",
    REVOKED,
    ({ b }) => `do $$ begin perform 1 / count(*) from app.customers where tenant_id <> '${b}'; end $$`,
  ),
  one("truncate", "42501", "truncate app.customers cascade"),
  // D27: a right to write is a right to lock, and nothing takes that back; lock_timeout and the extended protocol bound it.
  one("lock table", "harmless", "lock table app.customers in access exclusive mode"),
  one("advisory lock", REVOKED, "select pg_advisory_xact_lock_shared(1)"),
  one("large object", REVOKED, "select lo_from_bytea(0, 'x')", { rollback: true }),
  one("import a file", "42501", "select lo_import('/etc/passwd')"),
  one("read a file", "42501", "select pg_read_file('/etc/passwd')"),
  one("load a library", "42501", "load '/tmp/x.so'"),
  one("copy to a file", "42501", "copy app.customers to '/tmp/stolen'"),
  one("copy to a program", "42501", "copy app.customers to program 'cat'"),
  one("copy from a program", "42501", "copy app.customers from program 'id'"),
  one("pg_notify", REVOKED, "select pg_notify('rowhouse_tenants', 'x')"),
  one("listen", "harmless", "listen rowhouse_tenants"),
  one("pg_terminate_backend", REVOKED, "select pg_terminate_backend(-1)"),
];

const LOOKING: readonly Attack[] = [
  one("pg_stat_activity", REVOKED, "select * from pg_stat_activity"),
  one("pg_locks", REVOKED, "select * from pg_locks"),
  one("pg_prepared_statements", REVOKED, "select * from pg_prepared_statements"),
  one("pg_cursors", REVOKED, "select * from pg_cursors"),
  one("pg_stats", "harmless", "select * from pg_stats where schemaname in ('app', 'tenant')"),
  one("pg_statistic", "42501", "select * from pg_statistic"),
  one("pg_stats_ext", "harmless", "select * from pg_stats_ext"),
  one(
    "query_to_xml",
    REVOKED,
    ({ b }) => `select query_to_xml('select * from app.customers where tenant_id = ''${b}''', true, true, '')`,
  ),
  one("table_to_xml", REVOKED, "select table_to_xml('app.customers', true, true, '')"),
  one("ts_stat", REVOKED, "select * from ts_stat('select to_tsvector(name) from app.customers')"),
  one(
    "ts_rewrite",
    REVOKED,
    "select ts_rewrite('a'::tsquery, 'select plainto_tsquery(name), plainto_tsquery(name) from app.customers')",
  ),
  one(
    "explain",
    "harmless",
    ({ b }) => `explain (analyze, verbose) select * from app.customers where tenant_id = '${b}'`,
  ),
  one("tid scan", "harmless", ({ b }) => `select * from app.customers where ctid = '(0,1)' and tenant_id = '${b}'`),
  one(
    "tablesample",
    "harmless",
    ({ b }) => `select * from app.customers tablesample system (100) where tenant_id = '${b}'`,
  ),
  one("whole row as text", "harmless", `select c::text from app.customers c where c::text like '%${MARKER}%'`),
  one("copy to stdout", "harmless", "copy app.customers to stdout"),
  one("a cast that tells on failure", "22P02", "select * from app.customers where name::int > 0"),
  one(
    "a cast under the other's tenant_id",
    "harmless",
    ({ b }) => `select * from app.customers where tenant_id = '${b}' and name::int > 0`,
  ),
  one(
    "a condition that fails on the other's row",
    "harmless",
    `select * from app.customers where 1 / (case when name = '${MARKER}' then 0 else 1 end) > 0`,
  ),
  one(
    "on conflict with a leaky condition",
    "harmless",
    ({ b }) =>
      `insert into app.customers (number, name) values ('${MARKER}', 'x')
     on conflict (tenant_id, number) do update set name = 'taken' where customers.name::int > 0 or customers.tenant_id = '${b}'`,
    { rollback: true },
  ),
  one("a view of the other's rows", "harmless", ({ b }) => `select * from app.invoice_totals where tenant_id = '${b}'`),
  one(
    "information_schema",
    "harmless",
    "select * from information_schema.tables where table_schema = 'platform' and table_name = 'context_key'",
  ),
];

export const ATTACKS: readonly Attack[] = [...CONTEXT, ...ROLES, ...OBJECTS, ...LOOKING];
