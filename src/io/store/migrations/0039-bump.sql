-- A package of a lock file that is to be another version, as the findings of images want it, and how far its change has come.
create table bump (
  key         text primary key,                   -- hash of repository, branch, lock file, kind and package
  repository  text not null,                      -- without credentials
  branch      text not null,
  file        text not null,                      -- the lock file, from the top of the repository
  type        text not null,
  package     text not null,
  images      jsonb not null,                     -- those whose findings it closes
  moves       jsonb not null,                     -- from which versions to which
  findings    jsonb not null,
  state       text not null check (state in
                ('waiting', 'intent', 'proposed', 'closing', 'merged', 'committed', 'declined', 'refused', 'ended')),
  reason      text not null,                      -- why it is in that state, one sentence
  inputs      text,                               -- hash of the files and versions that the change was made of
  head        text,                               -- the branch that it is proposed from
  url         text,                               -- of the pull request
  first_seen  timestamptz not null,               -- when these moves were first wanted: the cool-down counts from it
  retry_at    timestamptz,                        -- of what could not be made: when it is tried again with the same inputs
  updated_at  timestamptz not null,
  fence       bigint not null default 0,          -- grows with every lease; an effect names the fence it was granted
  lease_owner text,
  lease_until timestamptz
);
