-- Brings every protected table under today's law. Run as rowhouse_owner, last.

do $$
declare
  protected regclass;
begin
  for protected in
    select c.oid::regclass
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p')
      -- a partition or a child table is protected together with its parent, and has no grants of its own
      and not exists (select from pg_inherits i where i.inhrelid = c.oid)
      and (n.nspname = 'tenant'
        or (n.nspname in (select platform.app_schemas())
          and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant_floor')))
  loop
    perform platform.protect_table(protected);
  end loop;
end $$;
