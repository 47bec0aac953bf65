import { tableName, type ManifestFacts, type ManifestTable } from "./manifest.ts";
import type { TableShape } from "./shape.ts";

/*
 * The script for psql. Names stand in it as the database that was exported quoted them, never in a line of a backslash command,
 * which psql reads by rules of its own; texts as literals or, in comments, as JSON, which has no line breaks. Nothing of the rows is
 * in it but in a COPY.
 */

/** psql's colons mean nothing in quotes, and backslashes nothing in standard literals (manual: psql, SQL Interpolation; 4.1.2.1). */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const SETTINGS = `set local client_encoding = 'UTF8';
set local standard_conforming_strings = on;
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'postgres';
set local timezone = 'UTC';
set local bytea_output = 'hex';
set local lc_monetary = 'C';
set local xmloption = 'content';
set local search_path = public;
set local statement_timeout = 0;
set local lock_timeout = 0;
-- PostgreSQL 17 has one more limit of time.
select current_setting('transaction_timeout', true) is not null as has_transaction_timeout \\gset
\\if :has_transaction_timeout
set local transaction_timeout = 0;
\\endif
-- Not a superuser, or one without the right to see every row: refused here, not half done.
set local row_security = off;`;

const QUIET = `-- Triggers and foreign keys rest: the rows come as they were, from one instant at which every key held.
set local session_replication_role = replica;`;

const FUNCTIONS = `create function pg_temp.assert_rows(in_table text, counted bigint, wanted bigint) returns text language plpgsql as $$
begin
  if counted <> wanted then
    raise exception '% has % rows of the tenant, the archive %', in_table, counted, wanted
      using hint = 'A tenant that has rows already is not filled. Nothing was written.';
  end if;
  return format('%s rows  %s', counted, in_table);
end $$;
create function pg_temp.assert_here(in_id uuid) returns void language plpgsql as $$
declare
  tenant jsonb := (select to_jsonb(t) from platform.tenants t where id = in_id);
begin
  if tenant ->> 'moved_to' is not null then
    raise exception 'The tenant % lives in the database %', tenant ->> 'slug', tenant ->> 'moved_to'
      using hint = 'Load it there, or as another tenant. Nothing was written.';
  end if;
end $$;
create function pg_temp.raise_sequence(sequence regclass, highest bigint) returns void language plpgsql as $$
begin
  if sequence is not null and coalesce(pg_sequence_last_value(sequence) < highest, true) then
    perform setval(sequence, highest);
  end if;
end $$;`;

/** In a database of Rowhouse the tenant needs its row; the seal is none that opens it, until `rowhouse migrate` makes the right one. */
function registerTenant({ slug, name, status }: ManifestFacts["tenant"]): string {
  return `select to_regclass('platform.tenants') is not null as has_registry \\gset
\\if :has_registry
select pg_temp.assert_here(:'tenant_id') as nothing \\gset
insert into platform.tenants (id, slug, name, status, seal)
  select :'tenant_id'::uuid, coalesce(nullif(:'slug', ''), ${literal(slug)}), ${literal(name)}, ${literal(status)},
    sha256(convert_to(gen_random_uuid()::text, 'UTF8'))
  where not exists (select from platform.tenants where id = :'tenant_id'::uuid);
insert into platform.domains (name, kind, tenant_id, verified_at)
  select slug, 'subdomain', id, now() from platform.tenants t
  where id = :'tenant_id'::uuid and not exists (select from platform.domains d where d.tenant_id = t.id);
\\endif`;
}

