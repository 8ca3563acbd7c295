-- Requests on record, their bodies and messages (partitions by day, UTC), live calls, and rollups.
-- Rows are written once, by the shipper. No row-level security here, so that COPY works: every query on
-- requests, request_bodies and messages takes project_ids.

create table requests (
    day date not null,
    id uuid not null,
    boot uuid not null,
    project text not null,
    key text not null,
    "user" text not null,
    session text not null,
    tags text[] not null,
    started_at timestamptz not null,
    duration_ms bigint not null,
    first_token_ms bigint,
    dialect text not null,
    operation text not null,
    stream boolean not null,
    model text not null,
    target text not null,
    status integer not null,
    code text not null,
    message text not null,
    attempts jsonb not null,
    excluded jsonb not null,
    changes text[] not null,
    snapshot text not null,
    release text not null,
    prompts jsonb not null default '[]',
    trace_id text not null,
    usage jsonb not null,
    cost_usd numeric,
    estimated boolean not null,
    truncated boolean not null,
    label_regions text[],
    record text not null,
    provider_request_id text not null,
    primary key (day, id)
) partition by range (day);
create index requests_project on requests (project, day, id);
create index requests_key on requests (project, key, day, id);
create index requests_user on requests (project, "user", day, id) where "user" <> '';
create index requests_session on requests (project, session, day, id) where session <> '';
create index requests_trace on requests (project, trace_id, day) where trace_id <> '';
create table requests_default partition of requests default;

-- A request's body is request_raw[1] || message 1 || request_raw[2] || ... || request_raw[n + 1].
create table request_bodies (
    day date not null,
    id uuid not null,
    project text not null,
    request_raw bytea[] not null,
    request_messages bytea[] not null,
    response bytea not null,
    request_digest bytea not null,
    response_digest bytea not null,
    request_length bigint not null,
    response_length bigint not null,
    response_content_type text not null,
    primary key (day, id)
) partition by range (day);
create table request_bodies_default partition of request_bodies default;

-- Each message once per project and day, found by its HMAC under the project's secret.
create table messages (
    project text not null,
    day date not null,
    hmac bytea not null,
    body bytea not null,
    primary key (project, day, hmac)
) partition by range (day);
create table messages_default partition of messages default;

create table project_secrets (
    project text primary key,
    secret bytea not null,
    created_at timestamptz not null default clock_timestamp()
);

create table open_calls (
    id uuid primary key,
    boot uuid not null,
    attempt integer not null,
    started_at timestamptz not null,
    target text not null,
    project text not null,
    key text not null,
    "user" text not null,
    model text not null,
    tags text[] not null,
    reserved_usd numeric not null
);
create index open_calls_project on open_calls (project, started_at);
create index open_calls_boot on open_calls (boot);

-- `dimensions` is a digest of the columns from project to status_class: names may be longer than an index takes.
create table rollups (
    slot timestamptz not null,
    dimensions uuid not null,
    project text not null,
    key text not null,
    target text not null,
    model text not null,
    prompt text not null,
    release text not null,
    status_class integer not null,
    requests bigint not null,
    input bigint not null,
    cache_read bigint not null,
    cache_write bigint not null,
    output bigint not null,
    reasoning bigint not null,
    cost_usd numeric not null,
    unpriced bigint not null,
    estimated bigint not null,
    duration_sketch integer[] not null,
    first_token_sketch integer[] not null,
    primary key (slot, dimensions)
);
create index rollups_project on rollups (project, slot);

-- Sums by user and by tag. `value` is capped in number by project and day; what is beyond is 'other'.
create table rollup_days (
    project text not null,
    day date not null,
    dimension text not null check (dimension in ('user', 'tag')),
    value text not null,
    requests bigint not null,
    input bigint not null,
    cache_read bigint not null,
    cache_write bigint not null,
    output bigint not null,
    reasoning bigint not null,
    cost_usd numeric not null,
    unpriced bigint not null,
    estimated bigint not null,
    primary key (project, day, dimension, value)
);

create function add_sketches(one integer[], other integer[]) returns integer[]
language sql immutable parallel safe as $$
    select coalesce(array_agg(coalesce(a, 0) + coalesce(b, 0) order by place), '{}')
    from unnest(one, other) with ordinality as pairs(a, b, place)
$$;

create aggregate sum_sketches(integer[]) (sfunc = add_sketches, stype = integer[], initcond = '{}');

-- The text of bytes that are some, for searching: a body may be anything.
create function text_of(data bytea) returns text language plpgsql immutable as $$
begin
    return convert_from(data, 'UTF8');
exception when others then
    return '';
end
$$;

-- A day whose rows already went to the default partition stays there.
create function ensure_partitions(days date[]) returns void language plpgsql as $$
declare
    v_day date;
    v_parent text;
    v_name text;
    v_taken boolean;
begin
    for v_day in select distinct d from unnest(days) d order by d loop
        foreach v_parent in array array['requests', 'request_bodies', 'messages'] loop
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
