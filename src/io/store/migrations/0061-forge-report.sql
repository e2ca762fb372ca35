-- What forges are told of commits: what is wanted to be said, and what was said last. A row whose two differ is due.
create table forge_report (
  key          text primary key,      -- of what it is: a status of one image, environment and commit; one deployment
  image        text not null,
  kind         text not null check (kind in ('status', 'deployment')),
  detail       jsonb not null,        -- commit, environment, name, description
  wanted       text not null,         -- state and words, in one text
  said         text,                  -- the same as it was said; null until then
  remote       text,                  -- how the forge calls a deployment
  attempts     int not null default 0,
  next_attempt timestamptz not null,
  last_error   text,
  created_at   timestamptz not null,
  updated_at   timestamptz not null
);
create index forge_report_due on forge_report (next_attempt) where said is distinct from wanted;
create index forge_report_image on forge_report (image, updated_at desc);
