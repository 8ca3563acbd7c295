-- A call and its shadow, as both arms of a rollout's stage answered it. `unit` is a digest: it tells units apart and
-- names nobody. What is null was not compared.
create table rollout_pairs (
    place bigint generated always as identity primary key,
    version text not null,
    project text not null,
    unit text not null,
    at timestamptz not null,
    call uuid not null,
    shadow uuid not null,
    present_failed boolean not null,
    candidate_failed boolean not null,
    present_refused boolean not null,
    candidate_refused boolean not null,
    present_ms bigint,
    candidate_ms bigint,
    present_usd numeric,
    candidate_usd numeric,
    present_characters bigint,
    candidate_characters bigint,
    same_finish boolean,
    same_tools boolean,
    same_text boolean,
    keeps_form boolean
);
create index rollout_pairs_units on rollout_pairs (version, project, unit, place);
create index rollout_pairs_calls on rollout_pairs (call);
create index rollout_pairs_shadows on rollout_pairs (shadow);
create table rollout_left_out (
    version text not null,
    reason text not null,
    calls bigint not null,
    primary key (version, reason)
);
