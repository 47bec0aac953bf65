-- title: A function that decides about the tenant is not the one that was released
-- threat: D07 D13 L05
select
  'error' as level,
  wanted.signature as key,
  format('function %s', wanted.signature) as object,
  case
    when p.oid is null then 'It is missing.'
    when o.rolname <> 'rowhouse_owner' then format('%s owns it.', o.rolname)
    when p.proconfig is not null and wanted.signature !~ '(refuse_context|_fence|_tenant|_arrival)\(' then format('It sets %s.', pg_catalog.array_to_string(p.proconfig, ', '))
    else format('It is not the one of policies/: %s.', found.text)
  end as detail,
  'Run `rowhouse migrate`, and find out who changed it: every policy asks these functions whose rows to show.' as fix
from (values
  -- One text for each kind of server: with the protected setting or a MAC, with or without prepared statements to see.
  -- A change of context.sql, move.sql or request.sql changes them; the finding then says the new ones.
  ('platform.enter(text, bytea, bigint, boolean)', array[
      'definer volatile 7abb61473fd6e2398553a5db14008aff',
      'definer volatile d5fdb0375bc8854d0804d62340c42251',
      'definer volatile 36289b067ade79b59c1623b8e35ce518',
      'definer volatile 7a2785cec23a708f42d642ea2fc833fa']),
  ('platform.refuse_context(uuid, bigint, bytea)', array[
      'definer volatile e89596edfbcd1a9d1aae30846156fa11']),
  ('platform.pass_fence(uuid, timestamptz)', array[
      'definer volatile 9d43d25e21d8903f95d2447b278bb7b3']),
  ('platform.hold_tenant(uuid)', array[
      'definer volatile 7d950028849ec31e892a0d782436a48d']),
  ('platform.release_tenant(uuid, uuid, text)', array[
      'definer volatile 9b5199cec07e31d8dd0842d3d87aa625']),
  ('platform.activate_tenant(uuid, bigint)', array[
      'definer volatile 20be414817067d46ecb6408417c1876d']),
  ('platform.hold_arrival(uuid, uuid)', array[
      'definer volatile e9b3ece5f7f28bc8fc6695b3e348288d']),
  ('platform.set_request(text, text, text, text, text, text, text, text)', array[
      'definer volatile 7d892b4f116573155176e7a03ae0bd2d']),
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
  and (p.proconfig is null or (p.proconfig = '{"search_path=pg_catalog, pg_temp"}' and wanted.signature ~ '(refuse_context|_fence|_tenant|_arrival)\(')), false)
