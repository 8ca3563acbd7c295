-- How versions of prompts do, and which feedback counts for which. See prompts/outcomes/counting.py and reading.py.

-- name: claim
-- In one order everywhere; what fails comes back with the transaction.
delete from feedback_queue q using (
    select project, score from feedback_queue where not_before <= clock_timestamp()
    order by project, score limit %(limit)s for update skip locked
) taken
where q.project = taken.project and q.score = taken.score
returning q.project, q.score;

-- name: put_off
-- Each time for as long as it has been there, so that few looks are enough.
insert into feedback_queue (project, score, not_before)
select project, id, clock_timestamp() + greatest(clock_timestamp() - received_at, make_interval(secs => %(wait_s)s))
from scores
where project = any(%(project_ids)s) and id = any(%(scores)s::text[])
order by project, id
on conflict (project, score) do nothing;

-- name: queue_said_of
-- What was said of calls, or of their traces, counts anew when their prompts change.
insert into feedback_queue (project, score)
select project, id from (
    select s.project, s.id from scores s
    where s.project = any(%(project_ids)s) and s.request_id = any(%(ids)s::uuid[])
    union
    select s.project, s.id from scores s
    where s.project = any(%(project_ids)s) and s.subject <> 'request' and s.trace_id in (
        select r.trace_id::uuid from requests r
        join unnest(%(days)s::date[], %(ids)s::uuid[]) w (day, id) on r.day = w.day and r.id = w.id
        where r.project = any(%(project_ids)s) and r.trace_id ~ '^[0-9a-f]{32}$'
    )
) said order by project, id
on conflict (project, score) do update set not_before = '-infinity';

-- name: forget_said
delete from prompt_said where project = %(project)s and score = any(%(scores)s::text[])
returning score, prompt, version, source, name, day, environment, is_again, word, kind, value;

-- name: get_said
select id, name as word, kind, value, subject, request_id, trace_id, span_id,
    received_at > clock_timestamp() - interval '10 minutes' as is_fresh
from scores
where project = any(%(project_ids)s) and id = any(%(scores)s::text[])
    and subject in ('request', 'trace', 'business_id', 'span');

-- name: prompts_of_requests
-- A call without prompts is one row without a name.
select distinct r.id as place, r.day, r.environment, p.name, p.version, p.source
from requests r
join unnest(%(days)s::date[], %(ids)s::uuid[]) w (day, id) on r.day = w.day and r.id = w.id
left join lateral jsonb_to_recordset(r.prompts) as p (name text, version text, source text) on true
where r.project = any(%(project_ids)s);

-- name: prompts_of_traces
select r.trace_id::uuid as place, min(r.day) as day, r.environment, p.name, p.version, p.source
from requests r
cross join lateral jsonb_to_recordset(r.prompts) as p (name text, version text, source text)
where r.project = any(%(project_ids)s) and r.trace_id = any(%(traces)s::text[])
group by 1, 3, 4, 5, 6;

-- name: prompts_of_spans
-- Of the calls that a span made.
select r.parent_span_id as place, min(r.day) as day, r.environment, p.name, p.version, p.source
from requests r
cross join lateral jsonb_to_recordset(r.prompts) as p (name text, version text, source text)
where r.project = any(%(project_ids)s) and r.trace_id = any(%(traces)s::text[])
    and r.parent_span_id = any(%(spans)s::bigint[])
group by 1, 3, 4, 5, 6;

-- name: add_said
insert into prompt_said (
    project, score, prompt, version, source, name, day, environment, is_again, word, kind, value
) values (
    %(project)s, %(score)s, %(prompt)s, %(version)s, %(source)s, %(name)s, %(day)s, %(environment)s, %(is_again)s,
    %(word)s, %(kind)s, %(value)s
);

-- name: add_feedback
insert into prompt_feedback as f (
    project, day, key, prompt, version, environment, is_again, word, kind, answers, numbers, yes, no, total, squares
) values (
    %(project)s, %(day)s, %(key)s, %(prompt)s, %(version)s, %(environment)s, %(is_again)s, %(word)s, %(kind)s,
    %(answers)s, %(numbers)s, %(yes)s, %(no)s, %(total)s, %(squares)s
)
on conflict (project, day, key) do update set
    answers = f.answers + excluded.answers, numbers = f.numbers + excluded.numbers, yes = f.yes + excluded.yes,
    no = f.no + excluded.no, total = f.total + excluded.total, squares = f.squares + excluded.squares;

-- name: forget_feedback
delete from prompt_feedback
where project = %(project)s and day = %(day)s and key = %(key)s and answers <= 0;

-- part: within
t.day between %(since)s and %(until)s and (%(environment)s::text is null or t.environment = %(environment)s)

-- part: places
-- The environments, releases, models and keys of calls, each by itself.
select t.project, t.prompt, of_them.kind, of_them.named, t.calls, t.last_seen
from prompt_traffic t
cross join lateral (values ('environment', t.environment), ('release', t.release)) as of_them (kind, named)
where t.project = any(%(project_ids)s::text[]) and t.prompt = any(%(prompts)s::uuid[]) and [within]
    and of_them.named <> ''
union all
select t.project, t.prompt, t.kind, t.named, t.calls, null
from prompt_places t
where t.project = any(%(project_ids)s::text[]) and t.prompt = any(%(prompts)s::uuid[]) and [within]

