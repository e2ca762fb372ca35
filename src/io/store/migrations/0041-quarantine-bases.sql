-- Digests of other people's images that a quarantined digest was made of and that must not come again: `{name, digest}`, with `terms` as packages have them.
alter table quarantine add column bases jsonb not null default '[]';
