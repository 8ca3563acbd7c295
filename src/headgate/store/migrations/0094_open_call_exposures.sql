-- A call that dies with its gateway counts for its arm, which it knew when it began.
alter table open_calls add column exposures jsonb not null default '[]';
