-- What the newest build of a rebuild said, within limits: printable lines, secrets masked.
create table build_log (
  rebuild uuid primary key references rebuild (id) on delete cascade,
  at      timestamptz not null,
  text    text not null,
  left_out bigint not null default 0              -- lines in the middle that were not kept
);
