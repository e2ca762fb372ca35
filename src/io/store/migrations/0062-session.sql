-- 0062-session
-- People who logged in by a browser. What their browser sends is 256 random bits, of which the hash is kept.
create table session (
  id           text primary key,     -- names it in lists; no secret
  hash         text not null unique, -- sha256 of what the browser sends
  name         text not null,        -- what the record calls the person
  subject      text not null,        -- who that is at their provider: issuer, `#`, subject
  roles        jsonb not null,
  labels       jsonb not null,       -- `key=value`; images that bear one of them; empty: all images
  rules        text not null,        -- sha256 of the rules that gave these rights: others, and it counts no more
  created_at   timestamptz not null,
  last_used_at timestamptz not null,
  expires_at   timestamptz not null,
  ended_at     timestamptz,
  ended_by     text
);
create index session_subject on session (subject, created_at);
create index session_old on session (expires_at);
