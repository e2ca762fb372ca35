-- What an image's packages are of, as far as matching depends on it: an os-release, or the release that it was assembled from.
create table package_system (
  id        int primary key,
  key       text not null unique,                 -- digest of what follows
  os        jsonb,
  made_from text
);

-- A package as advisories are matched with it: once for all inventories that hold it, whatever their number.
create table package (
  id      int primary key,
  key     text not null unique,                   -- digest of system and entry
  system  int not null references package_system (id),
  entry   jsonb not null,
  matched boolean not null default false          -- whether it was ever compared with the feeds
);
create index package_unmatched on package (id) where not matched;

-- What the feeds are asked for: a new advisory looks only at packages of its name.
create table package_key (
  ecosystem text not null,
  name      text not null,
  package   int not null references package (id),
  primary key (name, ecosystem, package)
);
create index package_key_package on package_key (package);

-- The packages of an inventory. What another package brought is not in it: it is not looked up.
create table inventory_package (
  inventory text primary key references inventory (key) on delete cascade,
  packages  int[] not null
);
create index inventory_package_packages on inventory_package using gin (packages) with (fastupdate = off);

-- The inventories of a digest, for finding the images that an inventory is of.
create index image_digest_inventories on image_digest using gin ((jsonb_path_query_array(inventories, '$.*')));
