-- An image may be made of several others: builder stages and bases. A rebuild waits for all of them.
alter table rebuild add column parent_rebuilds uuid[] not null default '{}';
update rebuild set parent_rebuilds = array[parent_rebuild] where parent_rebuild is not null;
alter table rebuild drop column parent_rebuild;
create index rebuild_parents on rebuild using gin (parent_rebuilds) where finished_at is null;

alter table image add column parents jsonb not null default '[]';   -- names of the images that it is built on
update image set parents = jsonb_build_array(parent) where parent is not null;
alter table image drop column parent;

alter table cause drop constraint cause_kind_check;
alter table cause add check (kind in ('package', 'parent', 'base', 'source', 'schedule', 'person'));
