import { inTransaction } from "../../db/transaction.ts";
import type { Endpoint } from "../endpoint.ts";
import { makeFinding, type FindingCode, type MoveFinding } from "./finding.ts";

interface Hit {
  object: string;
  problem: string;
  fix: string;
}

/** Everything in the tenants' schemas that holds rows or could; `carries`: it has tenant_id. */
const RELATIONS = `
  with relation as (
    select c.*, c.oid::regclass::text as name,
      exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as carries
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in (select platform.tenant_schemas())
  ), tenant_table as (select * from relation where carries and relkind in ('r', 'p'))`;

/** Each finds what one kind of table, or what hangs on it, would do to a move. In the catalog of one database. */
const RULES: readonly (readonly [FindingCode, string])[] = [
  [
    "table_without_tenant",
    `select name as object, 'It has no tenant_id: its rows are nobody''s, and stay.' as problem,
       'See that the target has the rows that tenants need. To move them with a tenant, give it tenant_id: select platform.protect_table(...)' as fix
     from relation where relkind in ('r', 'p') and not relispartition and not carries`,
  ],
  [
    "table_unprotected",
    `select name as object, 'It is not protected, or rowhouse_mover may not read and write it.' as problem,
       format('select platform.protect_table(%L);', name) as fix
     from tenant_table where not relispartition and (oid in (select t::oid from platform.unprotected_tables() t)
       or not (has_table_privilege('rowhouse_mover', oid, 'select') and has_table_privilege('rowhouse_mover', oid, 'insert')
         and has_table_privilege('rowhouse_mover', oid, 'delete')))`,
  ],
  [
    "table_owner",
    `select name as object, format('It belongs to %s, and rowhouse_owner can''t publish it.', pg_get_userbyid(relowner)) as problem,
       format('alter table %s owner to rowhouse_owner;', name) as fix
     from tenant_table where pg_get_userbyid(relowner) <> 'rowhouse_owner'`,
  ],
  [
    "table_unlogged",
    `select name as object, 'It is unlogged: its changes are in no log, and replication does not see them.' as problem,
       format('alter table %s set logged;', name) as fix
     from tenant_table where relpersistence = 'u'`,
  ],
  [
    "table_inherits",
    `select t.name as object, format('It inherits from %s: rows would be taken twice.', p.inhparent::regclass) as problem,
       format('alter table %s no inherit %s; or make them partitions.', t.name, p.inhparent::regclass) as fix
     from tenant_table t join pg_inherits p on p.inhrelid = t.oid where not t.relispartition`,
  ],
  [
    "table_foreign",
    `select name as object, 'It is a foreign table: its rows are elsewhere, and no log of this server has them.' as problem,
       format('Keep it in a schema that is not registered, or make it a table here: drop foreign table %s;', name) as fix
     from relation where relkind = 'f'`,
  ],
  [
    "materialized_view",
    `select name as object, 'It is a materialized view: its rows are a copy of other rows, and replication leaves them out.' as problem,
       format('drop materialized view %s; make it a view, or a table with tenant_id that a trigger keeps.', name) as fix
     from relation where relkind = 'm'`,
  ],
  [
    "replica_identity",
    `select t.name as object, case when t.relreplident = 'n' or i.indexrelid is null
         then 'It has no replica identity: once it is published, updates and deletes fail, those of all tenants.'
         else format('Its replica identity, %s, lacks tenant_id: once it is published, updates and deletes fail, those of all tenants.', i.indexrelid::regclass) end as problem,
       format('alter table %s replica identity default; with a primary key (tenant_id, ...) that is not deferrable.', t.name) as fix
     from tenant_table t
     left join pg_index i on i.indexrelid = pg_get_replica_identity_index(t.oid)
     where t.relkind = 'r' and t.relreplident <> 'f'
       and (t.relreplident = 'n' or i.indexrelid is null or not exists (
         select from pg_attribute a where a.attrelid = t.oid and a.attname = 'tenant_id' and a.attnum = any ((i.indkey::smallint[])[0:i.indnkeyatts - 1])))`,
  ],
  [
    "large_object",
    `select t.name || '.' || quote_ident(a.attname) as object,
       format('It is %s: large objects, and whatever else an oid names, are of one database and don''t move.', format_type(a.atttypid, null)) as problem,
       format('Keep the content itself: alter table %s alter column %I type bytea using lo_get(%I);', t.name, a.attname, a.attname) as fix
     from tenant_table t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
     join pg_type y on y.oid = a.atttypid
     where not t.relispartition and (y.oid = 'oid'::regtype or y.typbasetype = 'oid'::regtype)`,
  ],
  [
    "trigger_always",
    `select format('%I on %s', g.tgname, g.tgrelid::regclass) as object,
       'It fires for replicated rows, too: what it does would be done twice.' as problem,
       format('alter table %s enable trigger %I;', g.tgrelid::regclass, g.tgname) as fix
     from pg_trigger g
     where g.tgenabled in ('A', 'R') and g.tgrelid in (select oid from tenant_table union all select 'platform.move_watermarks'::regclass)
       and not (g.tgrelid = 'platform.move_watermarks'::regclass and g.tgname = 'stop_at_barrier')`,
  ],
  [
    "rule_always",
    `select format('%I on %s', r.rulename, t.name) as object,
       'It rewrites the statements of the move, too: what it does would be done twice, or rows be lost.' as problem,
       format('alter table %s enable rule %I; or drop it.', t.name, r.rulename) as fix
     from pg_rewrite r join tenant_table t on t.oid = r.ev_class where r.ev_enabled in ('A', 'R') and r.rulename <> '_RETURN'`,
  ],
  [
    "sequence_cached",
    `select s.seqrelid::regclass::text as object,
       format('Each session takes %s values in advance: those from before the move may meet rows that arrive.', s.seqcache) as problem,
       format('alter sequence %s cache 1;', s.seqrelid::regclass) as fix
     from pg_sequence s join relation r on r.oid = s.seqrelid where s.seqcache > 1`,
  ],
  [
    "sequence_cycles",
    `select s.seqrelid::regclass::text as object,
       'It begins anew at its end: the move can''t tell which of two values is the later one, and takes the higher.' as problem,
       format('If it feeds a key: alter sequence %s no cycle;', s.seqrelid::regclass) as fix
     from pg_sequence s join relation r on r.oid = s.seqrelid where s.seqcycle`,
  ],
  [
    "publication_unfiltered",
    `select p.pubname::text as object, 'It publishes tenants'' tables: whoever subscribes to it gets the tenant''s rows as they arrive or go.' as problem,
       format('If that is not meant: drop publication %I;', p.pubname) as fix
     from pg_publication p
     where p.pubname !~ '^rowhouse_move_' and (p.puballtables
       or exists (select from pg_publication_rel l join tenant_table t on t.oid = l.prrelid where l.prpubid = p.oid and l.prqual is null)
       or exists (select from pg_publication_namespace s join pg_namespace n on n.oid = s.pnnspid where s.pnpubid = p.oid and n.nspname in (select platform.tenant_schemas())))`,
  ],
];

async function checkDatabase({ owner, name }: Endpoint): Promise<MoveFinding[]> {
  return inTransaction(owner, async (client) => {
    await client.query("set local search_path to pg_catalog");
    const findings: MoveFinding[] = [];
    for (const [code, rule] of RULES) {
      const { rows } = await client.query<Hit>(`${RELATIONS} ${rule} order by 1`);
      findings.push(...rows.map(({ object, problem, fix }) => makeFinding(code, name, object, problem, fix)));
    }
    return findings;
  });
}

/** What tables would keep rows from moving, or be harmed by it; in both databases, since the way back starts in the other. */
export async function checkTables(source: Endpoint, target: Endpoint): Promise<MoveFinding[]> {
  return [...(await checkDatabase(source)), ...(await checkDatabase(target))];
}
