-- 0049-list
-- Lists go on after the last row of the page before: what they are ordered by has an index of its own.
create index rebuild_list on rebuild (created_at desc, id desc);
create index promotion_list on promotion (created_at desc, id desc);
