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

-- name: queue_answers
insert into answer_queue (day, project, calls) values (%(day)s, %(project)s, %(calls)s::uuid[]);

-- name: take_answers
delete from answer_queue where id = any(array(
    select id from answer_queue order by id limit %(limit)s for update skip locked
))
returning project, day, calls;

-- name: traces_by_answer
-- The traces whose spans name the answers of these calls, but for those that these calls belong to.
select distinct s.project, s.trace_id
from unnest(%(days)s::date[], %(ids)s::uuid[]) as n (day, id)
join requests r on r.day = n.day and r.id = n.id and r.project = any(%(project_ids)s::text[]) and r.response_id <> '',
    lateral (
        select * from spans s
        where s.project = any(%(project_ids)s::text[]) and s.project = r.project and s.response_id = r.response_id
            and s.response_id <> '' and s.day between r.day - %(days_apart)s::int and r.day + %(days_apart)s::int
        limit 20
    ) s
where replace(s.trace_id::text, '-', '') <> r.trace_id;

-- name: calls_by_answer
-- Two calls of one answer's id are enough to know that it names neither.
select n.place, r.day, r.id, r.trace_id, r.trace_id <> '' and exists (
    select from spans s
    where s.project = any(%(project_ids)s::text[]) and s.project = r.project and s.response_id = r.response_id
        and s.response_id <> '' and replace(s.trace_id::text, '-', '') = r.trace_id
        and s.day between r.day - %(days_apart)s::int and r.day + %(days_apart)s::int
)
from unnest(%(projects)s::text[], %(answers)s::text[], %(firsts)s::date[], %(lasts)s::date[])
    with ordinality as n (project, response_id, first_day, last_day, place),
    lateral (
        select * from requests r
        where r.project = any(%(project_ids)s::text[]) and r.project = n.project and r.response_id = n.response_id
            and r.response_id <> ''
            and r.day between n.first_day - %(days_apart)s::int and n.last_day + %(days_apart)s::int
        limit 2
    ) r;

-- name: adopt_calls
-- What has moved meanwhile stays where it is.
update requests r set trace_id = n.trace_id, parent_span_id = n.span_id
from unnest(%(days)s::date[], %(ids)s::uuid[], %(befores)s::text[], %(traces)s::text[], %(spans)s::bigint[])
    as n (day, id, before, trace_id, span_id)
where r.day = n.day and r.id = n.id and r.trace_id = n.before and r.project = any(%(project_ids)s::text[])
returning r.id, r.project, r.trace_id, (extract(epoch from r.started_at) * 1000)::bigint, r.duration_ms, r.key,
    r."user", r.session, r.tags, r.operation, r.model, r.target, r.status, r.release, r.environment,
    array(select used ->> 'name' from jsonb_array_elements(r.prompts) used where used ->> 'kind' = 'managed'),
    r.finish;

-- name: queue_text
insert into text_queue (day, project, trace_ids, span_ids)
values (%(day)s, %(project)s, %(traces)s::uuid[], %(numbers)s::bigint[]);

-- name: lock_shard
-- Who has it settles the traces of this share until its transaction ends; a process that dies lets go of it.
select pg_try_advisory_xact_lock(hashtext('headgate settling'), %(shard)s);

-- name: due_traces
-- Traces that were quiet for a while, or have waited, the longer the larger they are.
select c.project, c.trace_id, c.last_at, coalesce(t.spans, 0), coalesce(t.first_day, current_date),
    coalesce(t.last_day, current_date), coalesce(t.name = '', false)
from trace_changes c
left join traces t on t.project = c.project and t.trace_id = c.trace_id and t.project = any(%(project_ids)s::text[])
where get_byte(uuid_send(c.trace_id), 15) %% %(shards_all)s = any(%(shards)s)
    and (c.last_at < clock_timestamp() - make_interval(secs => %(quiet_s)s) or c.first_at
        < clock_timestamp() - make_interval(secs => %(wait_s)s + coalesce(t.spans, 0) * %(span_s)s))
order by c.first_at limit %(limit)s;

-- name: changed_projects
select distinct project from trace_changes;

-- name: read_spans
-- `limit` bounds a trace, and has each looked up by its key.
select n.place, s.span_id, s.parent_id, s.kind, s.status, s.model, s.request_model, s.response_id, s.usage::text,
    case when s.cost_usd is not null then (least(s.cost_usd, 1000000) * 1000000000000)::bigint end,
    s.flags, (extract(epoch from s.started_at) * 1000000)::bigint, s.duration_us, case when n.is_nameless then s.name else '' end
