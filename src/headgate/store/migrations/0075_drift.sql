-- Drift: what each watch knows, the runs and answers of canaries, and alarms.
-- A watch is 'canary/NAME/provider/model' or 'traffic/...'; `version` says what of its state depends on.

create table drift_watches (
    watch text primary key,
    version text not null,
    state jsonb not null,
    values_a_day double precision not null,
    since timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp()
);

create table drift_keys (
    canary text primary key,
    key text not null
);

create table drift_runs (
    id bigint generated always as identity primary key,
    canary text not null,
    target text not null,
    version text not null,
    due_at timestamptz not null,
    asked_by text not null,
    state text not null check (state in ('asked', 'running', 'done', 'failed', 'abandoned')),
    started_at timestamptz,
    seen_at timestamptz,
    ended_at timestamptz,
    answers integer not null default 0,
    failed integer not null default 0,
    cost_usd numeric not null default 0,
    note text not null default '',
    unique (canary, target, due_at)
);
create index drift_runs_open on drift_runs (id) where state in ('asked', 'running');

create table drift_answers (
    run bigint not null references drift_runs (id) on delete cascade,
    place integer not null,
    watch text not null,
    at timestamptz not null,
    "case" text not null,
    is_reference boolean not null,
    signals jsonb not null,
    characters integer not null,
    text text not null,
    call uuid,
    primary key (run, place)
);
create index drift_answers_watch on drift_answers (watch, at);

create table drift_alarms (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    kind text not null check (kind in ('canary', 'traffic', 'served')),
    watch text not null,
    target text not null,
    project text not null default '',
    since timestamptz not null,
    sentence text not null,
    finding jsonb not null,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text not null default ''
);
create index drift_alarms_at on drift_alarms (at);
create index drift_alarms_open on drift_alarms (watch) where acknowledged_at is null;
