-- Runs of checks go by retention, but for those that people keep, such as a baseline.
alter table check_runs add column kept boolean not null default false;
create index check_runs_changed on check_runs (project, changed_at) where not kept;
create index check_judgements_said on check_judgements (project, said_at);
