-- The sums of charts and costs by the hour and by day, each by one name alone: a month by model reads some thousand rows
-- where quarters of an hour by all names together are a hundred thousand.

-- A sketch as one number, so that PostgreSQL adds two up at once: bucket n stands in the digits 12 n to 12 n + 11.
create function sketch_number(sketch integer[]) returns numeric language sql immutable parallel safe as $$
    select coalesce(string_agg(lpad(count::text, 12, '0'), '' order by place desc)::numeric, 0)
    from unnest(sketch) with ordinality as buckets (count, place)
$$;

-- `value` is empty for calls without such a name, and where `dimension` is: all calls together.
create table series_sums (
    dimension text not null check (dimension in ('', 'key', 'model', 'target', 'prompt', 'release')),
    step_s integer not null check (step_s in (3600, 86400)),
    project text not null,
    at timestamptz not null,
    value text not null,
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
    durations numeric not null,
    first_tokens numeric not null,
    primary key (dimension, step_s, project, at, value, status_class)
);

-- Adds up the quarters of an hour of a time that has no sums yet; its ends are midnights of UTC.
create function fill_series_sums(v_begin timestamptz, v_end timestamptz) returns void language sql as $$
    -- Materialized, so that each sketch is made a number once and not for each name.
    with r as materialized (
        select *, sketch_number(duration_sketch) as durations, sketch_number(first_token_sketch) as first_tokens
        from rollups where slot >= v_begin and slot < v_end
    )
    insert into series_sums
    select d.dimension, s.step_s, project, date_bin(make_interval(secs => s.step_s), slot, '2000-01-01Z'), d.value,
        status_class, sum(requests), sum(input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning),
        sum(cost_usd), sum(unpriced), sum(estimated), sum(durations), sum(first_tokens)
    from r
    cross join (values (3600), (86400)) s (step_s)
    cross join lateral (
        values ('', ''), ('key', key), ('model', model), ('target', target), ('prompt', prompt), ('release', release)
    ) d (dimension, value)
    group by 1, 2, 3, 4, 5, 6
$$;

select fill_series_sums('-infinity', 'infinity');
