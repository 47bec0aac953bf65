-- Up Migration
-- What is for everybody besides tables, and what is done now and then by one server for all of them.

create table platform.open_functions (
  -- Not regprocedure: an app's migration may drop the function and make it anew. `app.opening_hours(date)`.
  function text primary key
);
comment on table platform.open_functions is 'Functions that requests without a token may call.';

create table platform.jobs (
  name       text        primary key check (length(name) between 1 and 63),
  -- Whoever sets it does the work: no other server process begins before the job is due again.
  started_at timestamptz not null default now(),
  ended_at   timestamptz
);
comment on table platform.jobs is 'Work that one of the servers does for all of them, and when it did so last.';

-- Down Migration
drop table platform.jobs;
drop table platform.open_functions;
