-- Requests are found by what few of them have: a model, target, provider or code, a tag, a prompt, an experiment. Lists
-- that many match are read by time; this one says at once where there are few or none.
drop index if exists requests_exposures;
create index requests_words on requests using gin (
    tags,
    (array[
        'model:' || left(model, 200), 'target:' || left(target, 200), 'target:' || left(split_part(target, '/', 1), 200),
        'code:' || code
    ]),
    prompts jsonb_path_ops,
    exposures jsonb_path_ops
);
-- A release is of one project, and an admin's list of its calls names none.
drop index requests_release;
create index requests_release on requests (release, day, id) where release <> '';
create index requests_slow on requests (project, duration_ms) where duration_ms >= 10000;
