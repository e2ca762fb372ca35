create table rebuild (
  id             uuid primary key,
  image          text not null references image (name),
  plan           uuid references plan (id),
  state          text not null default 'queued'
                 check (state in ('queued', 'building', 'built', 'promoted', 'unchanged', 'failed', 'superseded')),
  lane           text not null check (lane in ('urgent', 'routine')),
  not_before     timestamptz not null,
  candidate      text,                            -- digest
  recipe_key     text not null,
  parent_rebuild uuid,                            -- waits until that one's candidate has passed the first environment
  attempts       int not null default 0,          -- builds that were begun
  fence          bigint not null default 0,       -- grows with every lease; a save names the fence it was granted
  lease_owner    text,
  lease_until    timestamptz,
  last_error     jsonb,
  detail         jsonb not null default '{}',
  created_at     timestamptz not null,
  updated_at     timestamptz not null,
  finished_at    timestamptz
);
create unique index rebuild_one_queued on rebuild (image) where state = 'queued';
create index rebuild_due on rebuild (lane desc, not_before, created_at) where finished_at is null;
create index rebuild_of_image on rebuild (image, created_at desc);
create index rebuild_candidate on rebuild (candidate);

-- Why a rebuild exists; one for each (image, source package, target version) and the like.
create table cause (
  rebuild uuid not null references rebuild (id) on delete cascade,
  key     text not null,
  kind    text not null check (kind in ('package', 'parent', 'source', 'schedule', 'person')),
  detail  jsonb not null,
  primary key (rebuild, key)
);

-- Effects of a rebuild that were done: what is here is not done again.
create table rebuild_step (
  rebuild uuid not null references rebuild (id) on delete cascade,
  key     text not null,
  fence   bigint not null,
  detail  jsonb not null,
  done_at timestamptz not null,
  primary key (rebuild, key)
);
