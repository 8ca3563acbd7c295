-- Feedback and scores. See traces/scores/storing.py and traces/scores/queries.py.

-- name: add_scores
-- What is there already stays; a request that is on record says which trace it belongs to.
insert into scores (
    project, id, key, name, kind, value, text, comment, source, said_by, at,
    subject, request_id, trace_id, span_id, session, "user", business_id
)
select %(project)s, s.id, s.key, s.name, s.kind, s.value, s.text, s.comment, s.source, s.said_by,
    coalesce(to_timestamp(s.at_ms::numeric / 1000), date_trunc('milliseconds', clock_timestamp())),
    s.subject, s.request_id, coalesce(s.trace_id, (
        select r.trace_id::uuid from requests r
        where r.project = any(%(project_ids)s) and r.day = s.request_day and r.id = s.request_id
            and r.trace_id ~ '^[0-9a-f]{32}$'
    )), s.span_id, s.session, s."user", s.business_id
from jsonb_to_recordset(%(rows)s::jsonb) as s (
    id text, key text, name text, kind text, value double precision, text text, comment text, source text,
    said_by text, at_ms bigint, subject text, request_id uuid, request_day date, trace_id uuid,
    span_id bigint, session text, "user" text, business_id text
)
on conflict (project, id) do nothing
returning id, trace_id;

-- name: get_scores
select id, name, kind, value, text, comment, source, said_by, (extract(epoch from at) * 1000)::bigint as at_ms,
    subject, request_id, trace_id, span_id, session, "user", business_id
from scores where project = any(%(project_ids)s) and id = any(%(ids)s);

-- name: any_scores
select exists (select from scores where project = any(%(project_ids)s));

-- name: join_requests
-- What was said of requests before they were on record, or had their trace.
update scores s set trace_id = n.trace_id
from unnest(%(requests)s::uuid[], %(traces)s::uuid[]) as n (request_id, trace_id)
where s.request_id = n.request_id and s.project = any(%(project_ids)s) and s.trace_id is distinct from n.trace_id;

-- name: join_spans
-- What was said of spans, without their trace, before they came.
update scores s set trace_id = n.trace_id
from unnest(%(spans)s::bigint[], %(traces)s::uuid[]) as n (span_id, trace_id)
where s.span_id = n.span_id and s.project = any(%(project_ids)s) and s.trace_id is null;

-- name: lock_traces
-- In the order in which everybody takes these locks.
select trace_id from traces
where project = any(%(project_ids)s) and trace_id = any(%(trace_ids)s)
    and (facets::text like '%%score:%%' or exists (
        select from scores s where s.project = any(%(project_ids)s) and s.trace_id = traces.trace_id
    ))
order by project, trace_id
for update;

-- name: set_facets
-- The names of a trace's scores among its facets, in place of those that it had; rows that stay are not written.
with said as (
    select t.trace_id, array(
        select distinct word from (
            select unnest(t.facets) as word
            union all
            select 'score:' || s.name from scores s
            where s.project = any(%(project_ids)s) and s.trace_id = t.trace_id
        ) words
        where word not like 'score:%%' or exists (
            select from scores s where s.project = any(%(project_ids)s) and s.trace_id = t.trace_id
                and 'score:' || s.name = word
        )
        order by word
    ) as facets
    from traces t where t.project = any(%(project_ids)s) and t.trace_id = any(%(trace_ids)s)
)
update traces t set facets = said.facets
from said
where t.project = any(%(project_ids)s) and t.trace_id = said.trace_id and t.facets <> said.facets;

-- name: list_scores
select project, id, key, name, kind, value, text, comment, source, said_by, at, received_at,
    subject, request_id, trace_id, span_id, session, "user", business_id
from scores
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s))
    and (%(project)s::text is null or project = %(project)s)
    and (%(key)s::text is null or key = %(key)s)
    and (%(name)s::text is null or name = %(name)s)
    and (%(source)s::text is null or source = %(source)s)
    and (%(by)s::text is null or said_by = %(by)s)
    and (%(request_id)s::uuid is null or request_id = %(request_id)s)
    and (%(trace_id)s::uuid is null or trace_id = %(trace_id)s)
    and (%(span_id)s::bigint is null or span_id = %(span_id)s)
    and (%(session)s::text is null or session = %(session)s)
    and (%(user)s::text is null or "user" = %(user)s)
    and (%(business_id)s::text is null or business_id = %(business_id)s)
    and (%(begin)s::timestamptz is null or at >= %(begin)s)
    and (%(end)s::timestamptz is null or at < %(end)s)
    and (%(before_at)s::timestamptz is null or (at, id, project) < (%(before_at)s, %(before_id)s, %(before_project)s))
order by at desc, id desc, project desc
limit %(limit)s;

-- name: names_in_use
-- Of the newest pieces of feedback; of words the most frequent ones.
with newest as (
    select name, kind, value, left(text, 100) as text from scores
    where (%(project_ids)s::text[] is null or project = any(%(project_ids)s))
        and (%(key)s::text is null or key = %(key)s)
    order by at desc, id desc, project desc limit %(look)s
), worded as (
    select name, array_agg(text order by said desc, text) filter (where place <= %(words)s) as words
    from (
        select name, text, count(*) as said,
            row_number() over (partition by name order by count(*) desc, text) as place
        from newest where kind = 'text' and text <> '' group by name, text
    ) words group by name
)
select n.name, n.kind, count(*) as answers, min(n.value) as least, max(n.value) as most,
    case when n.kind = 'text' then coalesce(w.words, '{}') else '{}' end as words
from newest n left join worded w on w.name = n.name
group by n.name, n.kind, w.words
order by count(*) desc, n.name, n.kind limit %(limit)s;

-- name: scores_of
-- Of a trace, its spans and its requests, also where what was named came after what was said of it: that is looked
-- for among what has no trace yet.
with found as (
    select s.id, s.project from scores s
    where s.project = any(%(project_ids)s) and s.trace_id = %(trace_id)s
    union
    select s.id, s.project
    from scores s
    where s.project = any(%(project_ids)s) and s.trace_id is null and s.subject = 'request' and exists (
            select from requests r
            where r.id = s.request_id and r.project = s.project and r.project = any(%(project_ids)s)
                and r.trace_id = replace(%(trace_id)s::uuid::text, '-', '')
                and r.day between %(first_day)s and %(last_day)s
        )
    union
    select s.id, s.project
    from scores s
    where s.project = any(%(project_ids)s) and s.trace_id is null and s.subject = 'span' and exists (
            select from spans p
            where p.span_id = s.span_id and p.project = s.project and p.project = any(%(project_ids)s)
                and p.trace_id = %(trace_id)s and p.day between %(first_day)s and %(last_day)s
        )
)
select s.project, s.id, key, name, kind, value, text, comment, source, said_by, at, received_at,
    subject, request_id, trace_id, span_id, session, "user", business_id
from scores s join found using (id, project)
where %(key)s::text is null or s.key = %(key)s
order by s.at, s.id
limit %(limit)s;

-- name: delete_score
delete from scores
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s))
    and (%(project)s::text is null or project = %(project)s)
    and (%(key)s::text is null or key = %(key)s) and id = %(id)s
returning project, id, key, name, kind, value, text, comment, source, said_by, at, received_at,
    subject, request_id, trace_id, span_id, session, "user", business_id;

-- name: get_feedback
select project, id, key, name, kind, value, text, comment, source, said_by, at, received_at,
    subject, request_id, trace_id, span_id, session, "user", business_id
from scores where project = any(%(project_ids)s) and id = %(id)s;
