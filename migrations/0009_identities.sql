-- Up Migration
-- Which user of the tenant somebody is whom another issuer knows.

create table tenant.identities (
  tenant_id  uuid        not null,
  id         uuid        not null default gen_random_uuid(),
  user_id    uuid        not null,
  -- `iss` and `sub` of the tokens: together the only name that an issuer never gives to somebody else (OpenID Connect Core 5.7). The
  -- issuer by its name and not by its row in the registry, which another database has.
  issuer     text        not null check (length(issuer) between 1 and 500 and issuer ~ '^[\x21-\x7e]+$'),
  subject    text        not null check (length(subject) between 1 and 255),
  -- What the issuer called their address when they came first.
  email      text        check (length(email) <= 254),
  created_at timestamptz not null default now(),
  -- `iat` of the newest of their tokens.
  last_sign_in_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, issuer, subject),
  -- An address that passes to somebody else at the issuer does not pass on the user who had it.
  unique (tenant_id, issuer, user_id),
  foreign key (tenant_id, user_id) references tenant.users (tenant_id, id) on delete cascade
);
create index identities_user_id on tenant.identities (tenant_id, user_id);
comment on table tenant.identities is 'Who users are to the identity providers that sign them in.';

-- Down Migration
drop table tenant.identities;
