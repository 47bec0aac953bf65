-- title: A publication sends every tenant's rows
-- threat: D43 C09 L37
select
  'warn' as level,
  p.pubname::text as key,
  format('publication %I', p.pubname) as object,
  'It has no row filter: replication does not ask the policies, and whoever subscribes gets all tenants.' as detail,
  format('Publish table by table with a filter: create publication %I for table app.t where (tenant_id = ''…'')', p.pubname) as fix
from pg_catalog.pg_publication p
where p.puballtables
  or exists (
    select from pg_catalog.pg_publication_rel t
    join pg_catalog.pg_class c on c.oid = t.prrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where t.prpubid = p.oid and t.prqual is null and n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  )
  or exists (
    select from pg_catalog.pg_publication_namespace s
    join pg_catalog.pg_namespace n on n.oid = s.pnnspid
    where s.pnpubid = p.oid and n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  )
