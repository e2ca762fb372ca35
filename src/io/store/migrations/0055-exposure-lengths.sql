-- Counts of a day stand in one row, and the lengths of time beside them as they are: percentiles are exact, and a year of ten thousand images is read within a second. All of it is derived again, so that
-- counts and rows begin together.
delete from exposure;
delete from exposure_rebuild;
drop table exposure_day;
create table exposure_day (
  day         date not null,
  environment text not null,                      -- empty: of no environment
  labels      text not null,                      -- canonical JSON
  grown       int not null,                       -- how many more were opened than closed
  counts      jsonb not null,                     -- measure → how many
  fix         int[] not null,                     -- seconds from the fix to the end by a cure, one of each
  exposed     int[] not null,                     -- seconds from detected to closed, one of each
  primary key (environment, day, labels)
);
insert into exposure_due (image) select name from image order by name;
