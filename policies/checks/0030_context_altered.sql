-- title: A function that decides about the tenant, or what a member may do, is not the one that was released
-- threat: D07 D13 L05
select
  'error' as level,
  wanted.signature as key,
  format('function %s', wanted.signature) as object,
  case
    when p.oid is null then 'It is missing.'
    when o.rolname <> 'rowhouse_owner' then format('%s owns it.', o.rolname)
    when p.proconfig is not null and wanted.signature ~ 'platform\.(enter|set_request|refuse_missing|get_context|current_\w+|context_mac|permitted_tenant|keys?_text)\(' then format('It sets %s.', pg_catalog.array_to_string(p.proconfig, ', '))
    else format('It is not the one of policies/: %s.', found.text)
  end as detail,
  'Run `rowhouse migrate`, and find out who changed it: the policies and triggers of every table ask these functions.' as fix
from (values
  -- One text for each kind of server: with the protected setting or a MAC, with or without prepared statements to see.
  -- A change of context.sql, access.sql, audit.sql, members.sql, limits.sql, move.sql or request.sql changes them; the finding then says the new ones.
  ('platform.enter(text, bytea, bigint, boolean)', array[
      'definer volatile 4a2a069281b3df53118355014750c0f3',
      'definer volatile 6a5353fe4c57a7a9e4b00581916036b8',
      'definer volatile 302ea116fcd3fb8d7c380adde96db8c2',
      'definer volatile 4872b946a1f842799944cb6c397d7b7d']),
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
      'invoker stable 04b0d0d20f7768e6b1964059bffdf2bb',
      'definer stable 96bb5c2c10d055b72d88738cf5ac367d']),
  ('platform.current_tenant()', array[
      'invoker stable 05bd95110a12f8a8914cc60f7b6d2e27',
      'definer stable 46444fa382c964ff292d3db90b6c8689']),
  ('platform.context_mac(text)', array[
      'definer stable 190a5df86b4a0dced541712c9c5a3151']),
  ('platform.current_principal()', array[
      'invoker stable ee5511e8f24612c8cae34f3b53356e33']),
  ('platform.current_membership_role()', array[
      'invoker stable e5b177c41d5663eed092fdaa84e201a6']),
  ('platform.put_context(text)', array[
      'definer volatile 0632772eceb8f361f98e5c6920d1e543',
      'definer volatile f81747d8fd7891a62f211c19feca1ef7']),
  ('platform.admit(text, boolean)', array[
      'definer volatile 5ee957d7df1509bce4d12b3e1c1420c1']),
  ('platform.current_grant()', array[
      'invoker stable c2d39263928340c628a11b5473fea86a']),
  ('platform.current_request_id()', array[
      'invoker stable 924261b4131fc960292dcf38fbea1e98']),
  ('platform.table_kind(regclass)', array[
      'invoker stable 4a8cbea7d281aa5f2692a566825b5591']),
  ('platform.options_of(regclass)', array[
      'definer stable 35b5ec61fa3e5d2aab16235e38f9411c']),
  ('platform.names_of(regclass)', array[
      'invoker stable 37a90aa09bc15afcdb7698d45a04d04a']),
  ('platform.was_given(text, regclass, text)', array[
      'definer stable f107e8d6c65f5d769aa6ecbc9e613f51']),
  ('platform.look_up_permission(text, regclass, text)', array[
      'definer stable a2a4c9532eacbe0fd9ebb9e649d5b454']),
  ('platform.permitted_tenant(text, regclass, text)', array[
      'invoker stable 6755c61338806403fbf4173637d8099a',
      'invoker stable dedf842464f75a60fea9c1b8affff0d4']),
  ('platform.member_policies(regclass)', array[
      'invoker stable e63515f91229bd7cf8c1747d03b90482']),
  ('platform.missing_policies(regclass)', array[
      'invoker stable f181acc6f7e33dc4a9ab5cdde0f3aeab']),
  ('platform.keeps_trail()', array[
      'definer stable c03b3d9d96105944b4500809dc95a662']),
  ('platform.stamp_row()', array[
      'definer volatile 522fc7e8e93e71f44ef2650e434ce18d']),
  ('platform.audit_rows()', array[
      'definer volatile 84058fbbacaa70cb40b57d3d8e7251bf']),
  ('platform.audit_truncate()', array[
      'definer volatile 8bf31e40da3e3b1e13e5dc005c96395d']),
  ('platform.keep_events()', array[
      'invoker volatile e585cf38736c90c1a82c89520ba6f3f8']),
  ('platform.key_text(jsonb, text[])', array[
      'invoker immutable 8e8c9b5e133c2ff4752aea68db56ffb8']),
  ('platform.keys_text(jsonb, text[])', array[
      'invoker immutable 8ed7103112964f74d33bd266c86d8c8d']),
  ('platform.record_event(text, jsonb)', array[
      'definer volatile 7188334f98aff6cba9e86f91df513803']),
  ('platform.purge_audit()', array[
      'definer volatile 029afe8db466f5600f4c0ea6e5772376']),
  ('platform.history_triggers(regclass)', array[
      'invoker stable bcd1086dd1fd181d627fc369f0ab856c']),
  ('platform.limit_triggers()', array[
      'invoker stable 1ad703b87c51b155d56e2f9ea79a0b51']),
  ('platform.missing_triggers(regclass)', array[
      'invoker stable 0ac3de4a5d1e4cc14bb36a1eae895d90']),
  ('platform.limit_of(text)', array[
      'definer stable e024a5d6d7cd9b7b9a30a47857692ad1']),
  ('platform.hold_limit()', array[
      'definer volatile ef110e1e0112e7cb60410db7573eaa19']),
  ('platform.guard_user()', array[
      'definer volatile 753dca6cee4139a062e64ef5c9f3c26d']),
  ('platform.keep_owner()', array[
      'definer volatile e964b644e427ab01dab64fe10cce3153']),
  ('platform.keep_role()', array[
      'definer volatile 8fbb83cbc951e8871227b140168e5625']),
  ('platform.check_role()', array[
      'definer volatile 4748fd64b5115897f6636c9306695aaf'])
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
  and (p.proconfig is null or (p.proconfig = '{"search_path=pg_catalog, pg_temp"}'
    and wanted.signature !~ 'platform\.(enter|set_request|refuse_missing|get_context|current_\w+|context_mac|permitted_tenant|keys?_text)\(')), false)
