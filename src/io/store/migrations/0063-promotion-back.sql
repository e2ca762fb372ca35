-- 0063-promotion-back
-- Ways back are few among all promotions: a list of them read through thousands of others to find a page.
create index promotion_back on promotion (created_at desc, id desc) where kind = 'rollback';
