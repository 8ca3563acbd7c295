-- The few calls that ended with a code, in the order of lists: facets of codes read nothing else. Beside
-- `requests_failed`, since an answer that broke off has a code, and the status that it began with. A row holds three
-- names of 200 characters each; codes and keys are short, and ours.
create index requests_coded on requests (day, id, code, project, key, model, environment, status, started_at)
where code <> '';
