-- Experiments: what was defined, which unit is in which arm, which call belongs to which unit, and what was decided.
-- A version is the digest of all that assignment depends on; it names one experiment for ever.

alter table requests add column exposures jsonb not null default '[]';

create table experiments (
    version text primary key,
    name text not null,
    definition jsonb not null,
    started_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz
);
create index experiments_name on experiments (name, started_at desc);

-- One row a unit: its first exposure, whose arm it keeps, and sums over its calls within the window.
create table experiment_units (
    version text not null,
    project text not null,
    unit text not null,
    arm text not null,
    first_at timestamptz not null,
    calls bigint not null,
    errors bigint not null,
    refusals bigint not null,
    duration_ms double precision not null,
    cost_usd numeric not null,
    unpriced bigint not null,
    crossed bigint not null,
    primary key (version, project, unit)
);

-- Which unit a call belongs to, for feedback that names the call, its trace or its session.
create table experiment_calls (
    version text not null,
    project text not null,
    request uuid not null,
    trace_id uuid,
    session text not null,
    unit text not null,
    arm text not null,
    at timestamptz not null,
    primary key (version, request)
);
create index experiment_calls_unit on experiment_calls (project, unit);
create index experiment_calls_session on experiment_calls (project, session) where session <> '';
create index experiment_calls_trace on experiment_calls (project, trace_id) where trace_id is not null;

-- Calls that were in no arm, since their unit was not known.
create table experiment_strays (
    version text not null,
    project text not null,
    calls bigint not null,
    primary key (version, project)
);

create table experiment_decisions (
    version text primary key,
    name text not null,
    decided_at timestamptz not null,
    decided_by text not null,
    sealed text not null,
    seal text not null
);
create index experiment_decisions_name on experiment_decisions (name, decided_at desc);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'a decision is sealed: it is neither changed nor deleted';
end
$$;
create trigger experiment_decisions_sealed before update or delete on experiment_decisions
    for each row execute function refuse_change();
create trigger experiment_decisions_kept before truncate on experiment_decisions
    for each statement execute function refuse_change();
