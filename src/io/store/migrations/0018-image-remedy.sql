-- What is wrong with what an image is now, and what would cure it, as the newest pass found it.
create table image_remedy (
  image  text primary key references image (name) on delete cascade,
  digest text not null,                           -- the digest that this is said of
  at     timestamptz not null,
  state  text not null check (state in ('known', 'unknown')),
  reasons jsonb not null,                         -- why it is unknown
  cures  jsonb not null
);
