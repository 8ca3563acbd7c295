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

-- One row a trace, added up as spans and calls arrive. Settling then writes calls (of models, each once), errors,
-- usage, cost and flags. Days are those of arrival, of spans and of recorded calls.
create table traces (
    project text not null,
    trace_id uuid not null,
    name text not null default '',
    root_started_at timestamptz,
    -- Whether a span gave the trace its name by saying so; a root's own name gives way to that.
    is_named boolean not null default false,
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
    -- What settling has put into trace_rollups for this trace (msgpack), so that it can be taken out again.
    counted bytea,
    primary key (project, trace_id)
) with (fillfactor = 80);
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
) with (fillfactor = 60);
create index trace_changes_first on trace_changes (first_at);

-- Spans whose words are still to be taken into span_words; a row names those of one batch.
create table text_queue (
    id bigint generated always as identity primary key,
    day date not null,
    project text not null,
    trace_ids uuid[] not null,
    span_ids bigint[] not null
);

create table span_words (
    day date not null,
    project text not null,
    trace_id uuid not null,
    span_id bigint not null,
    words tsvector not null,
    primary key (project, trace_id, span_id, day)
) partition by range (day);
create index span_words_words on span_words using gin (words);
create table span_words_default partition of span_words default;

-- Sums of settled traces by the hour in which they began. `dimension` is '' for all of a project, else name,
-- service, environment, release, model (usage and cost of its own calls, durations of these); `value` is capped in
-- number by slot and dimension, what is beyond is 'other'. Durations are of whole traces but for models.
create table trace_rollups (
    project text not null,
    slot timestamptz not null,
    dimension text not null,
    value text not null,
    traces bigint not null,
    spans bigint not null,
    calls bigint not null,
    errors bigint not null,
    input bigint not null,
    cache_read bigint not null,
    cache_write bigint not null,
    output bigint not null,
    reasoning bigint not null,
    cost_usd numeric not null,
    unpriced bigint not null,
    duration_sketch integer[] not null,
    primary key (project, slot, dimension, value)
);

-- As before, for the tables of traces too. A day whose rows already went to the default partition stays there.
create or replace function ensure_partitions(days date[]) returns void language plpgsql as $$
declare
    v_day date;
    v_parent text;
    v_name text;
    v_taken boolean;
begin
    for v_day in select distinct d from unnest(days) d order by d loop
        foreach v_parent in array array['requests', 'request_bodies', 'messages', 'spans', 'span_words'] loop
            v_name := v_parent || '_' || to_char(v_day, 'YYYYMMDD');
            continue when to_regclass(v_name) is not null;
            perform pg_advisory_xact_lock(hashtext('headgate partitions'));
            continue when to_regclass(v_name) is not null;
            execute format('select exists (select from %I where day = %L)', v_parent || '_default', v_day)
                into v_taken;
            continue when v_taken;
            -- An advisory lock does not refresh what this session remembers of names: `if not exists` does.
            execute format(
                'create table if not exists %I partition of %I for values from (%L) to (%L)',
                v_name, v_parent, v_day, v_day + 1
            );
        end loop;
    end loop;
end
$$;

-- What spans say compresses well, and quickly where the server has lz4.
do $$
declare
    v_column text;
begin
    foreach v_column in array array['input', 'output', 'system', 'details', 'attributes'] loop
        execute format('alter table spans alter column %I set compression lz4', v_column);
    end loop;
exception when feature_not_supported then
    raise notice 'this server has no lz4';
end
$$;

alter table requests add column parent_span_id bigint;
alter table requests add column response_id text not null default '';
