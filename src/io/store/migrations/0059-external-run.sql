-- Runs of the pipelines that build images of recipe `external`, one for each attempt; the intent stands here before a pipeline is asked.
create table external_run (
  id           uuid primary key,                 -- in the address at which it may be answered
  rebuild      uuid not null references rebuild (id) on delete cascade,
  attempt      int not null,
  name         text not null unique,             -- what the run is found by, and the tag that it may push
  place        text not null,                    -- whose pipeline, in words
  no_cache     boolean not null,
  bases        jsonb not null,                   -- what it was to be made of: digests by the names of their upstreams
  state        text not null
               check (state in ('intended', 'running', 'given', 'failed', 'late', 'withdrawn')),
  token        text,                             -- what it may be answered with, until its pipeline has it: one that was cut off is asked with the same
  token_hash   text,                             -- SHA-256 of it; null where it is told none
  run          text,                             -- what its API calls it
  url          text,                             -- for people
  digest       text,
  reason       text,
  asked_at     timestamptz not null,             -- when it was intended
  tried_at     timestamptz,                      -- when its pipeline was last asked to begin it
  succeeded_at timestamptz,                      -- when it was seen to have succeeded, without a digest
  look_at      timestamptz not null,
  closed_at    timestamptz,                      -- when there was nothing left to do about it
  unique (rebuild, attempt)
);
create index external_run_open on external_run (rebuild) where closed_at is null;
