-- Runs of checks, what came of each case in them, and what judges said.

create table check_runs (
    id uuid primary key,
    project text not null,
    key text not null,
    name text not null,
    target text not null,
    definition jsonb not null,
    dataset text not null,
    dataset_digest text not null,
    started_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    verdict text,
    report jsonb
);
create index check_runs_project on check_runs (project, id);
create index check_runs_name on check_runs (project, name, id);

-- Of an answer only its call is kept here; what it said stands on that call's record.
create table check_results (
    run uuid not null references check_runs (id) on delete cascade,
    project text not null,
    "case" text not null,
    repeat integer not null,
    request_id uuid,
    result jsonb not null,
    calls uuid[] not null default '{}',
    primary key (run, "case", repeat)
);
create index check_results_case on check_results (project, "case");
create index check_results_calls on check_results using gin (calls);

-- What a judge said of an answer, by the digest of all that it was asked.
create table check_judgements (
    project text not null,
    digest bytea not null,
    score double precision not null,
    reason text not null,
    request_id uuid,
    said_at timestamptz not null default clock_timestamp(),
    primary key (project, digest)
);
create index check_judgements_request on check_judgements (request_id);