from unnest(%(projects)s::text[], %(traces)s::uuid[], %(nameless)s::bool[], %(firsts)s::date[], %(lasts)s::date[])
    with ordinality as n (project, trace_id, is_nameless, first_day, last_day, place),
    lateral (
        select * from spans s
        where s.project = any(%(project_ids)s::text[]) and s.project = n.project and s.trace_id = n.trace_id
            and s.day between n.first_day and n.last_day
        limit %(limit)s
    ) s;

-- name: read_calls
select n.place, r.id, r.parent_span_id, r.model, r.target, r.response_id, r.usage::text,
    case when r.cost_usd is not null then (least(r.cost_usd, 1000000) * 1000000000000)::bigint end, r.status,
    (extract(epoch from r.started_at) * 1000000)::bigint, r.duration_ms
from unnest(%(projects)s::text[], %(texts)s::text[], %(firsts)s::date[], %(lasts)s::date[])
    with ordinality as n (project, trace_id, first_day, last_day, place),
    lateral (
        select * from requests r
        where r.project = any(%(project_ids)s::text[]) and r.project = n.project and r.trace_id = n.trace_id
            and r.trace_id <> '' and r.day between n.first_day and n.last_day
        limit %(limit)s
    ) r;

-- name: lock_traces
select n.place, t.name, t.service, t.environment, t.release, t.started_at,
    (extract(epoch from t.ended_at - t.started_at) * 1000)::bigint, t.spans, t.counted
from unnest(%(projects)s::text[], %(traces)s::uuid[]) with ordinality as n (project, trace_id, place)
join traces t on t.project = n.project and t.trace_id = n.trace_id and t.project = any(%(project_ids)s::text[])
order by t.project, t.trace_id
for update of t;

-- name: settle_traces
update traces t set
    name = case when t.name = '' then n.name else t.name end,
    calls = n.calls, errors = n.errors, input = n.input, cache_read = n.cache_read, cache_write = n.cache_write,
    output = n.output, reasoning = n.reasoning, cost_usd = n.cost_usd, unpriced = n.unpriced, flags = n.flags,
    elsewhere = n.elsewhere,
    facets = case when t.flags = n.flags then t.facets else array(
        select word from unnest(t.facets) word where not starts_with(word, 'flag:')
        union select 'flag:' || flag from unnest(n.flags) flag order by 1
    ) end,
    counted = decode(n.counted, 'base64'), changed_at = clock_timestamp()
from json_to_recordset(%(rows)s::json) as n (
    project text, trace_id uuid, name text, calls bigint, errors bigint, input bigint, cache_read bigint,
    cache_write bigint, output bigint, reasoning bigint, cost_usd numeric, unpriced bigint, flags text[],
    elsewhere text[], counted text
)
where t.project = n.project and t.trace_id = n.trace_id and t.project = any(%(project_ids)s::text[]);

-- name: forget_traces
-- What nothing is left of, since its calls have gone to the traces that name them.
delete from traces t
using unnest(%(projects)s::text[], %(traces)s::uuid[]) as n (project, trace_id)
where t.project = n.project and t.trace_id = n.trace_id and t.project = any(%(project_ids)s::text[]) and t.spans = 0;

-- name: known_rollup_values
-- How many values there are of each project, slot and dimension, and which of those asked for are among them.
select a.project, extract(epoch from a.slot)::bigint / 3600, a.dimension, a.value, r.value is not null, (
    select count(*) from trace_rollups c
    where c.project = a.project and c.slot = a.slot and c.dimension = a.dimension
        and c.project = any(%(project_ids)s::text[])
)
from unnest(%(projects)s::text[], %(slots)s::timestamptz[], %(dimensions)s::text[], %(values)s::text[])
    as a (project, slot, dimension, value)
left join trace_rollups r on r.project = a.project and r.slot = a.slot and r.dimension = a.dimension
    and r.value = a.value and r.project = any(%(project_ids)s::text[]);

-- name: add_to_rollups
insert into trace_rollups as r (
    project, slot, dimension, value, traces, spans, calls, errors, input, cache_read, cache_write, output, reasoning,
    cost_usd, unpriced, duration_sketch
)
select * from json_to_recordset(%(rows)s::json) as n (
    project text, slot timestamptz, dimension text, value text, traces bigint, spans bigint, calls bigint,
    errors bigint, input bigint, cache_read bigint, cache_write bigint, output bigint, reasoning bigint,
    cost_usd numeric, unpriced bigint, duration_sketch integer[]
)
order by project, slot, dimension, value
on conflict (project, slot, dimension, value) do update set
    traces = r.traces + excluded.traces,
    spans = r.spans + excluded.spans,
    calls = r.calls + excluded.calls,
    errors = r.errors + excluded.errors,
    input = r.input + excluded.input,
    cache_read = r.cache_read + excluded.cache_read,
    cache_write = r.cache_write + excluded.cache_write,
    output = r.output + excluded.output,
    reasoning = r.reasoning + excluded.reasoning,
    cost_usd = r.cost_usd + excluded.cost_usd,
    unpriced = r.unpriced + excluded.unpriced,
    duration_sketch = add_sketches(r.duration_sketch, excluded.duration_sketch);

