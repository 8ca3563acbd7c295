-- Judges, items and marks. See judges/storing.py, judges/queue.py and judges/reading.py.

-- name: put_judge
insert into judges (project, name, version, question, definition, made_by)
values (%(project)s, %(name)s, %(version)s, %(question)s, %(definition)s, %(made_by)s)
on conflict (project, name, version) do update set definition = excluded.definition, put_at = clock_timestamp()
returning project, name, version, question, definition, made_at, made_by, (xmax = 0);

-- name: list_judges
-- The versions of each name, the last put first.
select project, name, version, question, definition, made_at, made_by from judges
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s)) and (%(name)s::text is null or name = %(name)s)
order by project, name, put_at desc, version
limit %(limit)s;

-- name: find_version
-- A version under whichever name, the last put first.
select project, name, version, question, definition, made_at, made_by from judges
where project = any(%(project_ids)s) and version = %(version)s order by put_at desc, name limit 1;

-- name: said_before
-- Which of these marks a judge has said already: what was said first stays.
select m.item, m.shown, m.repeat from marks m
where m.project = any(%(project_ids)s) and m.item = any(%(ids)s::uuid[]) and m.source = 'judge'
    and m.said_by = %(judge)s and m.version = %(version)s;

-- name: add_items
-- What is there already stays, and gets what was not known of it.
insert into judged_items (
    project, id, judge, subject, case_name, request_id, other_request_id, trace_id, span_id, key, "user", session,
    content, length_a, length_b, model_a, model_b, lot, sampled
)
select %(project)s, i.id, %(judge)s, i.subject, i.case_name, i.request_id, i.other_request_id, i.trace_id, i.span_id,
    i.key, i."user", i.session, i.content, i.length_a, i.length_b, i.model_a, i.model_b, i.lot, i.sampled
from jsonb_to_recordset(%(rows)s::jsonb) as i (
    id uuid, subject text, case_name text, request_id uuid, other_request_id uuid, trace_id uuid,
    span_id bigint, key text, "user" text, session text, content text, length_a int, length_b int, model_a text, model_b text, lot double precision,
    sampled boolean
)
order by i.id
on conflict (project, id) do nothing;

-- name: facts_of_requests
-- Of calls that are on record: whose they are, who answered, and how much.
select r.id, r.key, r."user", r.session, r.target, r.trace_id, coalesce(b.response_length, 0)
from requests r
left join request_bodies b on b.project = any(%(project_ids)s) and b.day = r.day and b.id = r.id
where r.project = any(%(project_ids)s) and r.day = any(%(days)s::date[]) and r.id = any(%(ids)s::uuid[]);

-- name: facts_of_spans
select s.trace_id, s.span_id, s.key, s."user", s.session, s.model, length(s.output)
from spans s
join unnest(%(traces)s::uuid[], %(spans)s::bigint[]) as w (trace_id, span_id)
    on w.trace_id = s.trace_id and w.span_id = s.span_id
where s.project = any(%(project_ids)s);

-- name: add_marks
insert into marks (project, item, source, said_by, version, question, shown, repeat, value, sure, comment, key)
select %(project)s, m.item, %(source)s, %(said_by)s, %(version)s, %(question)s, m.shown, m.repeat, m.value, m.sure,
    m.comment, %(key)s
from jsonb_to_recordset(%(rows)s::jsonb) as m (
    item uuid, shown text, repeat int, value double precision, sure double precision, comment text
)
on conflict do nothing;

-- name: different_marks
-- Those that were there before and say something else.
select count(*) from marks k
join jsonb_to_recordset(%(rows)s::jsonb) as m (item uuid, shown text, repeat int, value double precision)
    on k.item = m.item and k.shown = m.shown and k.repeat = m.repeat
where k.project = any(%(project_ids)s) and k.source = %(source)s and k.said_by = %(said_by)s
    and k.version = %(version)s and k.question = %(question)s and k.value is distinct from m.value;

-- name: choose
-- Put items into the queue; what is there for another reason keeps that.
update judged_items set
    wanted = greatest(wanted, %(wanted)s),
    sampled = sampled or %(chosen)s = 'random',
    chosen = case when wanted > 0 then chosen else %(chosen)s end,
    chosen_at = coalesce(chosen_at, clock_timestamp())
where project = any(%(project_ids)s) and judge = %(judge)s and id = any(%(ids)s::uuid[]) and wanted < %(wanted)s
returning id;

-- name: disagreeing
-- Answers whose user said yes where the judge said no, or the reverse; of the last days, a few at a time.
select i.id from judged_items i
join marks m on m.project = i.project and m.item = i.id and m.source = 'judge' and m.version = %(version)s
    and m.repeat = 0
join scores s on s.project = i.project and s.name = %(feedback)s
    and s.request_id = i.request_id and i.request_id is not null
where i.project = any(%(project_ids)s) and i.judge = %(judge)s and i.wanted = 0
    and i.at > clock_timestamp() - interval '30 days' and s.value is not null and m.value is not null
    and (s.value > 0) <> (m.value > 0)
