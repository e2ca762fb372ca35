create table verification (
  id          uuid primary key,
  image       text not null references image (name),
  rebuild     uuid not null references rebuild (id),
  digest      text not null,
  environment text not null,
  verdict     text check (verdict in ('passed', 'failed', 'not_run')),  -- null while it goes on
  checks      jsonb not null default '[]',
  started_at  timestamptz not null,
  finished_at timestamptz,
  unique (rebuild, environment, digest)
);
create index verification_digest on verification (image, digest, environment);

create table promotion (
  id           uuid primary key,
  image        text not null references image (name),
  environment  text not null,
  digest       text not null,
  previous     text,                              -- what the pointer named when the intent was written
  rebuild      uuid references rebuild (id),
  kind         text not null check (kind in ('forward', 'rollback')),
  state        text not null check (state in ('intent', 'confirmed', 'conflict', 'refused')),
  by           text not null,
  reason       text not null,
  detail       jsonb not null default '{}',
  fence        bigint not null,                   -- of the pointer: a later intent makes this one powerless
  created_at   timestamptz not null,
  confirmed_at timestamptz
);
create unique index promotion_one_intent on promotion (image, environment) where state = 'intent';
create index promotion_newest on promotion (image, environment, created_at desc);
create index promotion_rebuild on promotion (rebuild);
create index promotion_recent on promotion (created_at desc);

create table pointer (
  image       text not null references image (name),
  environment text not null,
  digest      text,                               -- null until the first promotion is confirmed
  previous    text,
  promotion   uuid,
  since       timestamptz,
  fence       bigint not null default 0,          -- grows with every intent
  primary key (image, environment)
);

create table hold (
  id          uuid primary key,
  image       text,                               -- null: every image
  environment text,                               -- null: every environment
  by_person   boolean not null,                   -- then only a person lifts it
  who         text not null,
  reason      text not null,
  until       timestamptz,
  created_at  timestamptz not null,
  lifted_at   timestamptz,
  lifted_by   text
);
create index hold_standing on hold (image) where lifted_at is null;

create table quarantine (
  image      text not null,
  digest     text not null,
  packages   jsonb not null,                      -- versions that it brought: a candidate that has them is refused too
  reason     text not null,
  who        text not null,
  created_at timestamptz not null,
  primary key (image, digest)
);
