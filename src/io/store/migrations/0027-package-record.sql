-- Packages that images were assembled from, as their index described them: what an image holds can be kept when no suite offers it any more.
create table package_record (
  name         text not null,
  architecture text not null,
  version      text not null,
  sha256       text not null,
  record       jsonb not null,
  kept_at      timestamptz not null,
  primary key (name, architecture, version, sha256)
);
