create table alarm (
  key        text primary key,                    -- code and subject
  code       text not null,
  subject    text not null,
  severity   text not null check (severity in ('warning', 'error')),
  message    text not null,
  hint       text,
  since      timestamptz not null,
  last_seen  timestamptz not null,
  cleared_at timestamptz
);

create table notification (
  id           uuid primary key,
  event        text not null,
  body         jsonb not null,
  attempts     int not null default 0,
  next_attempt timestamptz not null,
  created_at   timestamptz not null,
  delivered_at timestamptz,
  last_error   text
);
create index notification_due on notification (next_attempt) where delivered_at is null;

-- Accounts that packages make in their maintainer scripts: never renumbered, or files would change owner.
create table account_allocation (
  name text primary key,
  uid  int not null,
  gid  int not null
);

create table setting (
  key   text primary key,
  value jsonb not null
);
