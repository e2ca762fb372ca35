create table plan (
  id         uuid primary key,
  created_at timestamptz not null,
  detail     jsonb not null
);
create index plan_newest on plan (created_at desc);
