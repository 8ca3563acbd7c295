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
            when 'release' then r.release when 'environment' then r.environment else ''
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
    null, null, null, null, null, null,
    case when %(by_value)s::bool then value when %(by_provider)s::bool then split_part(value, '/', 1) end as value,
    sum(requests), sum(input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning), sum(cost_usd),
    sum(unpriced), sum(estimated)
from found
where %(only)s::text is null or value = %(only)s
    or (%(dimension)s = 'target' and starts_with(value, %(only)s || '/'))
group by 1, 2, 9
order by 1 nulls first, sum(cost_usd) desc, 2, 9 limit %(limit)s;

-- name: costs_by_names
select
    case %(interval)s::text
        when 'hour' then date_trunc('hour', slot, 'UTC') when 'day' then date_trunc('day', slot, 'UTC')
    end as start,
    case when %(by_project)s::bool then project end as project,
    case when %(by_model)s::bool then model end as model,
    case when %(by_target)s::bool then target when %(by_provider)s::bool then split_part(target, '/', 1) end as target,
    case when %(by_key)s::bool then key end as key,
    case when %(by_prompt)s::bool then prompt end as prompt,
    case when %(by_release)s::bool then release end as release,
    case when %(by_environment)s::bool then environment end as environment,
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
    and (%(environment)s::text is null or environment = %(environment)s)
    and (%(begin)s::timestamptz is null or slot >= %(begin)s)
    and (%(end)s::timestamptz is null or slot < %(end)s)
group by 1, 2, 3, 4, 5, 6, 7, 8
order by 1 nulls first, sum(cost_usd) desc, 2, 3, 4, 5, 6, 7, 8 limit %(limit)s;

-- name: costs_by_value
select
    case when %(interval)s::text = 'day' then day::timestamp at time zone 'UTC' end as start,
    case when %(by_project)s::bool then project end as project,
    null, null, null, null, null, null,
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

