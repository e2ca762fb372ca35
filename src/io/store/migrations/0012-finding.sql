-- A vulnerability that touches a package, and when that was so. It is of every image that holds the package: the life in each environment follows from its promotions.
create table finding (
  package     int not null references package (id),
  advisory    text not null,                      -- the id that readers know best
  state       text not null check (state in ('affected', 'unknown')),
  fixed       text,                               -- the lowest version that cures it
  detail      jsonb not null,                     -- aliases, severity, judgement and the like, as the feeds have them
  first_seen  timestamptz not null,
  fixed_since timestamptz,                        -- when we first saw that some version cures it
  ended_at    timestamptz,
  end_kind    text check (end_kind in ('withdrawn', 'changed')),
  primary key (package, advisory, first_seen),
  check ((ended_at is null) = (end_kind is null))
);
create unique index finding_open on finding (package, advisory) where ended_at is null;
create index finding_advisory on finding (advisory) where ended_at is null;
create index finding_names on finding using gin (((detail -> 'aliases') || (detail -> 'upstream'))) where ended_at is null;

-- What each environment named, and since when until when; `replaced_by` is the rebuild whose promotion ended it.
create view placement as
  select image, environment, digest, rebuild, confirmed_at as since,
         lead(confirmed_at) over later as until,
         lead(rebuild) over later as replaced_by
    from promotion
   where state = 'confirmed'
  window later as (partition by image, environment order by confirmed_at, fence);
