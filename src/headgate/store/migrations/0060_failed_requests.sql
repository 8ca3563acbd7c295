-- Charts of errors read what failed, and nothing else.
create index requests_failed on requests (project, day, started_at) include (code) where status >= 400;
