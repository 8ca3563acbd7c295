-- What an export reads: first where the pieces of a trace are and how long, then so many of them as fit. Every
-- statement takes project_ids, never null; `key` keeps to what one key made.

-- name: traces_of
-- Where parts of traces arrived, and the names that spans gave them; of these projects and traces.
select t.trace_id, t.first_day, t.last_day, t.elsewhere, case when t.is_named then t.name else '' end
from traces t
where t.project = any(%(project_ids)s::text[]) and t.trace_id = any(%(traces)s::uuid[]);

-- name: span_places_of
-- Where the spans of several traces are, and how long their texts.
select n.trace_id, s.*
from unnest(%(traces)s::uuid[], %(first_days)s::date[], %(last_days)s::date[]) as n (trace_id, first_day, last_day),
    lateral (
        select s.day, s.span_id, s.started_at,
            octet_length(s.input) + octet_length(s.output) + octet_length(s.system) + octet_length(s.attributes)
            + octet_length(s.details::text)
        from spans s
        where s.project = any(%(project_ids)s::text[]) and s.trace_id = n.trace_id
            and s.day between n.first_day and n.last_day and (%(key)s::text is null or s.key = %(key)s)
        order by s.started_at, s.span_id limit %(each)s
    ) s;

-- name: call_places_of
select r.trace_id::uuid, r.day, r.id, r.started_at
from requests r
where r.project = any(%(project_ids)s::text[]) and r.trace_id = any(%(texts)s::text[]) and r.trace_id <> ''
    and r.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or r.key = %(key)s)
order by r.started_at, r.id;

-- name: scored_of
-- Of which of these traces something was said, as `scores_of` finds it.
select s.trace_id from scores s
where s.project = any(%(project_ids)s::text[]) and s.trace_id = any(%(traces)s::uuid[])
union
select r.trace_id::uuid from scores s
join requests r on r.id = s.request_id and r.project = s.project
where s.project = any(%(project_ids)s::text[]) and s.trace_id is null and s.subject = 'request'
    and r.project = any(%(project_ids)s::text[]) and r.trace_id = any(%(texts)s::text[])
    and r.day between %(first_day)s and %(last_day)s
union
select p.trace_id from scores s
join spans p on p.span_id = s.span_id and p.project = s.project
where s.project = any(%(project_ids)s::text[]) and s.trace_id is null and s.subject = 'span'
    and p.project = any(%(project_ids)s::text[]) and p.trace_id = any(%(traces)s::uuid[])
    and p.day between %(first_day)s and %(last_day)s;

-- name: trace_named
select t.is_named from traces t
where t.project = any(%(project_ids)s::text[]) and t.trace_id = %(trace_id)s;

-- name: span_places
-- In the order of time, page by page.
select s.day, s.span_id, s.started_at,
    octet_length(s.input) + octet_length(s.output) + octet_length(s.system) + octet_length(s.attributes)
    + octet_length(s.details::text)
from spans s
where s.project = any(%(project_ids)s::text[]) and s.trace_id = %(trace_id)s
    and s.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or s.key = %(key)s)
    and (%(after)s::timestamptz is null or (s.started_at, s.span_id) > (%(after)s, %(after_id)s::bigint))
order by s.started_at, s.span_id limit %(limit)s;

-- name: spans_at
select s.span_id, s.started_at, s.parent_id, s.project, s.key, s.name, s.kind, s.operation,
    (extract(epoch from s.started_at) * 1000000)::bigint, s.duration_us, s.status, s.status_message, s.provider,
    s.model, s.request_model, s.response_id, s.agent, s.tool, s."user", s.session, s.tags, s.release, s.environment,
    s.service, s.prompt, s.prompt_version, s.usage::text, s.cost_usd, s.cost_source, s.first_token_ms,
    s.finish_reasons, s.flags, s.convention, s.input, s.output, s.system, s.details::text, s.attributes,
    s.trace_id
from unnest(%(traces)s::uuid[], %(days)s::date[], %(numbers)s::bigint[]) as n (trace_id, day, span_id), lateral (
    select * from spans s
    where s.project = any(%(project_ids)s::text[]) and s.trace_id = n.trace_id and s.span_id = n.span_id
        and s.day = n.day
    limit 1
) s
order by s.started_at, s.span_id;

-- name: call_places
select r.day, r.id, r.started_at
from requests r
where r.project = any(%(project_ids)s::text[]) and r.trace_id = %(trace)s and r.trace_id <> ''
    and r.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or r.key = %(key)s)
    and (%(after)s::timestamptz is null or (r.started_at, r.id) > (%(after)s, %(after_id)s::uuid))
order by r.started_at, r.id limit %(limit)s;