-- name: add_to_rollup_days
insert into trace_rollup_days as r (
    project, day, dimension, value, traces, spans, calls, errors, input, cache_read, cache_write, output, reasoning,
    cost_usd, unpriced, duration_sketch
)
select project, (slot at time zone 'UTC')::date, dimension, value, traces, spans, calls, errors, input, cache_read,
    cache_write, output, reasoning, cost_usd, unpriced, duration_sketch
from json_to_recordset(%(rows)s::json) as n (
    project text, slot timestamptz, dimension text, value text, traces bigint, spans bigint, calls bigint,
    errors bigint, input bigint, cache_read bigint, cache_write bigint, output bigint, reasoning bigint,
    cost_usd numeric, unpriced bigint, duration_sketch integer[]
)
order by project, slot, dimension, value
on conflict (project, dimension, day, value) do update set
    traces = r.traces + excluded.traces,
    spans = r.spans + excluded.spans,
    calls = r.calls + excluded.calls,
    errors = r.errors + excluded.errors,
    input = r.input + excluded.input,
    cache_read = r.cache_read + excluded.cache_read,
    cache_write = r.cache_write + excluded.cache_write,
    output = r.output + excluded.output,
    reasoning = r.reasoning + excluded.reasoning,
    cost_usd = r.cost_usd + excluded.cost_usd,
    unpriced = r.unpriced + excluded.unpriced,
    duration_sketch = add_sketches(r.duration_sketch, excluded.duration_sketch);

-- name: forget_rollup_days
delete from trace_rollup_days r
using unnest(%(projects)s::text[], %(slots)s::timestamptz[]) as n (project, slot)
where r.project = n.project and r.day = (n.slot at time zone 'UTC')::date
    and r.project = any(%(project_ids)s::text[]) and r.traces = 0;

-- name: forget_rollups
delete from trace_rollups r
using unnest(%(projects)s::text[], %(slots)s::timestamptz[]) as n (project, slot)
where r.project = n.project and r.slot = n.slot and r.project = any(%(project_ids)s::text[]) and r.traces = 0;

-- name: take_changes
delete from trace_changes c
using unnest(%(projects)s::text[], %(traces)s::uuid[], %(seen)s::timestamptz[]) as n (project, trace_id, last_at)
where c.project = n.project and c.trace_id = n.trace_id and c.last_at = n.last_at;

-- name: wait_again
-- What has changed since it was looked at waits anew from now on.
update trace_changes c set first_at = clock_timestamp()
from unnest(%(projects)s::text[], %(traces)s::uuid[]) as n (project, trace_id)
where c.project = n.project and c.trace_id = n.trace_id;

-- name: queue_calls
insert into text_queue (day, project, trace_ids, span_ids, request_ids, due_at)
select c.day, c.project, array_agg(c.trace_id), array_agg(c.number), array_agg(c.request_id),
    clock_timestamp() + make_interval(secs => %(body_s)s)
from (
    select *, (row_number() over (partition by day, project order by request_id) - 1) / %(most)s as part
    from unnest(%(days)s::date[], %(projects)s::text[], %(traces)s::uuid[], %(numbers)s::bigint[], %(calls)s::uuid[])
        as n (day, project, trace_id, number, request_id)
) c
group by c.day, c.project, c.part;

-- name: late_calls
-- Of calls whose bodies came just now, those that nobody waits for any more: on record, and over for so long.
select r.day, r.project, r.trace_id, r.id
from unnest(%(days)s::date[], %(calls)s::uuid[]) as n (day, id)
join requests r on r.day = n.day and r.id = n.id
where r.project = any(%(project_ids)s::text[]) and r.trace_id <> '' and r.record = 'full'
    and r.started_at + r.duration_ms * interval '1 millisecond'
        < clock_timestamp() - make_interval(secs => %(body_s)s);

-- name: take_text
delete from text_queue where id = (
    select id from text_queue where due_at <= clock_timestamp() order by id limit 1 for update skip locked
)
returning day, project, trace_ids, span_ids, request_ids;

