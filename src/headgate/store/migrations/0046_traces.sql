-- Spans as they arrived (partitions by day of arrival, UTC), one row a trace, and what waits for a second look.
-- No row-level security here, so that COPY works: every query takes project_ids.

create table spans (
    day date not null,
    project text not null,
    trace_id uuid not null,
    span_id bigint not null,
    parent_id bigint,
    key text not null,
    name text not null,
    kind text not null,
    operation text not null,
    started_at timestamptz not null,
    duration_us bigint not null,
    status text not null check (status in ('unset', 'ok', 'error')),
    status_message text not null,
    provider text not null,
    model text not null,
    request_model text not null,
    response_id text not null,
    agent text not null,
    tool text not null,
    "user" text not null,
    session text not null,
    tags text[] not null,
    release text not null,
    environment text not null,
    service text not null,
    prompt text not null,
    prompt_version text not null,
    usage jsonb,
    cost_usd numeric,
    cost_source text not null,
    first_token_ms double precision,
    finish_reasons text[] not null,
    flags text[] not null,
    convention text not null,
    -- JSON as text: read whole, one span at a time. Empty where there is none.
    input text not null,
    output text not null,
    system text not null,
    details json not null,  -- usage_raw, tools, parameters, documents, events, links, resource, scope
    attributes text not null,
    primary key (project, trace_id, span_id, day)
) partition by range (day);
create table spans_default partition of spans default;

-- One row a trace, added up as spans and calls arrive; usage, cost and flags by settling, each call once.
create table traces (
    project text not null,
    trace_id uuid not null,
    name text not null default '',
    root_started_at timestamptz,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    first_day date not null,
    last_day date not null,
    spans bigint not null default 0,
    calls bigint not null default 0,
    errors bigint not null default 0,
    "user" text not null default '',
    session text not null default '',
    release text not null default '',
    environment text not null default '',
    service text not null default '',
    -- Sorted words such as model:gpt-5, provider:openai, tag:a, tool:search, agent:x, key:..., status:error.
    facets text[] not null default '{}',
    input bigint not null default 0,
    cache_read bigint not null default 0,
    cache_write bigint not null default 0,
    output bigint not null default 0,
    reasoning bigint not null default 0,
    cost_usd numeric,
    unpriced bigint not null default 0,
    flags text[] not null default '{}',
    changed_at timestamptz not null default clock_timestamp(),
    primary key (project, trace_id)
);
create index traces_started on traces (project, started_at desc, trace_id);
create index traces_session on traces (project, session, started_at) where session <> '';
create index traces_user on traces (project, "user", started_at) where "user" <> '';
create index traces_facets on traces using gin (facets);

-- Traces whose totals have to be counted again; settled once they have been quiet, or have waited, for a while.
create table trace_changes (
    project text not null,
    trace_id uuid not null,
    first_at timestamptz not null default clock_timestamp(),
    last_at timestamptz not null default clock_timestamp(),
    primary key (project, trace_id)
);

alter table requests add column parent_span_id bigint;
alter table requests add column response_id text not null default '';
