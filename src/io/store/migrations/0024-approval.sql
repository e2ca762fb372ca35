-- 0024-approval
-- What people say of one digest for one environment: of one person the last word counts.
create table approval (
  image       text not null,
  environment text not null,
  digest      text not null,
  who         text not null,
  verdict     text not null check (verdict in ('approved', 'rejected')),
  reason      text not null,
  created_at  timestamptz not null,
  primary key (image, environment, digest, who)
);

-- How long what an environment names has stood there for certain, and what its probes said of it. One row a pointer: a new promotion begins anew.
create table soak (
  image       text not null references image (name),
  environment text not null,
  promotion   uuid not null,
  stood_ms    bigint not null,                     -- by a clock that nobody sets; where probes watch, only while they were content
  detail      jsonb not null,                      -- when and on which machine it was last looked at, and the last answers of each probe
  primary key (image, environment)
);
