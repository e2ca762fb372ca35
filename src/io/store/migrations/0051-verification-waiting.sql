alter table verification
  add column told      text,          -- the verdict that the audit chain told last: one that is the same again is told once
  add column waiting   jsonb,         -- what was found so far and which pipelines were asked, while their verdicts are waited for
  add column resume_at timestamptz;   -- when they are asked again; null where nobody waits
