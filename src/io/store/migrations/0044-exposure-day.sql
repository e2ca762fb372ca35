-- Deadlines, and what a year is counted from. Exposures are derived: all of them are derived again, so that counts and rows begin together.
delete from exposure;
alter table exposure add column exploited_since timestamptz;   -- since when CISA lists it
alter table exposure add column kev_due timestamptz;           -- by when CISA wants it cured
alter table exposure add column labels jsonb not null;         -- those labels of the image that reports group by
alter table exposure add column due jsonb not null;            -- whose deadline → moment, in milliseconds
alter table exposure add column due_at timestamptz;            -- the nearest deadline that is watched
alter table exposure add column due_rule text;                 -- whose it is
alter table exposure add column warn_at timestamptz;           -- from when on it is warned of
create index exposure_warned on exposure (warn_at) where closed is null;

-- Rebuilds that ended, and how many exposures each has closed.
create table exposure_rebuild (
  rebuild  uuid primary key,
  image    text not null,
  state    text not null,
  finished timestamptz not null,
  labels   jsonb not null,
  closed   int not null
);
create index exposure_rebuild_image on exposure_rebuild (image);

-- What happened on each day (UTC), counted: kept in one transaction with the rows that are counted.
create table exposure_day (
  day         date not null,
  environment text not null,                      -- empty: of no environment
  labels      text not null,                      -- canonical JSON
  measure     text not null,
  bucket      int not null,                       -- of a length of time: see core/exposure/buckets.ts; else 0
  n           bigint not null,
  primary key (day, environment, measure, labels, bucket)
);
insert into exposure_due (image) select name from image order by name;
