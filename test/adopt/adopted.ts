import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOn, type Ended } from "../commands/rowhouse.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

export const GUILD = join(import.meta.dirname, "../rest/guild");

/** A database with a single-tenant schema in it, an app's folder beside it, and the command to run on both. */
export interface Single extends AsyncDisposable {
  readonly db: TestDatabase;
  readonly appDir: string;
  readonly run: (...args: string[]) => Promise<Ended>;
  /** What went wrong, if anything did. */
  readonly must: (...args: string[]) => Promise<Ended>;
  readonly close: () => Promise<void>;
}

/** @param files of SQL, run as the superuser and in this order */
export async function singleTenant(...files: string[]): Promise<Single> {
  const db = await testDatabase("empty");
  const appDir = await mkdtemp(join(tmpdir(), "rowhouse-adopt-"));
  for (const file of files) await db.admin.query(await readFile(file, "utf8"));
  const run = runOn(db.url);
  const must = async (...args: string[]) => {
    const ended = await run(...args);
    if (ended.code !== 0) throw new Error(`${args.join(" ")}: ${ended.code} ${ended.stderr}`);
    return ended;
  };
  const close = async () => {
    await db.close();
    await rm(appDir, { recursive: true });
  };
  return { db, appDir, run, must, close, [Symbol.asyncDispose]: close };
}

/** The platform's migrations, and two tenants. */
export async function makeTenants({ must }: Single): Promise<void> {
  await must("migrate");
  for (const slug of ["acme", "globex"]) await must("tenant", "create", slug, "--name", slug);
}

interface TableRow {
  identifier: string;
  columns: string[];
}

/** Tables of the schemas but partitions, with the columns that the application gave them. */
export async function listTables({ db }: Pick<Single, "db">, schemas: readonly string[]): Promise<TableRow[]> {
  const { rows } = await db.admin.query<TableRow>(
    `select format('%I.%I', n.nspname, c.relname) as identifier,
       array(select quote_ident(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
         and not a.attisdropped and a.attname not in ('tenant_id', 'tenant_row_id') order by a.attnum) as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any ($1) and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
    [schemas],
  );
  return rows;
}

/** The rows as text, in their own order: equal only where every byte of every value is. */
export const rowsQuery = ({ identifier, columns }: TableRow) =>
  `select coalesce(array_agg(row(${columns.join(", ")})::text order by row(${columns.join(", ")})::text collate "C"), '{}') as rows from ${identifier}`;

/** Everything that a migration may change about a schema, as the server prints it, without the names of roles. */
export async function describeSchemas({ db }: Single, schemas: readonly string[]): Promise<string[]> {
  await db.admin.query("set search_path to pg_catalog");
  const { rows } = await db.admin.query<{ line: string }>(
    `with ours as (select oid, nspname from pg_namespace where nspname = any ($1))
     select format('%s %s %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)) as line
       from pg_constraint k join ours n on n.oid = k.connamespace where k.conrelid <> 0 and k.conparentid = 0
     union all select pg_get_indexdef(x.indexrelid) from pg_index x join pg_class c on c.oid = x.indrelid join ours n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p') and not exists (select from pg_inherits i where i.inhrelid = x.indexrelid)
     union all select format('%s %s %s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod)) from pg_attribute a
       join pg_class c on c.oid = a.attrelid join ours n on n.oid = c.relnamespace where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v')
     union all select format('%s %s %s', c.oid::regclass, c.reloptions, pg_get_viewdef(c.oid)) from pg_class c join ours n on n.oid = c.relnamespace where c.relkind = 'v'
     union all select format('%s %s %s', p.oid::regprocedure, p.prosecdef, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)) from pg_proc p join ours n on n.oid = p.pronamespace
     union all select format('%s %s', p.polrelid::regclass, p.polname) from pg_policy p join pg_class c on c.oid = p.polrelid join ours n on n.oid = c.relnamespace
     union all select format('%s %s', t.tgrelid::regclass, pg_get_triggerdef(t.oid)) from pg_trigger t
       join pg_class c on c.oid = t.tgrelid join ours n on n.oid = c.relnamespace where not t.tgisinternal and t.tgparentid = 0
     union all select format('%s %s %s', c.oid::regclass, c.relkind, c.relrowsecurity) from pg_class c join ours n on n.oid = c.relnamespace
       where c.relkind not in ('i', 'I', 't')
     order by 1`,
    [schemas],
  );
  await db.admin.query("reset search_path");
  return rows.map(({ line }) => line);
}
