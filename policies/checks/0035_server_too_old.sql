-- title: The server has known holes in row-level security
-- threat: D17 D18 D19 D20 L38
select
  'warn' as level,
  version.major::text as key,
  format('PostgreSQL %s.%s', version.major, version.minor) as object,
  'CVE-2026-120154, CVE-2026-14666 and others are open in it: plain SQL can read another tenant''s row.' as detail,
  format('Upgrade to %s.%s or newer.', version.major, floor.minor) as fix
from (
  select current_setting('server_version_num')::integer / 10000, current_setting('server_version_num')::integer % 10000
) version (major, minor)
-- the releases of 2026-11-12; src/db/server-version.ts has the same table
join (values (15, 20), (16, 16), (17, 12), (18, 7)) floor (major, minor) on floor.major = version.major
where version.minor < floor.minor
