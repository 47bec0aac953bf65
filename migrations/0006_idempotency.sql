-- Up Migration
-- Answers to requests with an Idempotency-Key, kept for a day, so that a request that is sent again gets the answer that it had.
-- Written in the transaction of the write itself, by policies/idempotency.sql alone. Archives leave them out.

create table tenant.idempotency_keys (
  tenant_id        uuid        not null,
  id               uuid        not null default gen_random_uuid(),
  principal        text        not null,
  key              text        not null check (length(key) between 1 and 255),
  -- SHA-256 of what the request was: method, path, query, body and the headers that an answer depends on.
  fingerprint      bytea       not null,
  -- What the statement answered, as a JSON array of texts: the server makes the HTTP answer of it, as it did the first time.
  answer           text        not null,
  -- What functions of the app said of the answer.
  response_headers text,
  response_status  text,
  created_at       timestamptz not null default now(),
  expires_at       timestamptz not null default now() + interval '24 hours',
  primary key (tenant_id, id),
  unique (tenant_id, principal, key)
);
create index idempotency_keys_expires_at on tenant.idempotency_keys (tenant_id, expires_at);
comment on table tenant.idempotency_keys is 'Answers to requests with an Idempotency-Key, for a day.';

-- Down Migration
drop table tenant.idempotency_keys;
