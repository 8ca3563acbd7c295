-- Whose dataset's cases a canary's run asked: an erasure finds what was answered to them.
alter table drift_runs add column project text not null default '', add column dataset text not null default '';
create index drift_runs_dataset on drift_runs (project, dataset) where dataset <> '';

-- The ids of cases that are erased: what comes late of runs that asked them is known by them.
create table erasure_cases (
    erasure uuid not null references erasures on delete cascade,
    dataset text not null,
    id text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (erasure, dataset, id)
);

-- How many cases the largest cluster of a run's dataset has: what a comparison of clusters is bounded by.
alter table check_runs add column largest_cluster integer not null default 1;
