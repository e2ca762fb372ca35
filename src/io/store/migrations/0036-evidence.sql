-- What was signed of a digest, and where it was put: signed once, and attached again from here after a crash.
create table evidence (
  image       text not null,
  digest      text not null,        -- what the evidence is for
  subject     text not null,        -- what it is attached to: the digest, or the manifest of one platform
  predicate   text not null,        -- type of its predicate; of simple signing its media type
  scope       text not null,        -- what makes another of the same type: a hash of what it says, or the verification
  key         text not null,        -- fingerprint of the key
  bundle      text,                 -- until it is attached
  artifact    text,                 -- digest of what was attached
  created_at  timestamptz not null,
  attached_at timestamptz,
  primary key (image, digest, subject, predicate, scope, key)
);