-- name: hold_call
-- One whose bodies are being erased waits, and is then not found.
select r.dialect, r.model
from requests r join request_bodies b on b.day = r.day and b.id = r.id and b.project = r.project
where r.project = any(%(project_ids)s::text[]) and r.day = %(day)s and r.id = %(call)s and r.record = 'full'
    and r.label_readers is null and r.label_purposes is null
for key share of b;

-- name: read_texts
-- What is newest first: see `keeping.texts`. A span that is being deleted waits, and is then not found.
select s.trace_id, s.span_id, left(s.output, %(characters)s), s.status_message, right(s.input, %(characters)s),
    left(s.system, %(characters)s), left(coalesce(s.details -> 'documents', '""')::text, %(characters)s)
from unnest(%(traces)s::uuid[], %(numbers)s::bigint[]) as n (trace_id, number),
    lateral (
        select * from spans s
        where s.project = any(%(project_ids)s::text[]) and s.project = %(project)s and s.trace_id = n.trace_id
            and s.span_id = n.number and s.day = %(day)s
        limit 1
        for key share
    ) s;

-- name: add_words
insert into span_words (day, project, trace_id, span_id, words, request_id)
select %(day)s, %(project)s, n.trace_id, n.number, to_tsvector('simple', n.text), n.request_id
from unnest(%(traces)s::uuid[], %(numbers)s::bigint[], %(texts)s::text[], %(calls)s::uuid[])
    as n (trace_id, number, text, request_id)
where n.text <> ''
-- A span only ever says more, by events that came as logs: whoever has read it before them must not win.
on conflict (project, trace_id, span_id, day) do update set words = excluded.words
where length(excluded.words) >= length(span_words.words);

-- name: list_trace_projects
-- One step of the index a project, however many traces there are; null for those of all projects, as the job asks.
with recursive steps (project) as (
    (select project from traces order by project limit 1)
    union all
    select (select t.project from traces t where t.project > s.project order by t.project limit 1)
    from steps s where s.project is not null
)
select project from steps
where project is not null and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: list_event_projects
-- Events may be all that a project has sent.
with recursive steps (project) as (
    (select project from span_events order by project limit 1)
    union all
    select (select e.project from span_events e where e.project > s.project order by e.project limit 1)
    from steps s where s.project is not null
)
select project from steps
where project is not null and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: list_score_projects
-- As list_trace_projects, of scores.
with recursive steps (project) as (
    (select project from scores order by project limit 1)
    union all
    select (select s.project from scores s where s.project > t.project order by s.project limit 1)
    from steps t where t.project is not null
)
select project from steps
where project is not null and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: expire_scores
-- By when they came: an outcome may be told long after the trace that it is of.
delete from scores where project = any(%(project_ids)s) and received_at < current_date - %(days)s::int;

-- name: expire_spans
delete from spans where project = any(%(project_ids)s) and day < current_date - %(days)s::int;

-- name: expire_span_words
delete from span_words where project = any(%(project_ids)s) and day < current_date - %(days)s::int;

-- name: expire_text_queue
delete from text_queue where project = any(%(project_ids)s) and day < current_date - %(days)s::int;

-- name: expire_traces
delete from traces where project = any(%(project_ids)s) and last_day < current_date - %(days)s::int;

-- name: expire_trace_rollup_days
delete from trace_rollup_days where project = any(%(project_ids)s) and day < current_date - %(days)s::int;

-- name: expire_trace_rollups
delete from trace_rollups where project = any(%(project_ids)s) and slot < current_date - %(days)s::int;

-- name: add_span_events
-- What comes again stays as it is: the day before, too, around midnight.
insert into span_events (day, project, trace_id, span_id, digest, key, name, at_ns, place, attributes, cost_usd)
select n.day, n.project, n.trace_id, n.span_id, n.digest, n.key, n.name, n.at_ns, n.place, n.attributes, n.cost_usd
from unnest(
    %(days)s::date[], %(projects)s::text[], %(traces)s::uuid[], %(numbers)s::bigint[], %(digests)s::bytea[],
    %(keys)s::text[], %(names)s::text[], %(times)s::bigint[], %(places)s::int[], %(texts)s::text[],
    %(costs)s::numeric[]
) as n (day, project, trace_id, span_id, digest, key, name, at_ns, place, attributes, cost_usd)
where not exists (
    select from span_events e
    where e.project = any(%(project_ids)s::text[]) and e.project = n.project and e.trace_id = n.trace_id
        and e.span_id = n.span_id and e.digest = n.digest and e.day between n.day - 1 and n.day + 1
)
on conflict do nothing
returning project, trace_id, span_id, day;

-- name: any_span_events
select exists (select from span_events where project = any(%(project_ids)s::text[]));

