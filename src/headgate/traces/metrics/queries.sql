-- GenAI metrics of applications. See traces/metrics/sink.py and traces/metrics/reading.py.

-- name: open_streams
insert into metric_streams (project, stream)
select * from unnest(%(projects)s::text[], %(streams)s::bytea[]) as n (project, stream) order by project, stream
on conflict do nothing;

-- name: lock_streams
select s.project, s.stream, s.state
from metric_streams s
join unnest(%(projects)s::text[], %(streams)s::bytea[]) as n (project, stream)
    on s.project = n.project and s.stream = n.stream
where s.project = any(%(project_ids)s::text[])
order by s.project, s.stream
for update of s;

-- name: keep_streams
update metric_streams s set state = n.state, seen_on = current_date
from unnest(%(projects)s::text[], %(streams)s::bytea[], %(states)s::bytea[]) as n (project, stream, state)
where s.project = n.project and s.stream = n.stream and s.project = any(%(project_ids)s::text[]);

-- name: known_series
-- Which of the series that are asked for are there, and how many each name has in its project.
select n.place, s.series is not null, (
    select count(*) from metric_series c
    where c.project = n.project and c.name = n.name and c.project = any(%(project_ids)s::text[])
)
from unnest(%(projects)s::text[], %(names)s::text[], %(series)s::bytea[])
    with ordinality as n (project, name, series, place)
left join metric_series s on s.project = n.project and s.series = n.series and s.project = any(%(project_ids)s::text[])
order by n.place;

-- name: add_series
insert into metric_series as s (project, series, key, name, unit, kind, attributes)
select n.project, n.series, n.key, n.name, n.unit, n.kind, n.attributes::jsonb
from unnest(
    %(projects)s::text[], %(series)s::bytea[], %(keys)s::text[], %(names)s::text[], %(units)s::text[],
    %(kinds)s::text[], %(attributes)s::text[]
) as n (project, series, key, name, unit, kind, attributes)
order by n.project, n.series
on conflict (project, series) do update set seen_on = current_date where s.seen_on < current_date;

-- name: open_points
insert into metric_points (project, series, slot)
select * from unnest(%(projects)s::text[], %(series)s::bytea[], %(slots)s::timestamptz[]) as n (project, series, slot)
order by project, series, slot
on conflict do nothing;

-- name: lock_points
select n.place, p.count, p.total, p.least, p.most, p.last, p.last_ns, p.buckets
from metric_points p
join unnest(%(projects)s::text[], %(series)s::bytea[], %(slots)s::timestamptz[])
    with ordinality as n (project, series, slot, place)
    on p.project = n.project and p.series = n.series and p.slot = n.slot
where p.project = any(%(project_ids)s::text[])
order by p.project, p.series, p.slot
for update of p;

-- name: keep_points
update metric_points p set count = n.count, total = n.total, least = n.least, most = n.most, last = n.last,
    last_ns = n.last_ns, buckets = n.buckets
from unnest(
    %(projects)s::text[], %(series)s::bytea[], %(slots)s::timestamptz[], %(counts)s::bigint[], %(totals)s::float8[],
    %(leasts)s::float8[], %(mosts)s::float8[], %(lasts)s::float8[], %(times)s::bigint[], %(buckets)s::bytea[]
) as n (project, series, slot, count, total, least, most, last, last_ns, buckets)
where p.project = n.project and p.series = n.series and p.slot = n.slot and p.project = any(%(project_ids)s::text[]);

-- name: list_metrics
select s.name, s.unit, s.kind, count(*), array(
    select distinct k from metric_series o, jsonb_object_keys(o.attributes) k
    where o.name = s.name and (%(project_ids)s::text[] is null or o.project = any(%(project_ids)s::text[]))
        and (%(key)s::text is null or o.key = %(key)s)
    order by k
), array_remove(array_agg(distinct s.attributes ->> 'service.name' order by s.attributes ->> 'service.name'), null),
    max(l.slot)
from metric_series s
left join lateral (
    -- By the hour: the newest of a series, by its key.
    select p.slot from metric_points p
    where p.project = s.project and p.series = s.series order by p.slot desc limit 1
) l on true
where (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
    and (%(key)s::text is null or s.key = %(key)s)
group by s.name, s.unit, s.kind
order by s.name, s.unit, s.kind
limit %(limit)s;

-- name: read_points
select p.slot, s.unit, s.kind, coalesce(s.attributes ->> %(group_by)s::text, ''), p.count, p.total, p.least, p.most,
    p.last, p.last_ns, p.buckets
from metric_series s
join metric_points p on p.project = s.project and p.series = s.series
where (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
    and (%(key)s::text is null or s.key = %(key)s)
    and s.name = %(name)s and s.attributes @> %(attributes)s::jsonb
    and p.slot >= %(begin)s and p.slot < %(end)s
order by p.slot, s.unit, s.kind
limit %(limit)s;

-- name: list_metric_projects
select distinct project from metric_streams
where %(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]);

-- name: expire_points
delete from metric_points where project = any(%(project_ids)s) and slot < current_date - %(days)s::int;

-- name: expire_series
delete from metric_series where project = any(%(project_ids)s) and seen_on < current_date - %(days)s::int;

-- name: expire_streams
delete from metric_streams where project = any(%(project_ids)s) and seen_on < current_date - %(days)s::int;
