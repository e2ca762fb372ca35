-- 0050-idempotency
-- Requests that carry a key of their caller: asked again, they are answered again and not done again.
create table idempotency (
  caller     text not null,
  key        text not null,
  operation  text not null,
  input      text not null,          -- sha256 of what was asked
  server     text not null,          -- the process that took it on
  state      text not null check (state in ('begun', 'answered', 'done')),   -- `done`: its answer is not kept
  status     int,
  answer     text,
  created_at timestamptz not null,
  primary key (caller, key)
);
create index idempotency_old on idempotency (created_at);