limit %(limit)s;

-- name: thumbs_down
-- Calls whose user said no, and which nobody has been asked about.
select distinct s.request_id from scores s
where s.project = any(%(project_ids)s) and s.name = %(feedback)s and s.value <= 0 and s.request_id is not null
    and s.at > clock_timestamp() - interval '30 days'
    and not exists (
        select from judged_items i
        where i.project = any(%(project_ids)s) and i.judge = %(judge)s and i.request_id = s.request_id and i.wanted > 0
    )
limit %(limit)s;

-- name: queue
-- Items that people mark, in the order of their lots: what is not marked yet is no choice of anybody.
select i.project, i.id, i.judge, i.subject, i.case_name, i.request_id, i.other_request_id, i.trace_id, i.span_id,
    i.content, i.wanted,
    i.chosen, i.chosen_at, i.lot, i.sampled, count(m.item) as marked,
    coalesce(bool_or(m.said_by = %(by)s), false) as mine
from judged_items i
left join marks m on m.project = i.project and m.item = i.id and m.source = 'person' and m.question = %(question)s
where i.project = any(%(project_ids)s) and i.judge = %(judge)s and i.wanted > 0
    and (%(id)s::uuid is null or i.id = %(id)s) and i.lot > %(after)s
group by i.project, i.id
having case %(state)s when 'open' then count(m.item) < i.wanted when 'done' then count(m.item) >= i.wanted
    else true end
    and (not %(others)s::bool or not coalesce(bool_or(m.said_by = %(by)s), false))
order by i.lot
limit %(limit)s;

-- name: get_item
select i.project, i.judge from judged_items i
where (%(project_ids)s::text[] is null or i.project = any(%(project_ids)s)) and i.id = %(id)s;

-- name: marks_of_items
select item, source, said_by, version, question, shown, repeat, value, comment, at from marks
where project = any(%(project_ids)s) and item = any(%(ids)s::uuid[])
order by item, at, said_by, shown, repeat;

-- name: marked
-- Everything that was said of a judge's answers, by this version or by people asked the same question.
select i.id, i.sampled, i.length_a, i.length_b, i.model_a, i.model_b, m.source, m.shown, m.repeat, m.value
from judged_items i
join marks m on m.project = i.project and m.item = i.id
where i.project = any(%(project_ids)s) and i.judge = %(judge)s
    and ((m.source = 'judge' and m.version = %(version)s) or (m.source = 'person' and m.question = %(question)s))
order by i.lot, i.id, m.at, m.said_by
limit %(limit)s;

-- name: waiting
select i.project, i.judge, count(*) filter (where not i.done) as open, count(*) filter (where i.done) as done
from (
    select i.project, i.judge, i.wanted <= (
        select count(*) from marks m where m.project = i.project and m.item = i.id and m.source = 'person'
    ) as done
    from judged_items i
    where (%(project_ids)s::text[] is null or i.project = any(%(project_ids)s)) and i.wanted > 0
) i
group by i.project, i.judge;

-- name: calibration
-- What people have marked, with everything said of it.
select i.project, i.id, i.judge, i.subject, i.case_name, i.request_id, i.other_request_id, i.trace_id, i.span_id,
    i.content, i.sampled,
    i.chosen, i.chosen_at, i.wanted, i.lot, 0 as marked, false as mine
from judged_items i
where i.project = any(%(project_ids)s) and i.judge = %(judge)s and i.lot > %(after)s and exists (
    select from marks m
    where m.project = i.project and m.item = i.id and m.source = 'person' and m.question = %(question)s
)
order by i.lot
limit %(limit)s;

-- name: find_pairs
select i.project, i.id, i.subject, i.case_name, i.request_id, i.other_request_id, i.trace_id, i.span_id, i.content
from judged_items i
where i.project = any(%(project_ids)s) and i.judge = %(judge)s and i.id = any(%(ids)s::uuid[]);

-- name: list_item_projects
select distinct project from judged_items where %(project_ids)s::text[] is null or project = any(%(project_ids)s);

-- name: strip_items
-- What outlives its project's retention: names, ids and words go, and numbers stay.
update judged_items set
    key = '', "user" = '', session = '', content = '', case_name = '', request_id = null, other_request_id = null,
    trace_id = null, span_id = null, wanted = case when exists (
        select from marks m where m.project = judged_items.project and m.item = judged_items.id and m.source = 'person'
    ) then wanted else 0 end
where project = any(%(project_ids)s) and at < (clock_timestamp() at time zone 'UTC')::date - %(days)s::int
    and (key <> '' or "user" <> '' or session <> '' or content <> '' or case_name <> '' or request_id is not null
        or trace_id is not null);

-- name: strip_marks
update marks set comment = '' where project = any(%(project_ids)s) and at < (clock_timestamp() at time zone 'UTC')::date - %(days)s::int and comment <> '';

-- name: texts_of_span
select coalesce(input, ''), coalesce(output, '') from spans
where project = any(%(project_ids)s) and trace_id = %(trace_id)s and span_id = %(span_id)s limit 1;
