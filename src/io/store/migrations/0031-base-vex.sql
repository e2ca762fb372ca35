-- What the owners of bases say of vulnerabilities, signed, of each digest that was followed: as it was when they were last asked.
create table base_vex (
  base       text not null,          -- name of the upstream
  digest     text not null,
  digests    jsonb not null,         -- it, and its platforms': a statement may name any of them
  statements jsonb not null,
  problems   jsonb not null,         -- why some of what stands there does not count
  asked_at   timestamptz not null,
  primary key (base, digest)
);
