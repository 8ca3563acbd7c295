-- Answers of live traffic held against their context: rules, the calls that they chose, and keys for asking judges.

-- What is in force, for the shipper to choose by. `holder` is the process that works on a rule, until `held_until`.
create table grounding_rules (
    name text primary key,
    version text not null,
    definition jsonb not null,
    state jsonb,
    holder uuid,
    held_until timestamptz not null default '-infinity',
    began_at timestamptz not null default clock_timestamp(),
    passed_over bigint not null default 0
);

-- A call that a rule chose. `score` is null where it could not be told; `done_at` until it was held.
create table grounding_calls (
    rule text not null references grounding_rules (name) on delete cascade,
    request_id uuid not null,
    project text not null,
    at timestamptz not null default clock_timestamp(),
    done_at timestamptz,
    score double precision,
    unsupported integer not null default 0,
    cost_pico_usd bigint not null default 0,
    problem text not null default '',
    primary key (rule, request_id)
);
create index grounding_calls_open on grounding_calls (rule, at) where done_at is null;
create index grounding_calls_done on grounding_calls (rule, done_at) where done_at is not null;

create table grounding_keys (
    rule text not null references grounding_rules (name) on delete cascade,
    project text not null,
    key text not null,
    primary key (rule, project)
);
