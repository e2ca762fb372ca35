-- What others told of by webhook, until it was looked at; for some days after, so that a copy is known as one.
create table event (
  id          uuid primary key,
  endpoint    text not null,          -- name in the configuration
  key         text not null,          -- the same delivery again has it again
  subjects    jsonb not null,         -- what is worth a look
  received_at timestamptz not null,
  looked_at   timestamptz,            -- when a look at all of its subjects had ended
  unique (endpoint, key)
);
create index event_waiting on event (received_at) where looked_at is null;
create index event_received on event (received_at);