-- name: hold_traces
-- Whoever brings spans or events locks their traces and marks them changed before it looks for the others: of two at
-- once, the second sees what the first has brought.
select from traces t
join unnest(%(projects)s::text[], %(traces)s::uuid[]) as n (project, trace_id)
    on t.project = n.project and t.trace_id = n.trace_id
where t.project = any(%(project_ids)s::text[])
order by t.project, t.trace_id
for update of t;

-- name: span_keys_with_events
-- Which of the spans that are named are there, and have events of the key that they came with.
select s.project, s.trace_id, s.span_id, s.day
from unnest(%(projects)s::text[], %(traces)s::uuid[], %(numbers)s::bigint[], %(days)s::date[])
    as n (project, trace_id, number, day),
    lateral (
        select s.project, s.trace_id, s.span_id, s.day from spans s
        where s.project = any(%(project_ids)s::text[]) and s.project = n.project and s.trace_id = n.trace_id
            and s.span_id = n.number and s.day between n.day - %(around)s::int and n.day + %(around)s::int
            and exists (
                select from span_events e
                where e.project = s.project and e.project = any(%(project_ids)s::text[]) and e.trace_id = s.trace_id
                    and e.span_id = s.span_id and e.key = s.key
                    and e.day between n.day - 2 * %(around)s::int and n.day + 2 * %(around)s::int
            )
        order by s.day limit 1
    ) s
order by s.project, s.trace_id, s.span_id;

-- name: spans_with_events
select s.project, s.trace_id, s.span_id, s.day, s.key, s.parent_id,
    (extract(epoch from s.started_at) * 1000000)::bigint, s.duration_us, s.usage::text, s.details::text, s.name, s.kind,
    s.operation, s.status, s.status_message, s.provider, s.model, s.request_model, s.response_id, s.agent, s.tool,
    s.prompt, s.prompt_version,
    case when s.cost_usd is not null then (least(s.cost_usd, 1000000) * 1000000000000)::bigint end, s.cost_source,
    s.first_token_ms, s.finish_reasons, s.flags, s.tags, s.service, s.environment, s.release, s.input, s.output,
    s.system, s.attributes
from unnest(%(projects)s::text[], %(traces)s::uuid[], %(numbers)s::bigint[], %(days)s::date[])
    with ordinality as n (project, trace_id, number, day, place),
    lateral (
        select * from spans s
        where s.project = any(%(project_ids)s::text[]) and s.project = n.project and s.trace_id = n.trace_id
            and s.span_id = n.number and s.day = n.day
        limit 1
    ) s
order by n.place;

-- name: read_span_events
-- The first of each span, as many as are read; of the key alone that the span came with.
select n.place, e.name, e.at_ns, e.attributes,
    case when e.cost_usd is not null then (least(e.cost_usd, 1000000) * 1000000000000)::bigint end
from unnest(
    %(projects)s::text[], %(traces)s::uuid[], %(numbers)s::bigint[], %(days)s::date[], %(keys)s::text[]
) with ordinality as n (project, trace_id, number, day, key, place),
    lateral (
        select e.name, e.at_ns, e.place, e.digest, e.attributes, e.cost_usd,
            sum(octet_length(e.attributes)) over (order by e.at_ns, e.place, e.digest) as bytes
        from span_events e
        where e.project = any(%(project_ids)s::text[]) and e.project = n.project and e.trace_id = n.trace_id
            and e.span_id = n.number and e.key = n.key
            and e.day between n.day - %(around)s::int and n.day + %(around)s::int
        order by e.at_ns, e.place, e.digest limit %(events_max)s
    ) e
where e.bytes <= %(bytes_max)s
order by n.place, e.at_ns, e.place, e.digest;

-- name: tell_span
update spans set kind = %(kind)s, operation = %(operation)s, status_message = %(status_message)s,
    provider = %(provider)s, model = %(model)s, request_model = %(request_model)s, response_id = %(response_id)s,
    agent = %(agent)s, tool = %(tool)s, prompt = %(prompt)s, prompt_version = %(prompt_version)s,
    usage = %(usage)s::jsonb, cost_usd = %(cost_usd)s, cost_source = %(cost_source)s,
    first_token_ms = %(first_token_ms)s, finish_reasons = %(finish_reasons)s::text[], flags = %(flags)s::text[],
    input = %(input)s, output = %(output)s, system = %(system)s, details = %(details)s::json
where project = any(%(project_ids)s::text[]) and project = %(project)s and trace_id = %(trace_id)s
    and span_id = %(number)s and day = %(day)s;

-- name: expire_span_events
delete from span_events where project = any(%(project_ids)s) and day < current_date - %(days)s::int;
