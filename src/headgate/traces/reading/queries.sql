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
    and (%(trace_ids)s::uuid[] is null or t.trace_id = any(%(trace_ids)s::uuid[]))
    and (%(facets)s::text[] is null or t.facets @> %(facets)s::text[])
    and (%(environment)s::text is distinct from '' or t.environment = '')
    and (%(status)s::text is null or (%(status)s = 'error') = (t.errors > 0 or t.facets @> array['status:error']))
    and (%(flag)s::text is null or t.flags @> array[%(flag)s::text])
    and (%(min_duration)s::interval is null or t.ended_at - t.started_at >= %(min_duration)s)
    and (%(max_duration)s::interval is null or t.ended_at - t.started_at <= %(max_duration)s)
    and (%(min_cost_usd)s::numeric is null or t.cost_usd >= %(min_cost_usd)s)
    and (%(max_cost_usd)s::numeric is null or t.cost_usd <= %(max_cost_usd)s)
    and (%(min_tokens)s::bigint is null
        or t.input + t.cache_read + t.cache_write + t.output + t.reasoning >= %(min_tokens)s)
    and (%(max_tokens)s::bigint is null
        or t.input + t.cache_read + t.cache_write + t.output + t.reasoning <= %(max_tokens)s)
    and (%(only_key)s::text is null or (
        t.facets @> array['key:' || %(only_key)s::text] and cardinality(t.facets) < %(facets_max)s::int
        and not exists (
            select from unnest(t.facets) facet
            where starts_with(facet, 'key:') and facet <> 'key:' || %(only_key)s::text
        )
    ))

-- name: trace_scored
exists (
    select from scores s
    where s.project = any(%(project_ids)s::text[]) and s.project = t.project and s.trace_id = t.trace_id
        and s.trace_id is not null and s.name = %(score_name)s
        and (%(score_kind)s::text is null or s.kind = %(score_kind)s)
        and ((%(score_low)s::float8 is null and %(score_high)s::float8 is null) or s.value is not null)
        and (%(score_low)s::float8 is null or s.value >= %(score_low)s)
        and (%(score_high)s::float8 is null or s.value <= %(score_high)s)
        and (%(score_text)s::text is null or (
            left(s.text, 100) = left(%(score_text)s::text, 100) and s.text = %(score_text)s
        ))
        and (%(only_key)s::text is null or s.key = %(only_key)s)
)

-- name: trace_with_attribute
exists (
    select from spans s
    where s.project = any(%(project_ids)s::text[]) and s.project = t.project and s.trace_id = t.trace_id
        and s.day between t.first_day and t.last_day and (%(only_key)s::text is null or s.key = %(only_key)s)
        and exists (
            select from unnest(%(attribute_texts)s::text[]) said (words) where position(said.words in s.attributes) > 0
        )
)

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
-- All that match, put in order: for filters that few traces match, which the indexes of the filters find. `offset 0`
-- keeps the order from being looked for in an index of its own, and only what the page shows is read whole.
with matching as materialized (
    select m.project, m.trace_id
    from (
        select t.* from traces t
        where t.project = any(%(project_ids)s::text[]) and [place] and [filter]
        offset 0
    ) m
    order by [order of m], m.trace_id, m.project limit %(limit)s
)
select [columns]
from matching join traces t using (project, trace_id)
where t.project = any(%(project_ids)s::text[])
order by [order], t.trace_id, t.project

-- name: get_traces
select [columns], t.first_day, t.last_day, t.elsewhere
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
    and (%(after)s::timestamptz is null or (s.started_at, s.span_id) > (%(after)s, %(after_id)s::bigint))
order by s.started_at, s.span_id, s.day limit %(limit)s::bigint;

-- name: trace_bounds
-- When the first step of a trace began and the last ended, in Unix microseconds, and how many spans there are.
select min(started_us), max(ended_us), sum(spans)::bigint
from (
    select (extract(epoch from min(s.started_at)) * 1000000)::bigint,
        (extract(epoch from max(s.started_at + greatest(s.duration_us, 0) * interval '1 microsecond'))
            * 1000000)::bigint,
        count(*)
    from spans s
    where s.project = any(%(project_ids)s::text[]) and s.trace_id = %(trace_id)s
        and s.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or s.key = %(key)s)
    union all
    select (extract(epoch from min(r.started_at)) * 1000000)::bigint,
        (extract(epoch from max(r.started_at + greatest(r.duration_ms, 0) * interval '1 millisecond'))
            * 1000000)::bigint,
        0
    from requests r
    where r.project = any(%(project_ids)s::text[]) and r.trace_id = %(trace)s and r.trace_id <> ''
        and r.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or r.key = %(key)s)
) part (started_us, ended_us, spans);

