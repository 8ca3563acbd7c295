-- What charts show: sums over time. All take project_ids: null for all projects, which only an admin may ask for.

-- part: group_of_sums
case %(group_by)s::text
            when 'project' then project when 'model' then model when 'target' then target
            when 'provider' then split_part(target, '/', 1) when 'prompt' then prompt when 'release' then release
            when 'key' then key when 'environment' then environment
        end

-- part: matching_sums
and (%(key)s::text is null or key = %(key)s)
        and (%(model)s::text is null or model = %(model)s)
        and (%(target)s::text is null or target = %(target)s or starts_with(target, %(target)s || '/'))
        and (%(prompt)s::text is null or prompt = %(prompt)s)
        and (%(release)s::text is null or release = %(release)s)
        and (%(environment)s::text is null or environment = %(environment)s)

-- part: group_of_calls
case %(group_by)s::text
            when 'project' then r.project when 'model' then r.model when 'target' then r.target
            when 'prompt' then coalesce(r.prompts -> 0 ->> 'name', '') when 'release' then r.release
            when 'key' then r.key when 'environment' then r.environment
            when 'provider' then split_part(r.target, '/', 1) when 'user' then r."user"
        end

-- part: matching_calls
and (%(key)s::text is null or r.key = %(key)s)
        and (%(model)s::text is null or r.model = %(model)s)
        and (%(target)s::text is null or r.target = %(target)s or starts_with(r.target, %(target)s || '/'))
        and (%(prompt)s::text is null or (%(prompt)s = '' and r.prompts = '[]')
            or r.prompts @> jsonb_build_array(jsonb_build_object('name', %(prompt)s::text)))
        and (%(release)s::text is null or r.release = %(release)s)
        and (%(environment)s::text is null or r.environment = %(environment)s)

-- name: sums
-- Counts and costs by step, group and class of the status; all but the largest groups are one, whose name is null.
-- Added up before the largest groups are looked for: a month has few steps and many rows.
with chosen as materialized (
    select extract(epoch from slot)::bigint / %(step_s)s as step, status_class,
        [group_of_sums] as value,
        sum(requests) as requests, sum(cost_usd) as cost_usd, sum(unpriced) as unpriced, sum(estimated) as estimated
    from rollups
    where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
        and slot >= %(begin)s and slot < %(end)s
        [matching_sums]
    group by 1, 2, 3
), largest as (
    select value from chosen group by value order by sum(requests) desc, value limit %(groups_max)s
)
select step, l.value, status_class, sum(requests), sum(cost_usd), sum(unpriced), sum(estimated)
from chosen c left join largest l on l.value = c.value
group by 1, 2, 3;

-- name: sketches
-- Durations and times to the first token, as counts by bucket of `records.sketch`.
with chosen as materialized (
    select extract(epoch from slot)::bigint / %(step_s)s as step, requests, duration_sketch, first_token_sketch,
        [group_of_sums] as value
    from rollups
    where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
        and slot >= %(begin)s and slot < %(end)s
        [matching_sums]
), largest as (
    select value from chosen group by value order by sum(requests) desc, value limit %(groups_max)s
)
select step, l.value, (s.bucket - 1)::int, sum(coalesce(s.durations, 0)), sum(coalesce(s.first_tokens, 0))
from chosen c left join largest l on l.value = c.value
cross join lateral unnest(c.duration_sketch, c.first_token_sketch)
    with ordinality as s (durations, first_tokens, bucket)
where s.durations > 0 or s.first_tokens > 0
group by 1, 2, 3;

-- name: calls
-- The same from single calls, for steps that are shorter than the quarter of an hour that sums are kept by.
with chosen as materialized (
    select floor(extract(epoch from r.started_at) / %(step_s)s)::bigint as step, r.status / 100 as status_class,
        r.cost_usd, r.estimated, r.duration_ms, r.first_token_ms,
        [group_of_calls] as value
    from requests r
    where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
        and r.day between %(first_day)s and %(last_day)s and r.id between %(first_id)s and %(last_id)s
        and r.started_at >= %(begin)s and r.started_at < %(end)s
        [matching_calls]
), largest as (
    select value from chosen group by value order by count(*) desc, value limit %(groups_max)s
)
select step, l.value, status_class,
    case when duration_ms <= 1 then 0 else least(%(bucket_max)s, ceil(ln(duration_ms) / ln(%(growth)s)))::int end,
    -- Without a first token there is no bucket, and `least` would name the last one.
    case when first_token_ms is null then null when first_token_ms <= 1 then 0
        else least(%(bucket_max)s, ceil(ln(first_token_ms) / ln(%(growth)s)))::int end,
    count(*), sum(cost_usd), count(*) filter (where cost_usd is null), count(*) filter (where estimated)
