-- What the target of a deployment wrote down of what it put there last: what is there and is not that, a person did.
alter table deployed add column brought jsonb;
