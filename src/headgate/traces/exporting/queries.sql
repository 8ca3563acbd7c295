-- What an export reads: first where the pieces of a trace are and how long, then so many of them as fit. Every
-- statement takes project_ids, never null; `key` keeps to what one key made.

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
    s.finish_reasons, s.flags, s.convention, s.input, s.output, s.system, s.details::text, s.attributes
from unnest(%(days)s::date[], %(numbers)s::bigint[]) as n (day, span_id), lateral (
    select * from spans s
    where s.project = any(%(project_ids)s::text[]) and s.trace_id = %(trace_id)s and s.span_id = n.span_id
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
