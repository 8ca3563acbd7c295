-- Which span a case came from, where others sent it. Scores of both answers of a compared call, by scorer, as
-- [present, candidate]: null until they were given.

alter table dataset_cases add column span_id bigint;
alter table rollout_pairs add column scores jsonb;

-- The keys with which scorers of a rollout ask models: one for each project that compared calls come from.
create table rollout_keys (
    rollout text not null,
    project text not null,
    key text not null,
    primary key (rollout, project)
);
