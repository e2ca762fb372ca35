-- Whether the distribution's own database could be read, beside whether everything could.
alter table inventory add column system text not null default 'unknown' check (system in ('complete', 'unknown'));
alter table inventory alter column system drop default;
-- What was read before now knows only of that database: it says nothing of what else the image holds.
update inventory
   set system = status,
       status = 'unknown',
       problems = problems || '["it was read before packages of languages were: what the image holds of them is not known"]'::jsonb;
