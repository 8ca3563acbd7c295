-- Sessions: the traces of each, and its calls that are part of no trace. Every statement takes project_ids, those
-- that the caller sees. `[filter]` and `[columns]` are those of traces (queries.sql). A call stands in time by its id,
-- which its indexes are ordered by; both kinds of a session's parts are ordered by time and id.

-- part: call_at
to_timestamp(('x' || left(translate(r.id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)

-- part: call_filter
r.session <> ''
    and (%(begin)s::timestamptz is null or (
        r.started_at >= %(begin)s and r.day >= (%(begin)s::timestamptz at time zone 'UTC')::date - 1
    ))
    and (%(end)s::timestamptz is null or (
        r.started_at < %(end)s and r.day <= (%(end)s::timestamptz at time zone 'UTC')::date + 1
    ))
    and (%(user)s::text is null or (r."user" = %(user)s and r."user" <> ''))
    and (%(session)s::text is null or r.session = %(session)s)
    and (%(environment)s::text is null or r.environment = %(environment)s)
    and (%(only_key)s::text is null or r.key = %(only_key)s)

-- part: trace_place
(%(place)s::timestamptz is null or (t.started_at <= %(place)s and (
    t.started_at < %(place)s or (t.trace_id, t.project) < (%(place_id)s::uuid, %(place_project)s::text)
)))

-- part: session_parts
-- A call that belongs to a trace is counted by it.
select t.project, t.session, t.started_at as at, t."user", 1 as traces, 0 as untraced, t.calls, t.errors, t.input,
    t.cache_read, t.cache_write, t.output, t.reasoning, t.cost_usd, t.unpriced
from traces t
where t.project = any(%(project_ids)s::text[]) and t.session <> '' and [filter]
union all
select r.project, r.session, r.started_at, r."user", 0, 1, 1, (r.status >= 400)::int,
    coalesce((r.usage ->> 'input')::bigint, 0) + coalesce((r.usage ->> 'input_audio')::bigint, 0)
        + coalesce((r.usage ->> 'input_image')::bigint, 0),
    coalesce((r.usage ->> 'cache_read')::bigint, 0) + coalesce((r.usage ->> 'cache_read_audio')::bigint, 0),
    coalesce((r.usage ->> 'cache_write')::bigint, 0) + coalesce((r.usage ->> 'cache_write_1h')::bigint, 0),
    coalesce((r.usage ->> 'output')::bigint, 0) + coalesce((r.usage ->> 'output_audio')::bigint, 0)
        + coalesce((r.usage ->> 'output_image')::bigint, 0),
    coalesce((r.usage ->> 'reasoning')::bigint, 0), r.cost_usd, (r.cost_usd is null)::int
from requests r
where r.project = any(%(project_ids)s::text[]) and r.trace_id = '' and [call_filter]

-- part: sums
min(e.at), max(e."user"), sum(e.traces), sum(e.untraced), sum(e.calls), sum(e.errors), sum(e.input),
    sum(e.cache_read), sum(e.cache_write), sum(e.output), sum(e.reasoning), sum(e.cost_usd), sum(e.unpriced)

-- name: call_projects
-- The projects that have calls, one look into the index each. project_ids null: all, which only an admin may ask.
with recursive found (project) as (
    (
        select project from requests
        where %(project_ids)s::text[] is null or project = any(%(project_ids)s::text[])
        order by project limit 1
    )
    union all
    select (
        select r.project from requests r
        where r.project > f.project
            and (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
        order by r.project limit 1
    )
    from found f
    where f.project is not null
)
select project from found where project is not null;

-- name: list_sessions
-- Each session by its newest part, which the walks over the newest traces and calls meet first: those with a newer
-- one stood on a page before. Where a walk ends before the page is full, a row without a session says how far
-- both got.
with traced as materialized (
    select t.project, t.session, t.started_at as at, t.trace_id as id
    from unnest(%(project_ids)s::text[]) as scope (project), lateral (
        select t.* from traces t
        where t.project = scope.project and t.session <> '' and [trace_place] and [filter]
        order by t.started_at desc, t.trace_id desc limit %(look)s
    ) t
    order by t.started_at desc, t.trace_id desc, t.project desc limit %(look)s
), called as materialized (
    select c.*
    from unnest(%(project_ids)s::text[]) as scope (project), lateral (
        select r.project, r.session, [call_at] as at, r.id, r.trace_id = '' as is_alone
        from requests r
        where r.project = scope.project and [call_filter]
            and (%(call_id)s::uuid is null or (r.day, r.id) < (%(call_day)s::date, %(call_id)s::uuid))
        order by r.day desc, r.id desc limit %(look)s
    ) c
    order by c.at desc, c.id desc limit %(look)s
), ends as (
    select e.* from (
        select t.* from (select at, id, project from traced order by at desc, id desc, project desc offset %(look)s - 1) t
        union all
        select c.* from (select at, id, project from called order by at desc, id desc offset %(look)s - 1) c
    ) e
    order by e.at desc, e.id desc, e.project desc limit 1
), newest as (
    select distinct on (w.project, w.session) w.*
    from (
        select project, session, at, id from traced
        union all select project, session, at, id from called where is_alone
    ) w
    where not exists (select from ends where (ends.at, ends.id, ends.project) > (w.at, w.id, w.project))
    order by w.project, w.session, w.at desc, w.id desc
), page as (
    select n.* from newest n
    where %(place)s::timestamptz is null or (
        not exists (
            select from traces t
            where t.project = n.project and t.session = n.session and t.session <> ''
                and t.started_at >= %(place)s and not [trace_place] and [filter]
        ) and not exists (
            select from requests r
            where r.project = n.project and r.session = n.session and r.trace_id = ''
                and (r.day, r.id) >= (%(call_day)s::date, %(call_id)s::uuid) and [call_filter]
        )
    )
    order by n.at desc, n.id desc, n.project desc limit %(limit)s
)
select p.project, p.session, p.at, p.id, s.*
from page p, lateral (
    select [sums] from ([session_parts]) e where e.project = p.project and e.session = p.session
) s
union all
select project, null, at, id, at, null, 0, 0, 0, 0, 0, 0, 0, 0, 0, null, 0 from ends
order by 3 desc, 4 desc, 1 desc;

-- name: sum_session
select e.project, e.session, max(e.at), null, [sums]
from ([session_parts]) e
group by e.project, e.session order by e.project;

-- name: session_traces
-- In the order of time; of each trace what its root says, else its first span.
select [columns], said.input, said.output
from traces t
left join lateral (
    select s.input, s.output from spans s
    where s.project = t.project and s.trace_id = t.trace_id and s.day between t.first_day and t.last_day
    order by s.parent_id is not null, s.started_at, s.span_id limit 1
) said on true
where t.project = any(%(project_ids)s::text[]) and [filter]
    and (%(place)s::timestamptz is null or (t.started_at, t.trace_id) > (%(place)s, %(place_id)s::uuid))
order by t.started_at, t.trace_id limit %(limit)s;

-- name: session_calls
-- Those that are part of no trace, in the order of time.
select [call_at], r.id
from requests r
where r.project = any(%(project_ids)s::text[]) and r.trace_id = '' and [call_filter]
    and (%(call_id)s::uuid is null or (r.day, r.id) > (%(call_day)s::date, %(call_id)s::uuid))
order by r.day, r.id limit %(limit)s;
