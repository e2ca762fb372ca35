-- What is declared, and what of the outside world was seen.
create table image (
  name       text primary key,
  repository text not null,
  definition jsonb not null,
  recipe_key text not null,
  parent     text,                                -- name of the image that it is built on
  retired_at timestamptz                          -- no longer declared: its history stays
);

create table upstream (
  name         text primary key,
  kind         text not null,
  detail       jsonb not null default '{}',
  last_attempt timestamptz,
  last_success timestamptz,
  last_error   jsonb,
  failures     int not null default 0             -- since the last success
);

create table observation (
  id          uuid primary key,
  upstream    text not null references upstream (name),
  content_key text not null,
  detail      jsonb not null,
  first_seen  timestamptz not null,
  baseline    boolean not null,                   -- the first that was seen of its upstream: exempt from cool-down
  unique (upstream, content_key)
);
create index observation_newest on observation (upstream, first_seen desc);

-- Our own first-seen clock: a version that appeared upstream, noted when a plan first meets it.
create table package_seen (
  upstream     text not null,
  name         text not null,
  architecture text not null,
  version      text not null,
  first_seen   timestamptz not null,
  baseline     boolean not null default false,
  primary key (upstream, name, architecture, version)
);
