import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTenantTables } from "../../src/db/tables.ts";
import { startEmbedded } from "../../src/embedded/server.ts";
import { openLog } from "../../src/log.ts";
import { closeEndpoint, openEndpoint, type Endpoint } from "../../src/move/endpoint.ts";
import { runMove } from "../../src/move/mover.ts";
import { preflight, type MoveFinding } from "../../src/move/preflight.ts";
import { FINDINGS, type FindingCode } from "../../src/move/preflight/finding.ts";
import { checkAccess, judgeServer, readServerFacts, type ServerFacts } from "../../src/move/preflight/server.ts";
import type { MoveSite } from "../../src/move/run.ts";
import { startMove } from "../../src/move/start.ts";
import { testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
let big: DedicatedDatabase;
let site: MoveSite;
let source: Endpoint;
let target: Endpoint;
let tenantId: string;
const seen = new Set<FindingCode>();

beforeAll(async () => {
  db = await testDatabase();
  big = await db.dedicated("big1");
  site = { home: db.database, platform: db.platform, actor: "operator:test" };
  source = await openEndpoint(site, "shared", randomUUID());
  target = await openEndpoint(site, "big1", randomUUID());
  tenantId = (await db.tenant("acme")).id;
});
afterAll(async () => {
  await Promise.all([closeEndpoint(source), closeEndpoint(target)]);
  await db.close();
});

/** Other tests of the same server have long transactions, too. */
async function look(asked: { source?: Endpoint; target?: Endpoint } = {}): Promise<MoveFinding[]> {
  const tables = await readTenantTables(source.owner);
  const findings = await preflight({ source, target, tables, tenantId, slug: "acme", ...asked });
  return findings.filter(({ code, object }) => code !== "transaction_long" || object.includes("of this test"));
}

interface Fault {
  readonly code: FindingCode;
  /** Where the finding is, when that is not where the fault is made. */
  readonly at?: "shared" | "big1";
  readonly object: string;
  /** In the source, in the target, or in both. */
  readonly in: "source" | "target" | "both";
  readonly make: string;
  readonly undo: string;
}

const TENANT_TABLE =
  "(tenant_id uuid not null default platform.current_tenant(), id int not null, primary key (tenant_id, id))";
const OWNED = (text: string) => `set role rowhouse_owner; ${text}; reset role`;

const FAULTS: readonly Fault[] = [
  {
    code: "extension_differs",
    object: "citext",
    in: "both",
    make: "create extension citext schema public; alter table app.customers add column nick public.citext",
    undo: "alter table app.customers drop column nick; drop extension citext",
  },
  {
    code: "migrations_differ",
    object: "app 0099_extra",
    in: "source",
    at: "big1",
    make: "insert into platform.migration_checksums (set_name, name, sha256) values ('app', '0099_extra', repeat('0', 64))",
    undo: "delete from platform.migration_checksums where name = '0099_extra'",
  },
  {
    code: "table_missing",
    object: "app.extras",
    in: "source",
    at: "big1",
    make: OWNED(`create table app.extras ${TENANT_TABLE}`),
    undo: "drop table app.extras",
  },
  {
    code: "column_differs",
    object: "app.customers.name",
    in: "target",
    make: "alter table app.customers alter name type varchar(300)",
    undo: "alter table app.customers alter name type text",
  },
  {
    code: "default_differs",
    object: "app.customers.kind",
    in: "target",
    make: "alter table app.customers alter kind set default 'person'",
    undo: "alter table app.customers alter kind set default 'company'",
  },
  {
    code: "constraint_differs",
    object: "customers_number_key on app.customers",
    in: "target",
    make: "alter table app.customers drop constraint customers_number_key",
    undo: "alter table app.customers add constraint customers_number_key unique (tenant_id, number)",
  },
  {
    code: "constraint_differs",
    object: "tax_rates_one_default_key on app.tax_rates",
    in: "target",
    make: "drop index app.tax_rates_one_default_key",
    undo: "create unique index tax_rates_one_default_key on app.tax_rates (tenant_id) where is_default",
  },
  {
    code: "index_differs",
    object: "customers_name_idx on app.customers",
    in: "source",
    at: "big1",
    make: "alter index app.customers_name_idx rename to other_idx; create index customers_name_idx on app.customers (name); drop index app.other_idx",
    undo: "drop index app.customers_name_idx; create index customers_name_idx on app.customers (tenant_id, name)",
  },
  {
    code: "trigger_differs",
    object: "customers_touch_updated_at on app.customers",
    in: "target",
    make: "alter table app.customers disable trigger customers_touch_updated_at",
    undo: "alter table app.customers enable trigger customers_touch_updated_at",
  },
  {
    code: "type_differs",
    object: "app.mood",
    in: "target",
    make: "create type app.mood as enum ('calm')",
    undo: "drop type app.mood",
  },
  {
    code: "sequence_differs",
    object: "app.counter",
    in: "source",
    at: "big1",
    make: "create sequence app.counter",
    undo: "drop sequence app.counter",
  },
  {
    code: "partition_missing",
    object: "app.parts FOR VALUES IN (1)",
    in: "source",
    at: "big1",
    make: `${OWNED(`create table app.parts ${TENANT_TABLE} partition by list (id)`)}; ${OWNED("create table app.parts_1 partition of app.parts for values in (1)")}`,
    undo: "drop table app.parts",
  },
  {
    code: "table_without_tenant",
    object: "app.regions",
    in: "source",
    make: "create table app.regions (code text primary key)",
    undo: "drop table app.regions",
  },
  {
    code: "table_unprotected",
    object: "app.bare",
    in: "source",
    make: OWNED(`create table app.bare ${TENANT_TABLE}`),
    undo: "drop table app.bare",
  },
  {
    code: "table_owner",
    object: "app.expenses",
    in: "target",
    make: "alter table app.expenses owner to current_user",
    undo: "alter table app.expenses owner to rowhouse_owner",
  },
  {
    code: "table_unlogged",
    object: "app.invoice_items",
    in: "source",
    make: "alter table app.invoice_items set unlogged",
    undo: "alter table app.invoice_items set logged",
  },
  {
    code: "table_inherits",
    object: "app.heirs",
    in: "both",
    make: OWNED("create table app.heirs (primary key (tenant_id, id)) inherits (app.tax_rates)"),
    undo: "drop table app.heirs",
  },
  {
    code: "table_foreign",
    object: "app.far",
    in: "source",
    make: "create foreign data wrapper nothing; create server nowhere foreign data wrapper nothing; create foreign table app.far (id int) server nowhere",
    undo: "drop foreign data wrapper nothing cascade",
  },
  {
    code: "materialized_view",
    object: "app.counts",
    in: "source",
    make: "create materialized view app.counts as select count(*) from app.customers",
    undo: "drop materialized view app.counts",
  },
  {
    code: "replica_identity",
    object: "app.customers",
    in: "source",
    make: "alter table app.customers replica identity nothing",
    undo: "alter table app.customers replica identity default",
  },
  {
    code: "replica_identity",
    object: "app.codes",
    in: "both",
    make: OWNED("create table app.codes (tenant_id uuid not null, id int primary key)"),
    undo: "drop table app.codes",
  },
  {
    code: "replica_identity",
    object: "app.later",
    in: "both",
    make: OWNED("create table app.later (tenant_id uuid, id int, primary key (tenant_id, id) deferrable)"),
    undo: "drop table app.later",
  },
  {
    code: "large_object",
    object: "app.products.picture",
    in: "both",
    make: "alter table app.products add column picture oid",
    undo: "alter table app.products drop column picture",
  },
  {
    code: "trigger_always",
    object: "customers_touch_updated_at on app.customers",
    in: "both",
    make: "alter table app.customers enable always trigger customers_touch_updated_at",
    undo: "alter table app.customers enable trigger customers_touch_updated_at",
  },
  {
    code: "rule_always",
    object: "gone on app.expenses",
    in: "target",
    make: "create rule gone as on delete to app.expenses do instead nothing; alter table app.expenses enable always rule gone",
    undo: "drop rule gone on app.expenses",
  },
  ...(["cache 10", "cycle"] as const).map((how): Fault => ({
    code: how === "cycle" ? "sequence_cycles" : "sequence_cached",
    object: "app.counter",
    in: "both",
    make: `create sequence app.counter ${how}`,
    undo: "drop sequence app.counter",
  })),
  {
    code: "publication_unfiltered",
    object: "everything",
    in: "target",
    make: "create publication everything for table app.customers",
    undo: "drop publication everything",
  },
  {
    code: "event_trigger",
    object: "watch",
    in: "target",
    make: "create function public.watch() returns event_trigger language plpgsql as 'begin end'; create event trigger watch on ddl_command_start execute function public.watch()",
    undo: "drop event trigger watch; drop function public.watch()",
  },
  {
    code: "server_read_only",
    object: "default_transaction_read_only",
    in: "target",
    make: "do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$",
    undo: "set default_transaction_read_only = off; do $$ begin execute format('alter database %I reset default_transaction_read_only', current_database()); end $$",
  },
  {
    code: "tenant_busy",
    object: "acme",
    in: "source",
    make: "update platform.tenants set status = 'deleting' where slug = 'acme'",
    undo: "update platform.tenants set status = 'active' where slug = 'acme'",
  },
  {
    code: "tenant_absent",
    object: "acme",
    in: "source",
    make: "update platform.tenants set moved_to = 'big7' where slug = 'acme'",
    undo: "update platform.tenants set moved_to = null where slug = 'acme'",
  },
  ...(["tenant_there", "tenant_arriving", "seal_differs"] as const).map((code): Fault => {
    const [movedTo, arriving, byte] = {
      tenant_there: ["null", "null", "null"],
      tenant_arriving: ["'shared'", "gen_random_uuid()", "null"],
      seal_differs: ["'shared'", "null", "repeat('00', 32)"],
    }[code];
    return {
      code,
      object: "acme",
      in: "target",
      make: `insert into platform.tenants (id, slug, name, seal, moved_to, arriving)
        values ('$tenant', 'acme', 'Acme', decode(coalesce(${byte}, '$seal'), 'hex'), ${movedTo}, ${arriving})`,
      undo: "delete from platform.tenants",
    };
  }),
  {
    code: "slug_taken",
    object: "acme",
    in: "target",
    make: `insert into platform.tenants (id, slug, name, seal, moved_to)
      values (gen_random_uuid(), 'acme', 'Acme', decode(repeat('00', 32), 'hex'), 'shared')`,
    undo: "delete from platform.tenants",
  },
  {
    code: "target_occupied",
    object: "big1",
    in: "target",
    make: `insert into platform.tenants (id, slug, name, seal)
      values (gen_random_uuid(), 'globex', 'Globex', decode(repeat('00', 32), 'hex'))`,
    undo: "delete from platform.tenants",
  },
  {
    code: "target_not_empty",
    object: "app.customers",
    in: "target",
    make: "insert into app.customers (tenant_id, number, name) values ('$tenant', '1', 'Left')",
    undo: "delete from app.customers",
  },
];

async function runIn(where: Fault["in"], text: string): Promise<void> {
  const { rows } = await db.admin.query<{ seal: string }>(
    "select encode(seal, 'hex') as seal from platform.tenants where id = $1",
    [tenantId],
  );
  const filled = text.replaceAll("$tenant", tenantId).replaceAll("$seal", rows[0]!.seal);
  if (where !== "target") await db.admin.query(filled);
  if (where !== "source") await big.admin.query(filled);
}

/** Settings of a database take effect in new sessions. */
async function lookAnew(): Promise<MoveFinding[]> {
  const anew = await openEndpoint(site, "big1", randomUUID());
  try {
    return await look({ target: anew });
  } finally {
    await closeEndpoint(anew);
  }
}

describe("each fault is found, and gone when it is mended", () => {
  test("a sound pair has no findings", async () => {
    expect(await look()).toEqual([]);
  });

  test.each(FAULTS)("$code: $object", async ({ code, object, make, undo, ...fault }) => {
    await runIn(fault.in, make);
    // An extension differs when one side has another version of it.
    if (code === "extension_differs")
      await big.admin.query("update pg_extension set extversion = '1.4' where extname = 'citext'");
    try {
      const findings = await lookAnew();
      const wanted = fault.at ?? (fault.in === "target" ? "big1" : "shared");
      const found = findings.find((finding) => finding.code === code && finding.object === object);
      expect(found).toEqual({
        code,
        object,
        database: wanted === "shared" && code.endsWith("_differs") ? "big1" : wanted,
        severity: FINDINGS[code],
        problem: expect.stringMatching(/\.$/) as string,
        fix: expect.stringMatching(/\S/) as string,
      });
      seen.add(code);
    } finally {
      await runIn(fault.in, undo);
    }
    expect(await look()).toEqual([]);
  });

  test("link_down: an address that leads nowhere is told in libpq's words, for either way", async () => {
    const lost = { ...target, peer: "127.0.0.1:1" };
    const findings = await look({ target: lost });
    expect(findings.map(({ code, object }) => [code, object])).toEqual([["link_down", "shared → big1"]]);
    expect(findings[0]!.problem).toContain("Connection refused");
    expect(JSON.stringify(findings)).not.toContain(db.database.keyring.rolePassword("rowhouse_mover"));
    const other = await look({ source: { ...source, peer: "127.0.0.1:1" } });
    expect(other.map(({ code, object }) => [code, object])).toEqual([["link_down", "big1 → shared"]]);
    seen.add("link_down");
  });

  test("transaction_long: by process", async () => {
    const idle = new pg.Client({ connectionString: db.url, application_name: "of this test" });
    await idle.connect();
    await idle.query("begin; select pg_current_xact_id()");
    const { transactions } = await readServerFacts({ owner: source.owner }, 0);
    const judged = judgeServer("shared", { ...(await readServerFacts(source)), transactions }, 2, 0);
    await idle.end();
    expect(judged.map(({ code, object }) => [code, object])).toContainEqual([
      "transaction_long",
      expect.stringMatching(/^pid \d+ \(of this test\)$/),
    ]);
    seen.add("transaction_long");
  });

  test("the move itself refuses with all findings, by name", async () => {
    await big.admin.query("alter table app.customers enable always trigger customers_touch_updated_at");
    await db.admin.query("alter table app.expenses replica identity nothing");
    await db.admin.query("create table app.regions (code text primary key)");
    const move = await startMove(site, { slug: "acme", to: "big1" });
    const refused: unknown = await runMove(site, move!).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "RH712", exit: 3 });
    const lines = (refused as { details: string }).details.split("\n").map((line) => line.split(":")[0]);
    // Other tests' long transactions may be told of as well.
    expect(lines.filter((code) => code !== "transaction_long")).toEqual([
      "replica_identity",
      "trigger_always",
      "table_without_tenant",
    ]); // errors first
    await big.admin.query("alter table app.customers enable trigger customers_touch_updated_at");
    await db.admin.query("alter table app.expenses replica identity default");
    const done = await runMove(site, move!);
    expect(done.state).toBe("observing"); // a warning is no reason to refuse
  });
});

