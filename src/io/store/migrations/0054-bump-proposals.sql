-- The pull requests and commits of a bump, the oldest first, with when they were opened and ended and what they close; and by which code it was refused.
alter table bump add column proposals jsonb not null default '[]';
alter table bump add column code text;
