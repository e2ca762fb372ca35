-- 0064-notification-receiver
-- A row is for one receiver, and is tried by itself: what one does not take delays and loses nothing of another's.
-- Without a receiver it was not looked at yet.
alter table notification
  add column receiver text,
  add column about    text,
  add column repeats  int not null default 0;
create index notification_unrouted on notification (created_at) where delivered_at is null and receiver is null;
create index notification_of on notification (receiver, next_attempt) where delivered_at is null;