-- name: trace_calls
-- With model_kinds, only those that no span tells of.
select json_build_array(
    r.id, r.parent_span_id, r.key, (extract(epoch from r.started_at) * 1000000)::bigint, r.duration_ms * 1000,
    r.status, r.code, r.message, r.model, r.target, r.operation, r.response_id, r.usage, r.cost_usd::text,
    r.estimated, r.first_token_ms
)::text
from requests r
where r.project = any(%(project_ids)s::text[]) and r.trace_id = %(trace)s and r.trace_id <> ''
    and r.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or r.key = %(key)s)
    and (%(after)s::timestamptz is null or (r.started_at, r.id) > (%(after)s, %(after_id)s::uuid))
    and (%(model_kinds)s::text[] is null or not exists (
        select from spans s
        where s.project = r.project and s.trace_id = %(trace_id)s
            and s.day between %(first_day)s and %(last_day)s and s.response_id = r.response_id
            and s.response_id <> '' and (%(key)s::text is null or s.key = %(key)s)
    ) and not exists (
        select from spans s
        where s.project = r.project and s.trace_id = %(trace_id)s
            and s.day between %(first_day)s and %(last_day)s and s.span_id = r.parent_span_id
            and s.kind = any(%(model_kinds)s::text[]) and (%(key)s::text is null or s.key = %(key)s)
    ))
order by r.started_at, r.id limit %(limit)s::bigint;

-- name: span_contents
select s.span_id, s.input, s.output, s.system, s.details::text, s.attributes
from spans s
where s.project = any(%(project_ids)s::text[]) and s.trace_id = %(trace_id)s
    and s.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or s.key = %(key)s)
order by s.day, s.started_at, s.span_id;

-- name: contents_length
select coalesce(sum(
    octet_length(s.input) + octet_length(s.output) + octet_length(s.system) + octet_length(s.details::text)
    + octet_length(s.attributes)
), 0), count(*)
from spans s
where s.project = any(%(project_ids)s::text[]) and s.trace_id = %(trace_id)s
    and s.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or s.key = %(key)s);

-- name: get_span
select s.parent_id, s.project, s.key, s.name, s.kind, s.operation,
    (extract(epoch from s.started_at) * 1000000)::bigint, s.duration_us, s.status, s.status_message, s.provider,
    s.model, s.request_model, s.response_id, s.agent, s.tool, s."user", s.session, s.tags, s.release, s.environment,
    s.service, s.prompt, s.prompt_version, s.usage::text, s.cost_usd, s.cost_source, s.first_token_ms,
    s.finish_reasons, s.flags, s.convention, s.input, s.output, s.system, s.details::text, s.attributes
from spans s
where s.project = any(%(project_ids)s::text[]) and s.trace_id = %(trace_id)s and s.span_id = %(span_id)s
    and s.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or s.key = %(key)s)
order by s.day desc limit 1;

-- name: facet_columns
t.trace_id, t.project, t.started_at, t.facets, t.flags, t.name, t."user", t.service, t.release, t.environment,
    t.errors, t.ended_at, t.cost_usd

-- name: count_facets
-- The most frequent values of each facet. What is not among the words of a trace stands in columns.
with counted as materialized ([traces]), worded as (
    -- Counted as words, and each taken apart once.
    select split_part(f.word, ':', 1) as facet, substr(f.word, strpos(f.word, ':') + 1) as value,
        sum(f.traces)::bigint as traces
    from (
        select word, count(*) as traces from counted c, unnest(c.facets) word
        where not starts_with(word, 'status:') and not starts_with(word, 'flag:')
            and not starts_with(word, 'tag:run:')
        group by word
        union all select 'name:' || name, count(*) from counted where name <> '' group by name
        union all select 'user:' || "user", count(*) from counted where "user" <> '' group by "user"
        union all select 'flag:' || flag, count(*) from counted c, unnest(c.flags) flag group by flag
        union all
        select case when c.errors > 0 or c.facets @> array['status:error'] then 'status:error' else 'status:ok' end,
            count(*)
        from counted c group by 1
    ) f (word, traces)
    group by 1, 2
    union all select '', '', count(*) from counted
), placed as (
    select facet, value, traces, row_number() over (partition by facet order by traces desc, value) as place
    from worded
)
select facet, value, traces from placed where place <= %(values_max)s::int order by facet, place;

-- name: count_traces
-- By step, with when the earliest of each began.
with counted as materialized ([traces])
select floor(extract(epoch from started_at) / %(step_s)s)::bigint, count(*), min(started_at) from counted group by 1;

-- name: count_by_hour
select floor(extract(epoch from slot) / %(step_s)s)::bigint, sum(traces)
from trace_rollups
where project = any(%(project_ids)s::text[]) and dimension = %(dimension)s and value = %(value)s
    and slot >= date_trunc('hour', %(begin)s::timestamptz) and slot < %(end)s
group by 1;

-- name: count_by_day
-- Whole days, and the hours at both ends.
select floor(extract(epoch from at) / %(step_s)s)::bigint, sum(traces)
from (
    select r.day::timestamp at time zone 'UTC', r.traces
    from trace_rollup_days r
    where r.project = any(%(project_ids)s::text[]) and r.dimension = %(dimension)s and r.value = %(value)s
        and r.day >= %(first_day)s and r.day < %(end_day)s
    union all
    select r.slot, r.traces
    from unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) as edge (begins, ends)
    join trace_rollups r on r.slot >= edge.begins and r.slot < edge.ends
    where r.project = any(%(project_ids)s::text[]) and r.dimension = %(dimension)s and r.value = %(value)s
) found (at, traces)
group by 1;

