-- Who remembers what environments name asks only for what was moved since.
create index pointer_since on pointer (since);
