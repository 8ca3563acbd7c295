-- What GenAI metrics of applications came to: sums by the hour. Never a part of costs or usage, which are counted from
-- calls. `key` is the one that they came with. No row-level security: every query takes project_ids.

create table metric_series (
    project text not null,
    series bytea not null,  -- digest of all of the following
    key text not null,
    name text not null,
    unit text not null,
    kind text not null check (kind in ('histogram', 'sum', 'gauge')),
    attributes jsonb not null,
    seen_on date not null default current_date,
    primary key (project, series)
);
create index metric_series_name on metric_series (project, name);

create table metric_points (
    project text not null,
    series bytea not null,
    slot timestamptz not null,
    count bigint not null default 0,
    total double precision not null default 0,
    least double precision,
    most double precision,
    last double precision,
    last_ns bigint not null default 0,
    buckets bytea,  -- msgpack: lower bound, upper bound, count of each; no bound is null
    primary key (project, series, slot)
);
create index metric_points_slot on metric_points (slot);

-- What each stream of points said last, so that what comes again, and what is added up since a start, counts once.
create table metric_streams (
    project text not null,
    stream bytea not null,
    seen_on date not null default current_date,
    state bytea,
    primary key (project, stream)
) with (fillfactor = 70);