function header({ tenant, snapshot, rowhouse, postgres, schema, tables }: ManifestFacts, usage: string): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return `-- The rows of one tenant of Rowhouse, for psql. Read before you run it: SQL of somebody else's is somebody else's program.
--
--   tenant    ${JSON.stringify(tenant.slug)} ${JSON.stringify(tenant.name)}, ${tenant.id}
--   as of     ${snapshot.at}
--   written   by Rowhouse ${rowhouse}, from PostgreSQL ${postgres}
--   holds     ${rows} rows in ${tables.length} tables
--   schema    ${schema.fingerprint}
--
-- The tables have to be there, with tenant_id and the columns of then: a database that \`rowhouse migrate --app\` made, or any other.
-- Run it as a superuser:
--
${usage}
--
-- -v tenant_id=UUID -v slug=SLUG  load it as another tenant. All or nothing: one transaction, every table counted.`;
}

function beginScript(facts: ManifestFacts, usage: string): string {
  return `${header(facts, usage)}

\\set ON_ERROR_STOP on
\\pset format unaligned
\\pset tuples_only on
\\if :{?tenant_id}
\\else
\\set tenant_id ${facts.tenant.id}
\\endif
\\if :{?slug}
\\else
\\set slug ''
\\endif
begin;
${SETTINGS}
${FUNCTIONS}
${registerTenant(facts.tenant)}
${QUIET}
`;
}

/** Makes the place where a table's rows wait for their tenant_id: they come without one. */
function stageTable({ identifier, columns }: TableShape): string {
  const list = columns.map((column) => column.identifier).join(", ");
  return `
create temporary table rowhouse_stage on commit drop as select ${list} from ${identifier} with no data;
`;
}

function placeTable({ identifier, columns }: TableShape, archived: ManifestTable): string {
  const list = columns.map((column) => `, ${column.identifier}`).join("");
  return `insert into ${identifier} (tenant_id${list}) overriding system value
  select :'tenant_id'::uuid${list} from pg_temp.rowhouse_stage;
drop table pg_temp.rowhouse_stage;
select pg_temp.assert_rows(${literal(tableName(archived))}, count(*), ${archived.rows}) from ${identifier} where tenant_id = :'tenant_id'::uuid;
${raiseSequences(identifier, archived)}`;
}

function raiseSequences(identifier: string, { maxima }: ManifestTable): string {
  return Object.entries(maxima)
    .map(
      ([column, highest]) =>
        `select pg_temp.raise_sequence(pg_get_serial_sequence(${literal(identifier)}, ${literal(column)})::regclass, ${highest}) as nothing \\gset\n`,
    )
    .join("");
}

const END = `
set constraints all immediate;
commit;
\\echo The rows are in. In a database of Rowhouse, run "rowhouse migrate" to open the tenant.
`;

const ARCHIVE_USAGE = `--   tar -xf acme.rowhouse
--   sha256sum -c manifest.sha256
--   psql "$DATABASE_URL" -f restore.sql`;

const FILE_USAGE = `--   psql "$DATABASE_URL" -f acme.sql`;

/** `restore.sql` of an archive: reads the tables' files beside it. Pure. */
export function renderRestoreSql(facts: ManifestFacts, shapes: readonly TableShape[]): Buffer {
  const tables = facts.tables.map((archived, index) => {
    const shape = shapes[index]!;
    // The file's name is one of fileNames(): letters, digits, dots. The stage has the columns in the data's order.
    const copy = `\\copy pg_temp.rowhouse_stage from program 'zstd -dcq ${archived.file}'\n`;
    return stageTable(shape) + copy + placeTable(shape, archived);
  });
  return Buffer.from(`${beginScript(facts, ARCHIVE_USAGE)}${tables.join("")}${END}`);
}

/** The same with the rows in it: pieces of the script, and between them where the rows of each table go. Pure. */
export function renderSqlFile(
  facts: ManifestFacts,
  shapes: readonly TableShape[],
): { begin: string; tables: { before: string; after: string }[]; end: string } {
  const tables = facts.tables.map((archived, index) => {
    const shape = shapes[index]!;
    return {
      before: `${stageTable(shape)}copy pg_temp.rowhouse_stage from stdin;\n`,
      after: `\\.\n${placeTable(shape, archived)}`,
    };
  });
  return { begin: beginScript(facts, FILE_USAGE), tables, end: END };
}
