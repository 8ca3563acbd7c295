-- The sums of settled traces by day too: a month by model reads a day's row where it read 24.
create table trace_rollup_days (
    project text not null,
    day date not null,
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
    primary key (project, dimension, day, value)
);

insert into trace_rollup_days
select s.*, coalesce(k.sketch, '{}')
from (
    select project, (slot at time zone 'UTC')::date as day, dimension, value, sum(traces), sum(spans), sum(calls),
        sum(errors), sum(input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning), sum(cost_usd),
        sum(unpriced)
    from trace_rollups group by 1, 2, 3, 4
) s
left join (
    select project, day, dimension, value, array_agg(count order by place)::integer[] as sketch
    from (
        select project, (slot at time zone 'UTC')::date as day, dimension, value, place, sum(number) as count
        from trace_rollups, unnest(duration_sketch) with ordinality as counts (number, place)
        group by 1, 2, 3, 4, 5
    ) buckets
    group by 1, 2, 3, 4
) k using (project, day, dimension, value);
