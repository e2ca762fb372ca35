-- 0025-deployment
-- One attempt to make a running system use a digest.
create table deployment (
  id           uuid primary key,
  name         text not null,                     -- as the configuration calls it
  image        text not null references image (name),
  environment  text not null,
  digest       text not null,
  previous     text,                              -- what was confirmed there when it began: what an undo brings back
  promotion    uuid,                              -- the move of the pointer that asked for it
  kind         text not null check (kind in ('forward', 'rollback')),
  state        text not null check (state in ('intent', 'applied', 'confirmed', 'failing', 'failed', 'ended')),
  by           text not null,
  reason       text not null,
  detail       jsonb not null default '{}',
  fence        bigint not null,                   -- of its place: a later lease makes this one powerless
  created_at   timestamptz not null,
  applied_at   timestamptz,
  confirmed_at timestamptz,
  finished_at  timestamptz
);
create unique index deployment_one_open on deployment (name, image) where state in ('intent', 'applied', 'failing');
create index deployment_newest on deployment (name, image, created_at desc);
create index deployment_digest on deployment (image, digest);

-- What was confirmed at each place where a deployment runs an image, and who works there.
create table deployed (
  name        text not null,
  image       text not null references image (name),
  digest      text,                               -- null until the first is confirmed
  deployment  uuid,
  since       timestamptz,                        -- since when it is known to run there; null while that is not known
  waiting     text,                               -- why what is wanted does not run there, as a sentence
  fence       bigint not null default 0,          -- grows with every lease; an effect names the fence it was granted
  lease_owner text,
  lease_until timestamptz,
  primary key (name, image)
);
