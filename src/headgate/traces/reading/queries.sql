-- What is asked of traces. Every statement takes project_ids: those that the caller sees, never null but where it
-- says so; `key` keeps to what one key made.

-- name: trace_projects
-- The projects that have traces, one look into the index each. project_ids null: all, which only an admin may ask.
with recursive found (project) as (
    (
        select project from traces
        where %(project_ids)s::text[] is null or project = any(%(project_ids)s::text[])
        order by project limit 1
    )
    union all
    select (
        select t.project from traces t
        where t.project > f.project
            and (%(project_ids)s::text[] is null or t.project = any(%(project_ids)s::text[]))
        order by t.project limit 1
    )
    from found f
    where f.project is not null
)
select project from found where project is not null;

-- name: trace_columns
t.trace_id, t.project, t.name, t.session, t."user", t.started_at,
    extract(epoch from t.ended_at - t.started_at)::float8 * 1000, t.calls, t.errors, t.input, t.cache_read,
    t.cache_write, t.output, t.reasoning, t.cost_usd, t.unpriced, t.facets, t.flags, t.service, t.release,
    t.environment, t.spans

-- name: trace_filter
(%(begin)s::timestamptz is null or t.started_at >= %(begin)s)
    and (%(end)s::timestamptz is null or t.started_at < %(end)s)
    and (%(user)s::text is null or (t."user" = %(user)s and t."user" <> ''))
    and (%(session)s::text is null or (t.session = %(session)s and t.session <> ''))
    and (%(name)s::text is null or t.name = %(name)s)
    and (%(facets)s::text[] is null or t.facets @> %(facets)s::text[])
    and (%(status)s::text is null or (%(status)s = 'error') = (t.errors > 0 or t.facets @> array['status:error']))
    and (%(flag)s::text is null or t.flags @> array[%(flag)s::text])
    and (%(min_duration)s::interval is null or t.ended_at - t.started_at >= %(min_duration)s)
    and (%(min_cost_usd)s::numeric is null or t.cost_usd >= %(min_cost_usd)s)
    and (%(only_key)s::text is null or (
        t.facets @> array['key:' || %(only_key)s::text] and cardinality(t.facets) < %(facets_max)s::int
        and not exists (
            select from unnest(t.facets) facet
            where starts_with(facet, 'key:') and facet <> 'key:' || %(only_key)s::text
        )
    ))

-- name: newest_place
(%(place)s::timestamptz is null or (t.started_at <= %(place)s and (
    t.started_at < %(place)s or (t.trace_id, t.project) > (%(place_id)s::uuid, %(place_project)s::text)
)))

-- name: slowest_place
(%(place)s::interval is null or (t.ended_at - t.started_at <= %(place)s and (
    t.ended_at - t.started_at < %(place)s
    or (t.trace_id, t.project) > (%(place_id)s::uuid, %(place_project)s::text)
)))

-- name: dearest_place
-- What cost nothing that is known comes last, and is left out.
t.cost_usd is not null and (%(place)s::numeric is null or (t.cost_usd <= %(place)s and (
    t.cost_usd < %(place)s or (t.trace_id, t.project) > (%(place_id)s::uuid, %(place_project)s::text)
)))

-- name: newest_order
t.started_at desc

-- name: slowest_order
t.ended_at - t.started_at desc

-- name: dearest_order
t.cost_usd desc

-- name: first_traces
-- Of the first so many traces in the order of the list, those that match. Where that gives a page, nothing else is
-- read; the index has them in that order.
select [columns]
from unnest(%(project_ids)s::text[]) as scope (project), lateral (
    select * from (
        select t.* from traces t
        where t.project = scope.project and [place]
            and (%(begin)s::timestamptz is null or t.started_at >= %(begin)s)
            and (%(end)s::timestamptz is null or t.started_at < %(end)s)
        order by [order], t.trace_id limit %(look)s
    ) t
    where [filter]
    order by [order], t.trace_id limit %(limit)s
) t
order by [order], t.trace_id, t.project limit %(limit)s

-- name: matching_traces
-- All that match, put in order: for filters that few traces match, which the indexes of the filters find.
with matching as materialized (
    select t.* from traces t
    where t.project = any(%(project_ids)s::text[]) and [place] and [filter]
)
select [columns] from matching t order by [order], t.trace_id, t.project limit %(limit)s

-- name: get_traces
select [columns], t.first_day, t.last_day
from traces t
where t.trace_id = %(trace_id)s and t.project = any(%(project_ids)s::text[]);

-- name: trace_spans
select json_build_array(
    s.span_id, s.parent_id, s.key, s.name, s.kind, (extract(epoch from s.started_at) * 1000000)::bigint,
    s.duration_us, s.status, s.status_message, s.provider, s.model, s.request_model, s.response_id, s.agent, s.tool,
    s.service, s.usage, s.cost_usd::text, s.cost_source, s.first_token_ms, s.flags
)::text
from spans s
where s.project = any(%(project_ids)s::text[]) and s.trace_id = %(trace_id)s
    and s.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or s.key = %(key)s)
order by s.day, s.started_at, s.span_id;

-- name: trace_calls
select json_build_array(
    r.id, r.parent_span_id, r.key, (extract(epoch from r.started_at) * 1000000)::bigint, r.duration_ms * 1000,
    r.status, r.code, r.message, r.model, r.target, r.operation, r.response_id, r.usage, r.cost_usd::text,
    r.estimated, r.first_token_ms
)::text
from requests r
where r.project = any(%(project_ids)s::text[]) and r.trace_id = %(trace)s and r.trace_id <> ''
    and r.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or r.key = %(key)s)
order by r.started_at, r.id;
