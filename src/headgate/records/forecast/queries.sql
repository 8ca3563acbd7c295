-- What budgets spent by time, from sums. All take project_ids: null for all projects, which only an admin may
-- ask for.

-- name: spent_by_step
-- By steps of a whole number of quarters of an hour, counted from 1970.
select extract(epoch from slot)::bigint / %(step_s)s as step, sum(cost_usd) as cost_usd
from rollups
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and slot >= %(begin)s
    and (%(project)s::text is null or project = %(project)s)
    and (%(key)s::text is null or key = %(key)s)
    and (%(provider)s::text is null or starts_with(target, %(provider)s || '/'))
    and (%(model)s::text is null or %(model)s in (target, model))
group by 1;

-- name: spent_by_hour
-- The same from sums by the hour, where the scope names no more than one of what these are kept by.
select extract(epoch from at)::bigint / %(step_s)s as step, sum(cost_usd) as cost_usd
from series_sums
where dimension = %(dimension)s and step_s = 3600 and project = any(%(project_ids)s::text[])
    and at >= %(begin)s
    and (%(project)s::text is null or project = %(project)s)
    and (%(key)s::text is null or value = %(key)s)
    and (%(provider)s::text is null or starts_with(value, %(provider)s || '/'))
group by 1;

-- name: spent_by_day
-- By days of UTC, of one user or tag.
select extract(epoch from day)::bigint / 86400 as step, sum(cost_usd) as cost_usd
from rollup_days
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and day >= %(begin)s::date
    and (%(project)s::text is null or project = %(project)s)
    and dimension = %(dimension)s and value = %(value)s
group by 1;

-- name: first_fallback
-- The first call that another target took, because the budget had too little left for the one before.
select r.started_at
from requests r
where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and r.day >= %(first_day)s and r.started_at >= %(begin)s
    and r.status < 400
    and r.excluded::text like %(says)s
order by r.started_at
limit 1;
