-- The ecosystem that the packages of an image without os-release come from, as OSV names it. Images of several releases may hold the same packages: each has an inventory of its own.
alter table inventory add column made_from text;
