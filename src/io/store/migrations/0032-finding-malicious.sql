-- What was published to do harm is looked for at every pass, and there is nearly never any.
create index finding_malicious on finding (package)
 where ended_at is null and state = 'affected' and (detail -> 'malicious') = 'true'::jsonb;
