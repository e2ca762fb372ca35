-- The packages of one digest on one platform, once for all digests that hold the same.
create table inventory (
  key      text primary key,                      -- digest of its own content
  platform text not null,
  status   text not null check (status in ('complete', 'unknown')),
  os       jsonb,
  packages jsonb not null,
  problems jsonb not null default '[]'
);

-- A digest that was built for an image. Two images with the same recipe share a digest, so the image is part of the key.
create table image_digest (
  image        text not null references image (name),
  digest       text not null,
  platforms    jsonb not null,
  inventories  jsonb not null,                    -- platform → key of its inventory
  recipe_key   text not null,
  base_digests jsonb not null default '[]',
  created_at   timestamptz not null,
  detail       jsonb not null default '{}',
  primary key (image, digest)
);
create index image_digest_digest on image_digest (digest);
