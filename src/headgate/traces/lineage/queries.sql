-- The texts of one trace, for its lineage. Every statement takes project_ids.

-- name: lineage_texts
select s.span_id, s.input, s.output, s.system, s.attributes, coalesce((s.details -> 'tools')::text, ''),
    coalesce((s.details -> 'documents')::text, ''), coalesce((s.details -> 'parameters')::text, ''),
    coalesce((s.details -> 'links')::text, '')
from spans s
where s.project = any(%(project_ids)s::text[]) and s.trace_id = %(trace_id)s
    and s.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or s.key = %(key)s)
order by s.started_at, s.span_id limit %(limit)s;

-- name: lineage_answers
select r.id, r.dialect, b.response, b.response_content_type
from requests r
join request_bodies b on b.day = r.day and b.id = r.id and b.project = r.project
where r.project = any(%(project_ids)s::text[]) and r.trace_id = %(trace)s and r.trace_id <> ''
    and r.day between %(first_day)s and %(last_day)s and (%(key)s::text is null or r.key = %(key)s)
order by r.id limit %(limit)s;

-- name: dialect_and_trace
select dialect, case when trace_id ~ '^[0-9a-f]{32}$' then trace_id::uuid end from requests
where project = any(%(project_ids)s::text[]) and day = %(day)s and id = %(id)s;

-- name: documents_of_trace
-- Those that steps of a call's trace retrieved.
select (s.details -> 'documents')::text
from spans s
join traces t on t.project = s.project and t.trace_id = s.trace_id and s.day between t.first_day and t.last_day
where s.project = any(%(project_ids)s::text[]) and t.project = any(%(project_ids)s::text[])
    and s.trace_id = %(trace_id)s and s.details -> 'documents' is not null
order by s.started_at limit %(limit)s;