-- part: days_of_sessions
(%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
        and (%(begin)s::date is null or day >= %(begin)s)
        and (%(end)s::date is null or day < %(end)s)

-- name: costs_by_session
-- The dearest are found by their costs alone: sessions are many. They have sums since these are kept, and lose them
-- with their records and erasures: what all sums of a day count beside them is of no session that is known.
with dearest as materialized (
    select case when %(interval)s::text = 'day' then day end as day,
        case when %(by_project)s::bool then project end as project, session, sum(cost_usd) as cost_usd
    from session_days where [days_of_sessions]
    group by 1, 2, 3 order by 1 nulls first, 4 desc, 2, 3 limit %(limit)s
), counted as (
    select (at at time zone 'UTC')::date as day, project, requests, input, cache_read, cache_write, output, reasoning,
        cost_usd, unpriced, estimated
    from series_sums
    where dimension = '' and step_s = 86400
    union all
    select day, project, -requests, -input, -cache_read, -cache_write, -output, -reasoning, -cost_usd, -unpriced,
        -estimated
    from session_days where [days_of_sessions]
)
select day::timestamp at time zone 'UTC' as start, project, null, null, null, null, null, null, session, requests,
    input, cache_read, cache_write, output, reasoning, cost_usd, unpriced, estimated
from (
    select d.day, d.project, d.session, sum(requests) as requests, sum(input) as input, sum(cache_read) as cache_read,
        sum(cache_write) as cache_write, sum(output) as output, sum(reasoning) as reasoning,
        sum(s.cost_usd) as cost_usd, sum(unpriced) as unpriced, sum(estimated) as estimated
    from dearest d
    join (select * from session_days where [days_of_sessions]) s on s.session = d.session
        and (d.day is null or s.day = d.day) and (d.project is null or s.project = d.project)
    group by 1, 2, 3
    union all
    select case when %(interval)s::text = 'day' then day end, case when %(by_project)s::bool then project end, null,
        sum(requests), sum(input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning), sum(cost_usd),
        sum(unpriced), sum(estimated)
    from counted where [days_of_sessions]
    group by 1, 2 having sum(requests) > 0
) s
order by 1 nulls first, cost_usd desc, 2, session limit %(limit)s;

-- name: facets_by_name
-- Calls by the values of each dimension asked for, and by the class of their status: of all, or of `only` one value of
-- the dimension `of`.
with parts as (
    select * from unnest(%(steps)s::int[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
        as part (step_s, begins, ends)
), found as (
    select case s.dimension when %(of)s then 'status' else s.dimension end as facet, s.status_class,
        s.value, s.requests
    -- Each part by itself from the index: joined, the whole table seems as cheap.
    from parts cross join lateral (
        select * from series_sums k
        where k.dimension = any(array_replace(%(dimensions)s::text[], 'status', %(of)s::text))
            and k.step_s = parts.step_s and k.project = any(%(project_ids)s::text[])
            and k.at >= parts.begins and k.at < parts.ends
        offset 0
    ) s
    where %(only)s::text is null or s.value = %(only)s
        or (s.dimension = 'target' and starts_with(s.value, %(only)s || '/'))
    union all
    select f.facet, r.status_class, f.value, r.requests
    from parts
    join rollups r on parts.step_s = 900 and r.slot >= parts.begins and r.slot < parts.ends
    cross join lateral (values
        ('status', ''), ('model', r.model), ('target', r.target), ('prompt', r.prompt), ('release', r.release),
        ('environment', r.environment), ('key', r.key)
    ) f (facet, value)
    cross join lateral (
        select case %(of)s::text
            when 'key' then r.key when 'model' then r.model when 'target' then r.target when 'prompt' then r.prompt
            when 'release' then r.release when 'environment' then r.environment else ''
        end
    ) o (value)
    where r.project = any(%(project_ids)s::text[]) and f.facet = any(%(dimensions)s::text[])
        and (%(only)s::text is null or o.value = %(only)s
            or (%(of)s = 'target' and starts_with(o.value, %(only)s || '/')))
)
select facet,
    case when facet <> 'status' then value when status_class < 4 then 'ok' else status_class || 'xx' end,
    sum(requests)
from found
where %(classes)s::int[] is null or status_class = any(%(classes)s::int[])
group by 1, 2;

-- name: calls_of_names
-- How many calls have each of some names, by class of their status; the empty dimension is all calls.
with parts as (
    select * from unnest(%(steps)s::int[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
        as part (step_s, begins, ends)
), named as (
    select * from unnest(%(dimensions)s::text[], %(values)s::text[]) as n (dimension, value)
)
select n.dimension, s.status_class, sum(s.requests)
from named n
cross join parts
cross join lateral (
    select * from series_sums k
    where k.dimension = n.dimension and k.step_s = parts.step_s and k.project = any(%(project_ids)s::text[])
        and k.at >= parts.begins and k.at < parts.ends
    offset 0
) s
where s.value = n.value or (s.dimension = 'target' and starts_with(s.value, n.value || '/'))
group by 1, 2;

-- part: freed_filters_failed
-- Of the filters under which their own facet is not counted.
    case when 'model' = any(%(freed)s::text[]) and model <> %(model)s then 1 else 0 end
    + case when 'target' = any(%(freed)s::text[]) and target <> %(target)s
        and not starts_with(target, %(target)s || '/') then 1 else 0 end
    + case when 'prompt' = any(%(freed)s::text[]) and prompt <> %(prompt)s then 1 else 0 end
    + case when 'release' = any(%(freed)s::text[]) and release <> %(release)s then 1 else 0 end
    + case when 'environment' = any(%(freed)s::text[]) and environment <> %(environment)s then 1 else 0 end
    + case when 'key' = any(%(freed)s::text[]) and key <> %(key)s then 1 else 0 end
    + case when 'status' = any(%(freed)s::text[]) and status_class <> all(%(classes)s::int[]) then 1 else 0 end

-- name: facets_by_names
-- The same within a part of all calls, in one reading: facets that are `freed` count what all filters but their own let
-- through. Added up before the values are taken apart.
with chosen as materialized (
    select model, target, prompt, release, environment, key, status_class, [freed_filters_failed] as failed,
        sum(requests) as requests
    from rollups
    where project = any(%(project_ids)s::text[]) and slot >= %(begin)s and slot < %(end)s
        and (%(model)s::text is null or model = %(model)s or 'model' = any(%(freed)s::text[]))
        and (%(target)s::text is null or target = %(target)s or starts_with(target, %(target)s || '/')
            or 'target' = any(%(freed)s::text[]))
        and (%(prompt)s::text is null or prompt = %(prompt)s or 'prompt' = any(%(freed)s::text[]))
        and (%(release)s::text is null or release = %(release)s or 'release' = any(%(freed)s::text[]))
        and (%(environment)s::text is null or environment = %(environment)s or 'environment' = any(%(freed)s::text[]))
        and (%(key)s::text is null or key = %(key)s or 'key' = any(%(freed)s::text[]))
        and (%(classes)s::int[] is null or status_class = any(%(classes)s::int[]) or 'status' = any(%(freed)s::text[]))
        and [freed_filters_failed] <= 1
    group by 1, 2, 3, 4, 5, 6, 7, 8
)
select f.facet, f.value, sum(c.requests)
from chosen c cross join lateral (values
    ('status', case when c.status_class < 4 then 'ok' else c.status_class || 'xx' end,
        c.status_class <> all(%(classes)s::int[])),
    ('model', c.model, c.model <> %(model)s), ('prompt', c.prompt, c.prompt <> %(prompt)s),
    ('target', c.target, c.target <> %(target)s and not starts_with(c.target, %(target)s || '/')),
    ('release', c.release, c.release <> %(release)s),
    ('environment', c.environment, c.environment <> %(environment)s), ('key', c.key, c.key <> %(key)s)
) f (facet, value, fails)
where f.facet = any(%(dimensions)s::text[]) and (c.failed = 0 or f.fails)
group by 1, 2;
