-- title: A function that decides about the tenant is not the one that was released
-- threat: D07 D13 L05
select
  'error' as level,
  wanted.signature as key,
  format('function %s', wanted.signature) as object,
  case
    when p.oid is null then 'It is missing.'
    when o.rolname <> 'rowhouse_owner' then format('%s owns it.', o.rolname)
    when p.proconfig is not null and wanted.signature !~ 'refuse_context' then format('It sets %s.', pg_catalog.array_to_string(p.proconfig, ', '))
    else format('It is not the one of policies/context.sql: %s.', found.text)
  end as detail,
  'Run `rowhouse migrate`, and find out who changed it: every policy asks these functions whose rows to show.' as fix
from (values
  -- One text for each kind of server: with the protected setting or a MAC, with or without prepared statements to see.
  -- A change of context.sql changes them; the finding then says the new ones.
  ('platform.enter(text, bytea, bigint, boolean)', array[
      'definer volatile 0d70b6997643aaec3a6e67c11a1abec9',
      'definer volatile 2c9f26e68e6be5dd3f4648743e642d12',
      'definer volatile d08593de672236e2cadb6282f077b917',
      'definer volatile e31ab2beadc10b268b531e9ef35c44e1']),
  ('platform.refuse_context(uuid, bigint, bytea)', array[
      'definer volatile 775692e1fa859a8cb5fc7160e7942ba6']),
  ('platform.refuse_missing()', array[
      'invoker stable 83ace331cb3b577b2126c66204d3e597']),
  ('platform.get_context()', array[
      'definer stable 46452afb50fced40f09e527cced9f746',
      'invoker stable 04b0d0d20f7768e6b1964059bffdf2bb']),
  ('platform.current_tenant()', array[
      'definer stable 46444fa382c964ff292d3db90b6c8689',
      'invoker stable 05bd95110a12f8a8914cc60f7b6d2e27']),
  ('platform.context_mac(text)', array[
      'definer stable 190a5df86b4a0dced541712c9c5a3151']),
  ('platform.current_principal()', array[
      'invoker stable ee5511e8f24612c8cae34f3b53356e33']),
  ('platform.current_membership_role()', array[
      'invoker stable e5b177c41d5663eed092fdaa84e201a6'])
) wanted (signature, texts)
left join pg_catalog.pg_proc p on p.oid = pg_catalog.to_regprocedure(wanted.signature)
left join pg_catalog.pg_roles o on o.oid = p.proowner
cross join lateral (select pg_catalog.concat_ws(' ',
  case when p.prosecdef then 'definer' else 'invoker' end,
  case p.provolatile when 'v' then 'volatile' when 's' then 'stable' else 'immutable' end,
  pg_catalog.md5(p.prosrc)) as text) found
where not coalesce(
  o.rolname = 'rowhouse_owner'
  and found.text = any (wanted.texts)
  -- a SET clause could put another context in place while the function runs
  and (p.proconfig is null or wanted.signature ~ 'refuse_context'), false)
