-- Sums know the environment of a call: one more name of `rollups`, one more dimension of `series_sums`.
-- What a version before this one writes beside newer ones has none.
alter table rollups add column environment text not null default '';

-- Wider than before, so that what is there need not be read.
alter table series_sums drop constraint series_sums_dimension_check;
alter table series_sums add constraint series_sums_dimension_check
    check (dimension in ('', 'key', 'model', 'target', 'prompt', 'release', 'environment')) not valid;

-- Adds up the quarters of an hour of a time that has no sums yet, by these dimensions, or by all; its ends are
-- midnights of UTC.
drop function fill_series_sums(timestamptz, timestamptz);
create function fill_series_sums(v_begin timestamptz, v_end timestamptz, v_dimensions text[] default null)
returns void language sql as $$
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
        values ('', ''), ('key', key), ('model', model), ('target', target), ('prompt', prompt), ('release', release),
            ('environment', environment)
    ) d (dimension, value)
    where v_dimensions is null or d.dimension = any(v_dimensions)
    group by 1, 2, 3, 4, 5, 6
$$;
