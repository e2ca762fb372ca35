-- Each row's hash covers the one before: a row that is changed, deleted, inserted or moved breaks the chain.
create table audit (
  seq      bigint primary key,
  at       timestamptz not null,
  actor    text not null,
  action   text not null,
  detail   jsonb not null,
  previous text not null,
  hash     text not null
);
create index audit_image on audit ((detail ->> 'image'), seq desc);
create index audit_action on audit (action, seq desc);