describe("a server that is not set up for it", () => {
  let close: () => Promise<void>;
  let admin: pg.Client;
  let facts: ServerFacts;

  beforeAll(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "rowhouse-preflight-"));
    const settings = {
      fsync: "off",
      autovacuum: "off", // its transactions, which are none of ours
      wal_level: "replica",
      max_replication_slots: "1",
      max_wal_senders: "0",
      max_logical_replication_workers: "0",
      max_worker_processes: "0",
      max_slot_wal_keep_size: "64MB",
      max_prepared_transactions: "2",
    };
    const server = await startEmbedded({
      dataDir,
      log: openLog("silent"),
      binDir: process.env["TEST_PG_BIN"],
      settings,
    });
    admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    close = async () => {
      await admin.end();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    };
    await admin.query("select pg_create_physical_replication_slot('taken')");
    await admin.query("begin; create table public.t (); prepare transaction 'forgotten'");
    facts = await readServerFacts({ owner: admin }, 0);
  });
  afterAll(() => close());

  const judge = (own: Partial<ServerFacts> = {}) => {
    const findings = judgeServer("bare", { ...facts, ...own }, 1, 24 * 3600);
    for (const { code } of findings) seen.add(code);
    return findings.map(({ code, object }) => `${code}: ${object}`);
  };

  test("limits, roles and forgotten transactions, all at once", () => {
    expect(judge()).toEqual([
      "wal_level: wal_level",
      "slots_full: max_replication_slots",
      "senders_full: max_wal_senders",
      "apply_workers_full: max_logical_replication_workers",
      "worker_processes_full: max_worker_processes",
      "mover_role: rowhouse_mover",
      "transaction_prepared: forgotten",
      "slot_wal_limit: max_slot_wal_keep_size",
    ]);
  });

  test("owner_role: an owner who is no superuser", async () => {
    await admin.query("create role plain; set role plain");
    const findings = await checkAccess({ owner: admin, name: "bare" });
    await admin.query("reset role");
    expect(findings.map(({ code, object }) => `${code}: ${object}`)).toEqual(["owner_role: plain"]);
    seen.add("owner_role");
  });

  // Facts that no server of this machine can be brought to: a standby, a setting that only newer ones have.
  test("what is judged by what a server says", () => {
    expect(judge({ isStandby: true })[0]).toBe("server_is_standby: the server");
    expect(judge({ pluginLibraries: "test_decoding, wal2json" })).toContain("plugin_refused: output_plugin_libraries");
    expect(judge({ pluginLibraries: "test_decoding, pgoutput" })).not.toContain(
      "plugin_refused: output_plugin_libraries",
    );
    expect(judge({ slotIdleLimit: 3600 })).toContain("slot_idle_limit: idle_replication_slot_timeout");
    expect(judge({ origins: { used: 4, most: 4 } })).toContain("origins_full: max_active_replication_origins");
  });
});

