-- Spans, the rows of traces, what waits for settling and for words. Statements of jobs take the projects of the
-- traces that they are about.

-- name: known_spans
-- The places, from 1, of those that are there already. Around midnight an exporter may come again the day after, and
-- what came first may be shipped last.
select n.place
from unnest(%(projects)s::text[], %(traces)s::uuid[], %(numbers)s::bigint[])
    with ordinality as n (project, trace_id, number, place),
    lateral (
        select from spans s
        where s.project = any(%(project_ids)s::text[]) and s.project = n.project and s.trace_id = n.trace_id
            and s.span_id = n.number and s.day between %(first)s::date and %(last)s::date
        limit 1
    ) found;

-- name: copy_spans
copy spans (
    day, project, trace_id, span_id, parent_id, key, name, kind, operation, started_at, duration_us, status,
    status_message, provider, model, request_model, response_id, agent, tool, "user", session, tags, release,
    environment, service, prompt, prompt_version, usage, cost_usd, cost_source, first_token_ms, finish_reasons,
    flags, convention, input, output, system, details, attributes
) from stdin (format binary);

-- name: add_to_traces
insert into traces as t (
    project, trace_id, name, root_started_at, is_named, started_at, ended_at, first_day, last_day, spans, errors,
    "user", session, release, environment, service, facets
)
select * from json_to_recordset(%(rows)s::json) as n (
    project text, trace_id uuid, name text, root_started_at timestamptz, is_named boolean, started_at timestamptz,
    ended_at timestamptz, first_day date, last_day date, spans bigint, errors bigint, "user" text, session text,
    release text, environment text, service text, facets text[]
)
order by project, trace_id
on conflict (project, trace_id) do update set
    name = case
        when t.is_named then t.name
        when excluded.is_named then excluded.name
        when excluded.root_started_at < coalesce(t.root_started_at, 'infinity') then excluded.name
        when t.name = '' then excluded.name
        else t.name
    end,
    service = case
        when excluded.service = '' then t.service
        when t.service = '' then excluded.service
        when excluded.root_started_at < coalesce(t.root_started_at, 'infinity') then excluded.service
        else t.service
    end,
    root_started_at = least(t.root_started_at, excluded.root_started_at),
    is_named = t.is_named or excluded.is_named,
    started_at = least(t.started_at, excluded.started_at),
    ended_at = greatest(t.ended_at, excluded.ended_at),
    first_day = least(t.first_day, excluded.first_day),
    last_day = greatest(t.last_day, excluded.last_day),
    spans = t.spans + excluded.spans,
    errors = t.errors + excluded.errors,
    "user" = case when t."user" = '' then excluded."user" else t."user" end,
    session = case when t.session = '' then excluded.session else t.session end,
    release = case when t.release = '' then excluded.release else t.release end,
    environment = case when t.environment = '' then excluded.environment else t.environment end,
    facets = case when t.facets @> excluded.facets or cardinality(t.facets) >= %(facets_max)s::int then t.facets
        else array(
            select distinct word from unnest(t.facets || excluded.facets) word order by word limit %(facets_max)s::int
        )
    end,
    changed_at = clock_timestamp();

-- name: mark_changed
insert into trace_changes as c (project, trace_id)
select * from unnest(%(projects)s::text[], %(traces)s::uuid[]) as n (project, trace_id) order by project, trace_id
on conflict (project, trace_id) do update set last_at = clock_timestamp();

-- name: queue_text
insert into text_queue (day, project, trace_ids, span_ids)
values (%(day)s, %(project)s, %(traces)s::uuid[], %(numbers)s::bigint[]);
