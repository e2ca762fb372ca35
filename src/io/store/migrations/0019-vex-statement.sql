-- What people say of vulnerabilities: that one does not matter here, and why.
create table vex_statement (
  id            uuid primary key,
  vulnerability text not null,
  package       text,                               -- null: every package; a name, or a purl
  image         text,                               -- null: every image
  status        text not null,                      -- OpenVEX: not_affected, affected, fixed, under_investigation
  justification text,                               -- OpenVEX: only of not_affected
  reason        text not null,
  author        text not null,
  until         timestamptz,
  created_at    timestamptz not null,
  created_by    text not null,
  removed_at    timestamptz,
  removed_by    text
);
create index vex_statement_standing on vex_statement (vulnerability) where removed_at is null;