describe("another kind of database", () => {
  test("encoding and collation are compared", async () => {
    const name = `rowhouse_latin_${randomUUID().slice(0, 8)}`;
    const url = new URL(db.url);
    url.pathname = `/${name}`;
    await db.admin.query(`create database ${name} encoding 'SQL_ASCII' locale 'C' template template0`);
    const owner = new pg.Client({ connectionString: url.href });
    await owner.connect();
    // A schema of its own is not wanted for this: what the databases are is asked first.
    await owner.query(`create schema platform; create table platform.platform_migrations (id int, name text, run_on timestamp);
      create table platform.app_migrations (id int, name text, run_on timestamp); insert into platform.platform_migrations values (1, '0004_schemas', now());
      create table platform.migration_checksums (set_name text, name text, sha256 text);
      create function platform.tenant_schemas() returns setof name language sql as $$ values ('tenant'::name), ('app') $$`);
    const { checkSchemas } = await import("../../src/move/preflight/schema.ts");
    const { findings } = await checkSchemas(source, { ...target, owner });
    const bare = await checkSchemas(source, { ...target, owner: await emptied(owner) });
    await owner.end();
    await db.admin.query(`drop database ${name}`);
    const codes = findings.map(({ code }) => code);
    expect(codes).toContain("encoding_differs");
    expect(codes).toContain("collation_differs");
    expect(codes).toContain("migrations_differ");
    expect(bare.findings.map(({ code, database }) => [code, database])).toEqual([["migrations_differ", "big1"]]);
    for (const code of codes) seen.add(code);
  });

  async function emptied(owner: pg.Client): Promise<pg.Client> {
    await owner.query("drop schema platform cascade");
    return owner;
  }
});

describe("the list of codes", () => {
  /** No server older than 15 is at hand; the reading of versions is tested with the checks. */
  const WITHOUT_FAULT: readonly FindingCode[] = ["server_too_old"];

  test("each was found above", () => {
    const codes = Object.keys(FINDINGS) as FindingCode[];
    expect(codes.filter((code) => !seen.has(code))).toEqual(WITHOUT_FAULT);
  });

  test("the reference has a section for each, in their order, with its severity", () => {
    const docs = readFileSync(join(import.meta.dirname, "../../docs/reference/preflight.md"), "utf8");
    const sections = [...docs.matchAll(/^### `(\w+)` \((error|warning)\)$/gm)].map((match) => [match[1], match[2]]);
    expect(sections).toEqual(Object.entries(FINDINGS));
  });
});
