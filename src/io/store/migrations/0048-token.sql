-- 0048-token
-- What programs and people outside this machine prove themselves with. The secret is known to its holder alone: of 256 random bits a plain hash is enough.
create table token (
  id           text primary key,     -- the part that is no secret
  name         text not null,
  hash         text not null,        -- sha256 of the secret
  person       text,                 -- in whose name it acts; null: a program, recorded by the token's name
  roles        jsonb not null,
  labels       jsonb not null,       -- `key=value`; images that bear one of them; empty: all images
  created_at   timestamptz not null,
  created_by   text not null,
  expires_at   timestamptz not null,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  revoked_by   text
);
create unique index token_name on token (name) where revoked_at is null;
