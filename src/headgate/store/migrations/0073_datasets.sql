-- Datasets: named collections of cases to check with. A version holds the cases that were there at its number.

create table datasets (
    project text not null,
    name text not null,
    version integer not null,
    digest text not null,
    cases integer not null,
    created_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    primary key (project, name)
);

create table dataset_versions (
    project text not null,
    name text not null,
    version integer not null,
    digest text not null,
    cases integer not null,
    made_at timestamptz not null default clock_timestamp(),
    made_by text not null,
    primary key (project, name, version)
);

-- A case is in the versions from first_version up to the one before gone_version. Who it came from, where it came from a
-- call, so that erasures find it.
create table dataset_cases (
    project text not null,
    dataset text not null,
    id text not null,
    first_version integer not null,
    gone_version integer,
    digest bytea not null,
    body jsonb not null,
    request_id uuid,
    trace_id uuid,
    session text not null default '',
    "user" text not null default '',
    key text not null default '',
    added_at timestamptz not null default clock_timestamp(),
    primary key (project, dataset, id, first_version)
);
create index dataset_cases_user on dataset_cases (project, "user") where "user" <> '';
create index dataset_cases_session on dataset_cases (project, session) where session <> '';
create index dataset_cases_trace on dataset_cases (project, trace_id) where trace_id is not null;
create index dataset_cases_request on dataset_cases (project, request_id) where request_id is not null;