from chosen c left join largest l on l.value = c.value
group by 1, 2, 3, 4, 5;

-- part: failed
(%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and r.status >= 400
    and r.day between %(first_day)s and %(last_day)s
    and r.started_at >= %(begin)s and r.started_at < %(end)s
    [matching_calls]
    and (%(user)s::text is null or r."user" = %(user)s)
    and (%(tag)s::text is null or (%(tag)s = '' and r.tags = '{}') or r.tags @> array[%(tag)s::text])

-- name: failures
-- Calls that failed, by step and code. project_ids null: all, which only an admin may ask for.
select floor(extract(epoch from r.started_at) / %(step_s)s)::bigint as step, r.code, count(*)
from requests r
where [failed]
group by 1, 2;

-- name: failures_by_group
-- The same by code and group: those that have lines of their own, and null for all others. project_ids as above.
select r.code, case when g.value = any(%(names)s::text[]) then g.value end, count(*)
from requests r cross join lateral (
    select [group_of_calls]
    where %(group_by)s::text <> 'tag'
    union all
    select distinct tag from unnest(r.tags) tag where %(group_by)s::text = 'tag' and not starts_with(tag, 'run:')
) g (value)
where [failed]
group by 1, 2;

-- part: days_of_values
dimension = %(dimension)s and project = any(%(project_ids)s::text[])
        and day >= (%(begin)s::timestamptz at time zone 'UTC')::date
        and day < (%(end)s::timestamptz at time zone 'UTC')::date
        and (%(only)s::text is null or value = %(only)s)

-- name: sums_by_value
-- By user or tag and day. A thousand values are told apart in a project and day, and what is beyond them is 'other'.
-- The largest are found by counts alone, so that sketches are added up for a few groups and not for each value.
with beyond as materialized (
    select project, day from rollup_days
    where [days_of_values] and %(only)s::text is null and %(group_by)s::text <> 'project'
    group by 1, 2 having count(*) >= %(values_max)s
), largest as (
    select case %(group_by)s::text when 'project' then project else value end as name
    from rollup_days r
    where [days_of_values] and %(group_by)s::text is not null
        and not (value = 'other' and (project, day) in (select b.project, b.day from beyond b))
    group by 1 order by sum(requests) desc, 1 limit %(groups_max)s
)
select extract(epoch from day)::bigint / %(step_s)s as step, l.name, sum(requests), sum(measured), sum(client_errors),
    sum(server_errors), sum(cost_usd), sum(unpriced), sum(estimated),
    case when %(with_latencies)s::bool then sum(durations)::text end,
    case when %(with_latencies)s::bool then sum(first_tokens)::text end
from rollup_days r
left join largest l on l.name = case %(group_by)s::text when 'project' then project else value end
    and not (value = 'other' and (project, day) in (select b.project, b.day from beyond b))
where [days_of_values]
group by 1, 2;

-- name: is_beyond
-- Whether some of a value's calls may be among those that are not told apart.
select exists (
    select from rollup_days
    where dimension = %(dimension)s and value = 'other' and project = any(%(project_ids)s::text[])
        and day >= (%(begin)s::timestamptz at time zone 'UTC')::date
        and day < (%(end)s::timestamptz at time zone 'UTC')::date
);

-- name: sums_by_name
-- The same from the sums by one name alone, for steps of whole hours or days; latencies as numbers of `records.sketch`.
with chosen as materialized (
    select extract(epoch from at)::bigint / %(step_s)s as step, status_class,
        case %(group_by)s::text
            when 'project' then project when 'provider' then split_part(value, '/', 1)
            else case when %(group_by)s::text is not null then value end
        end as value,
        sum(requests) as requests, sum(cost_usd) as cost_usd, sum(unpriced) as unpriced, sum(estimated) as estimated,
        case when %(with_latencies)s::bool then sum(durations) end as durations,
        case when %(with_latencies)s::bool then sum(first_tokens) end as first_tokens
    from series_sums
    where dimension = %(dimension)s and step_s = %(kept_s)s and project = any(%(project_ids)s::text[])
        and at >= %(begin)s and at < %(end)s
        and (%(only)s::text is null or value = %(only)s
            or (%(dimension)s = 'target' and starts_with(value, %(only)s || '/')))
    group by 1, 2, 3
), largest as (
    select value from chosen group by value order by sum(requests) desc, value limit %(groups_max)s
)
select step, l.value, status_class, sum(requests), sum(cost_usd), sum(unpriced), sum(estimated),
    case when grouping(status_class) = 1 then sum(durations)::text end,
    case when grouping(status_class) = 1 then sum(first_tokens)::text end
from chosen c left join largest l on l.value = c.value
-- Counts by the class of the status, latencies of all classes: their rows have no class.
group by grouping sets ((step, l.value, status_class), (step, l.value));
