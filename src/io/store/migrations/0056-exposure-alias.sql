-- Who had an advisory is asked by any of its names.
create index exposure_alias on exposure using gin (aliases);
