-- All that a check of a verification said, within limits: printable lines, secrets masked.
create table check_log (
  verification uuid not null references verification (id) on delete cascade,
  name         text not null,                     -- as `checks` of the verification has it
  at           timestamptz not null,
  packed       text not null,                     -- gzip, in base64
  primary key (verification, name)
);
create index check_log_at on check_log (at);

-- What a person is asked, told of once, until it is answered or no longer asked.
create table question (
  key         text primary key,                   -- what is asked, of which digest, for which environment
  kind        text not null,
  image       text not null,
  environment text not null,
  digest      text not null,
  rebuild     uuid not null references rebuild (id) on delete cascade,
  message     text not null,
  answer      text not null,                      -- what to type
  asked_at    timestamptz not null,
  closed_at   timestamptz
);
create index question_open on question (rebuild) where closed_at is null;
