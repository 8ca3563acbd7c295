-- Of sums by one name alone. All take project_ids: null for all projects, which only an admin may ask for.

-- name: summed_projects
-- From one to the next in the index, so that many sums of few projects are no matter.
with recursive found (project) as (
    (select project from series_sums where dimension = '' and step_s = 86400 order by project limit 1)
    union all
    select (
        select s.project from series_sums s
        where s.dimension = '' and s.step_s = 86400 and s.project > found.project
        order by s.project limit 1
    )
    from found where found.project is not null
)
select project from found
where project is not null and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: costs_by_name
with parts as (
    select * from unnest(%(steps)s::int[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
        as part (step_s, begins, ends)
), found as (
    select s.at, s.project, s.value, requests, input, cache_read, cache_write, output, reasoning, cost_usd, unpriced,
        estimated
    from parts
    join series_sums s on s.step_s = parts.step_s and s.at >= parts.begins and s.at < parts.ends
    where s.dimension = %(dimension)s and s.project = any(%(project_ids)s::text[])
    union all
    select r.slot, r.project,
        case %(dimension)s::text
            when 'key' then r.key when 'model' then r.model when 'target' then r.target when 'prompt' then r.prompt
            when 'release' then r.release else ''
        end,
        requests, input, cache_read, cache_write, output, reasoning, cost_usd, unpriced, estimated
    from parts
    join rollups r on parts.step_s = 900 and r.slot >= parts.begins and r.slot < parts.ends
    where r.project = any(%(project_ids)s::text[])
)
select
    case %(interval)s::text
        when 'hour' then date_trunc('hour', at, 'UTC') when 'day' then date_trunc('day', at, 'UTC')
    end as start,
    case when %(by_project)s::bool then project end as project,
    null, null, null, null, null,
    case when %(by_value)s::bool then value end as value,
    sum(requests), sum(input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning), sum(cost_usd),
    sum(unpriced), sum(estimated)
from found
where %(only)s::text is null or value = %(only)s
    or (%(dimension)s = 'target' and starts_with(value, %(only)s || '/'))
group by 1, 2, 8
order by 1 nulls first, sum(cost_usd) desc, 2, 8 limit %(limit)s;

-- name: costs_by_names
select
    case %(interval)s::text
        when 'hour' then date_trunc('hour', slot, 'UTC') when 'day' then date_trunc('day', slot, 'UTC')
    end as start,
    case when %(by_project)s::bool then project end as project,
    case when %(by_model)s::bool then model end as model,
    case when %(by_target)s::bool then target end as target,
    case when %(by_key)s::bool then key end as key,
    case when %(by_prompt)s::bool then prompt end as prompt,
    case when %(by_release)s::bool then release end as release,
    null as value,
    sum(requests), sum(input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning), sum(cost_usd),
    sum(unpriced), sum(estimated)
from rollups
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(key)s::text is null or key = %(key)s)
    and (%(model)s::text is null or model = %(model)s)
    and (%(target)s::text is null or target = %(target)s or starts_with(target, %(target)s || '/'))
    and (%(prompt)s::text is null or prompt = %(prompt)s)
    and (%(release)s::text is null or release = %(release)s)
    and (%(begin)s::timestamptz is null or slot >= %(begin)s)
    and (%(end)s::timestamptz is null or slot < %(end)s)
group by 1, 2, 3, 4, 5, 6, 7
order by 1 nulls first, sum(cost_usd) desc, 2, 3, 4, 5, 6, 7 limit %(limit)s;

-- name: costs_by_value
select
    case when %(interval)s::text = 'day' then day::timestamp at time zone 'UTC' end as start,
    case when %(by_project)s::bool then project end as project,
    null, null, null, null, null,
    value,
    sum(requests), sum(input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning), sum(cost_usd),
    sum(unpriced), sum(estimated)
from rollup_days
where dimension = %(dimension)s
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(begin)s::date is null or day >= %(begin)s)
    and (%(end)s::date is null or day < %(end)s)
group by 1, 2, value
order by 1 nulls first, sum(cost_usd) desc, 2, value limit %(limit)s;

-- name: facets_by_name
-- Calls by the values of each dimension asked for, and by the class of their status.
with parts as (
    select * from unnest(%(steps)s::int[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
        as part (step_s, begins, ends)
), found as (
    select case s.dimension when '' then 'status' else s.dimension end as facet,
        case when s.dimension <> '' then s.value when s.status_class < 4 then 'ok' else s.status_class || 'xx' end
            as value, s.requests
    from parts
    join series_sums s on s.step_s = parts.step_s and s.at >= parts.begins and s.at < parts.ends
    where s.dimension = any(array_replace(%(dimensions)s::text[], 'status', ''))
        and s.project = any(%(project_ids)s::text[])
        and (%(classes)s::int[] is null or s.status_class = any(%(classes)s::int[]))
    union all
    select f.facet, f.value, r.requests
    from parts
    join rollups r on parts.step_s = 900 and r.slot >= parts.begins and r.slot < parts.ends
    cross join lateral (values
        ('status', case when r.status_class < 4 then 'ok' else r.status_class || 'xx' end), ('model', r.model),
        ('target', r.target), ('prompt', r.prompt), ('release', r.release), ('key', r.key)
    ) f (facet, value)
    where r.project = any(%(project_ids)s::text[]) and f.facet = any(%(dimensions)s::text[])
        and (%(classes)s::int[] is null or r.status_class = any(%(classes)s::int[]))
)
select facet, value, sum(requests) from found group by 1, 2;

-- name: facets_by_names
-- The same within a part of all calls: added up before the values are taken apart.
with chosen as materialized (
    select model, target, prompt, release, key, status_class, sum(requests) as requests
    from rollups
    where project = any(%(project_ids)s::text[]) and slot >= %(begin)s and slot < %(end)s
        and (%(key)s::text is null or key = %(key)s)
        and (%(model)s::text is null or model = %(model)s)
        and (%(target)s::text is null or target = %(target)s or starts_with(target, %(target)s || '/'))
        and (%(prompt)s::text is null or prompt = %(prompt)s)
        and (%(release)s::text is null or release = %(release)s)
        and (%(classes)s::int[] is null or status_class = any(%(classes)s::int[]))
    group by 1, 2, 3, 4, 5, 6
)
select f.facet, f.value, sum(c.requests)
from chosen c cross join lateral (values
    ('status', case when c.status_class < 4 then 'ok' else c.status_class || 'xx' end), ('model', c.model),
    ('target', c.target), ('prompt', c.prompt), ('release', c.release), ('key', c.key)
) f (facet, value)
where f.facet = any(%(dimensions)s::text[])
group by 1, 2;