-- name: days_of_versions
-- The most frequent versions, a row for each day.
with shown as (
    select t.version from prompt_traffic t
    where t.project = %(project)s and t.prompt = %(prompt)s and [within]
    group by t.version having sum(t.calls) > 0
    order by sum(t.calls) desc, t.version limit %(limit)s
)
select t.day, t.version, sum(t.calls)::bigint as calls, sum(t.measured)::bigint as measured,
    sum(t.failed)::bigint as failed, sum(t.cost_usd) as cost_usd, sum(t.unpriced)::bigint as unpriced,
    sum(t.estimated)::bigint as estimated, sum(t.input)::bigint as input, sum(t.cache_read)::bigint as cache_read,
    sum(t.cache_write)::bigint as cache_write, sum(t.output)::bigint as output,
    sum(t.reasoning)::bigint as reasoning, sum_sketches(t.duration_sketch) as durations,
    sum_sketches(t.first_token_sketch) as first_tokens, max(t.last_seen) as last_seen
from prompt_traffic t join shown on shown.version = t.version
where t.project = %(project)s and t.prompt = %(prompt)s and [within]
group by t.day, t.version
having sum(t.calls) > 0
order by t.day, t.version;

-- name: feedback_of_versions
select t.version, t.word, t.kind, sum(t.answers)::bigint as answers, sum(t.numbers)::bigint as numbers,
    sum(t.yes)::bigint as yes, sum(t.no)::bigint as no, sum(t.total) as total, sum(t.squares) as squares
from prompt_feedback t
where t.project = %(project)s and t.prompt = %(prompt)s and [within] and t.version = any(%(versions)s::text[])
group by t.version, t.word, t.kind
having sum(t.answers) > 0
order by sum(t.answers) desc, t.version, t.word, t.kind limit %(limit)s;

-- name: places_of_calls
-- Of each kind the most frequent: many keys leave room for models.
select * from (
    select p.kind, p.named, sum(p.calls)::bigint as calls, max(p.last_seen) as last_seen,
        row_number() over (partition by p.kind order by sum(p.calls) desc, p.named) as place
    from ([places]) p
    group by p.kind, p.named
    having sum(p.calls) > 0
) of_them
where place <= %(limit)s
order by kind, place;

-- name: places_of_prompts
-- Of each prompt and kind the most frequent, and how many there are.
select * from (
    select p.project, p.prompt, p.kind, p.named, sum(p.calls)::bigint as calls,
        count(*) over (partition by p.project, p.prompt, p.kind) as amount,
        row_number() over (partition by p.project, p.prompt, p.kind order by sum(p.calls) desc, p.named) as place
    from ([places]) p
    group by p.project, p.prompt, p.kind, p.named
    having sum(p.calls) > 0
) of_them
where place <= %(limit)s
order by project, prompt, kind, place;

-- name: versions_of_prompts
-- Of each prompt the most frequent versions: how many calls each had at each point, which is `step` days long.
with counted as (
    select t.project, t.prompt, t.version, (t.day - %(since)s::date) / %(step)s::int as point,
        sum(t.calls)::bigint as calls
    from prompt_traffic t
    where t.project = any(%(project_ids)s::text[]) and t.prompt = any(%(prompts)s::uuid[]) and [within]
    group by 1, 2, 3, 4
)
select * from (
    select project, prompt, version, sum(calls)::bigint as calls, array_agg(point order by point) as points,
        array_agg(calls order by point) as amounts,
        row_number() over (partition by project, prompt order by sum(calls) desc, version) as place
    from counted
    group by project, prompt, version
    having sum(calls) > 0
) of_them
where place <= %(limit)s
order by project, prompt, place;

-- name: feedback_of_prompts
-- Of each prompt what most was said, over all of its versions: once, where it counts under several.
select * from (
    select t.project, t.prompt, t.word, t.kind, sum(t.answers)::bigint as answers,
        sum(t.numbers)::bigint as numbers, sum(t.yes)::bigint as yes, sum(t.no)::bigint as no,
        sum(t.total) as total, sum(t.squares) as squares,
        row_number() over (partition by t.project, t.prompt order by sum(t.answers) desc, t.word, t.kind) as place
    from prompt_feedback t
    where t.project = any(%(project_ids)s::text[]) and t.prompt = any(%(prompts)s::uuid[]) and [within]
        and not t.is_again
    group by t.project, t.prompt, t.word, t.kind
    having sum(t.answers) > 0
) said
where place <= %(limit)s
order by project, prompt, place;

-- name: releases_holding
-- Of the newest releases those that hold a prompt of code, or a managed one by a label or as the newest.
select r.id, r.name, r.commit, r.created_at, array_agg(distinct held.version order by held.version) as versions
from (
    select id, name, commit, created_at, manifest::jsonb as manifest from releases
    where project = %(project)s order by created_at desc limit %(limit)s
) r
cross join lateral (
    select p ->> 'version' as version from jsonb_array_elements(r.manifest #> '{code,prompts}') p
    where p ->> 'path' = %(path)s and p ->> 'symbol' = %(symbol)s
    union
    select label.value from jsonb_each_text(r.manifest #> array['managed', %(managed)s::text, 'labels']) label
    union
    select r.manifest #>> array['managed', %(managed)s::text, 'newest']
) held
where held.version is not null
group by r.id, r.name, r.commit, r.created_at
order by r.created_at desc, r.id;

-- name: same_text
-- Where else the code says what this prompt says at its head.
select distinct o.source, o.path, o.symbol, o.line
from catalogue_versions v
join catalogue_versions o on o.project = v.project and o.version = v.version and o.is_newest
where v.project = %(project)s and v.prompt = %(prompt)s and v.is_newest
    and (o.source, o.prompt) <> (v.source, v.prompt)
order by o.source, o.path, o.symbol limit %(limit)s;