-- name: check_words
-- Whether a question has words that an index can be asked for: not those alone that are to be absent.
select querytree(websearch_to_tsquery('simple', %(text)s)) not in ('', 'T');

-- name: word_days
-- The days that words of spans are kept by, newest first; other days are kept together.
select to_date(substring(child.relname from '\d{8}$'), 'YYYYMMDD')
from pg_inherits join pg_class child on child.oid = inhrelid
where inhparent = 'span_words'::regclass and child.relname ~ '\d{8}$'
order by 1 desc;

-- name: word_hits
-- Of one day, so that one partition is asked at a time. Materialized, since the order has an index of its own, which
-- would be walked through for a word that is rare.
with hits as materialized (
    select w.trace_id, w.span_id, w.project, w.request_id
    from span_words w
    where w.project = any(%(project_ids)s::text[]) and w.day between %(first)s::date and %(last)s::date
        and w.words @@ websearch_to_tsquery('simple', %(text)s) and [scored]
        and (%(key)s::text is null or exists (
            select from spans s
            where s.project = w.project and s.trace_id = w.trace_id and s.span_id = w.span_id and s.day = w.day
                and s.key = %(key)s
        ) or exists (
            select from requests r
            where r.project = any(%(project_ids)s::text[]) and r.day = w.day and r.id = w.request_id
                and r.key = %(key)s
        ))
)
select * from hits
where %(place_id)s::uuid is null
    or (trace_id, span_id, project) > (%(place_id)s::uuid, %(place_span)s::bigint, %(place_project)s::text)
order by trace_id, span_id, project limit %(limit)s;

-- name: hit_calls
select r.id, r.dialect, r.model, r.operation, r.started_at
from unnest(%(days)s::date[], %(calls)s::uuid[]) as n (day, id), lateral (
    select * from requests r
    where r.project = any(%(project_ids)s::text[]) and r.day = n.day and r.id = n.id
        and (%(key)s::text is null or r.key = %(key)s)
    limit 1
) r;

-- name: hit_texts
select s.trace_id, s.span_id, s.project, s.name, s.kind, s.started_at, s.output, s.status_message, s.input, s.system,
    coalesce(s.details -> 'documents', '""')::text
from unnest(%(traces)s::uuid[], %(spans)s::bigint[], %(projects)s::text[]) as n (trace_id, span_id, project),
    lateral (
        select * from spans s
        where s.project = any(%(project_ids)s::text[]) and s.project = n.project and s.trace_id = n.trace_id
            and s.span_id = n.span_id and (%(key)s::text is null or s.key = %(key)s)
        limit 1
    ) s;

-- name: series_by_day
-- Whole days from the sums by day; what the times asked for begin or end with, from those by hour.
with found as (
    select r.day as day, r.value, traces, spans, calls, errors, input, cache_read, cache_write, output, reasoning,
        cost_usd, unpriced, duration_sketch
    from trace_rollup_days r
    where r.project = any(%(project_ids)s::text[]) and r.dimension = %(dimension)s
        and (%(first_day)s::date is null or r.day >= %(first_day)s)
        and (%(end_day)s::date is null or r.day < %(end_day)s)
    union all
    select (r.slot at time zone 'UTC')::date, r.value, traces, spans, calls, errors, input, cache_read, cache_write,
        output, reasoning, cost_usd, unpriced, duration_sketch
    from unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) as edge (begins, ends)
    join trace_rollups r on r.slot >= edge.begins and r.slot < edge.ends
    where r.project = any(%(project_ids)s::text[]) and r.dimension = %(dimension)s
)
select
    case when %(interval)s::text = 'day' then day::timestamp at time zone 'UTC' end as start,
    case when %(dimension)s::text <> '' then value end as value,
    sum(traces), sum(spans), sum(calls), sum(errors), sum(input), sum(cache_read), sum(cache_write), sum(output),
    sum(reasoning), sum(cost_usd), sum(unpriced), array[[sketch]]
from found
group by 1, 2
order by 1 nulls first, sum(cost_usd) desc, sum(traces) desc, 2 limit %(limit)s;

-- name: series_by_hour
select
    slot as start,
    case when %(dimension)s::text <> '' then value end as value,
    sum(traces), sum(spans), sum(calls), sum(errors), sum(input), sum(cache_read), sum(cache_write), sum(output),
    sum(reasoning), sum(cost_usd), sum(unpriced), array[[sketch]]
from trace_rollups
where project = any(%(project_ids)s::text[]) and dimension = %(dimension)s
    and (%(begin)s::timestamptz is null or slot >= date_trunc('hour', %(begin)s::timestamptz))
    and (%(end)s::timestamptz is null or slot < %(end)s)
group by 1, 2
order by 1 nulls first, sum(cost_usd) desc, sum(traces) desc, 2 limit %(limit)s;
