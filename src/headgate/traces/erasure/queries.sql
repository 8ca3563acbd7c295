-- What erases, and what counts again. Every statement is about one project, given as project_ids. What is null of user,
-- session, trace, key and everything does not count; one of them is given. Only what began before the cutoff goes.

-- name: ask
insert into erasures (id, project, kind, subject, subject_digest, cutoff, asked_by, dry_run, stands_until)
values (
    %(id)s, %(project)s, %(kind)s, %(subject)s, %(subject_digest)s,
    coalesce(%(cutoff)s::timestamptz, clock_timestamp()), %(asked_by)s, %(dry_run)s,
    clock_timestamp() + make_interval(days => %(days)s)
);

-- part: columns
id, project, kind, subject, subject_digest, cutoff, asked_at, asked_by, dry_run, state, removed::text, remained::text,
    second_look::text, looks, finished_at, digest, stands_until

-- name: get
select [columns] from erasures
where id = %(id)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: list
select [columns] from erasures
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(before)s::uuid is null or id < %(before)s)
order by id desc limit %(limit)s;

-- name: claim
update erasures set claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s),
    state = case state when 'waiting' then 'running' else state end
where id = (
    select id from erasures
    where next_look <= clock_timestamp() and claimed_until < clock_timestamp()
    order by next_look for update skip locked limit 1
)
returning [columns];

-- name: progress
update erasures set removed = %(removed)s::jsonb, claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
where id = %(id)s;

-- name: finish
update erasures set state = 'done', removed = %(removed)s::jsonb, remained = %(remained)s::jsonb,
    second_look = %(second_look)s::jsonb, looks = looks + 1,
    finished_at = coalesce(finished_at, clock_timestamp()), claimed_until = '-infinity',
    next_look = case when dry_run then 'infinity' else clock_timestamp() + make_interval(mins => %(minutes)s) end
where id = %(id)s
returning finished_at;

-- name: sign
update erasures set digest = %(digest)s where id = %(id)s;

-- name: confirm
update erasures set second_look = %(second_look)s::jsonb where id = %(id)s;

-- name: forget_names
update erasures set subject = '', next_look = 'infinity'
where stands_until < clock_timestamp() and subject <> '' and kind <> 'all_before' and state = 'done';

-- name: forget_ids
with over as (select id from erasures where stands_until < clock_timestamp()),
    calls as (delete from erasure_calls where erasure in (select id from over)),
    cases as (delete from erasure_cases where erasure in (select id from over)),
    messages as (delete from erasure_messages where erasure in (select id from over))
delete from erasure_traces where erasure in (select id from over);

-- name: find_calls
-- By the indexes on user, session, trace, key or day.
with found as (
    select r.day, r.id, r.trace_id from requests r
    where r.project = any(%(project_ids)s::text[]) and r.started_at < %(cutoff)s
        and (%(user)s::text is null or (r."user" = %(user)s and r."user" <> ''))
        and (%(session)s::text is null or (r.session = %(session)s and r.session <> ''))
        and (%(trace)s::text is null or (r.trace_id = %(trace)s and r.trace_id <> ''))
        and (%(key)s::text is null or r.key = %(key)s)
        and (%(everything)s::bool is null or r.day <= (%(cutoff)s::timestamptz at time zone 'UTC')::date)
    limit %(limit)s
), calls as (
    insert into erasure_calls (erasure, day, id) select %(id)s, day, id from found on conflict do nothing
), traced as (
    insert into erasure_traces (erasure, trace_id)
    select distinct %(id)s::uuid, trace_id::uuid from found where trace_id ~ '^[0-9a-f]{32}$'
    on conflict do nothing
)
select day, id from found;

-- name: erased_calls
select day, id from erasure_calls
where erasure = %(id)s and (day, id) > (%(day)s::date, %(after)s::uuid) order by day, id limit %(limit)s;

-- name: shadows_of_calls
-- Calls that were made beside these, which hold the same words.
select shadow from rollout_pairs p
where p.project = any(%(project_ids)s::text[]) and p.call = any(%(ids)s::uuid[]) and p.shadow <> all(%(ids)s::uuid[])
union
select c.id from context_replays r cross join unnest(r.calls) as c (id)
where r.project = any(%(project_ids)s::text[]) and r.request_id = any(%(ids)s::uuid[]) and c.id <> all(%(ids)s::uuid[]);

-- part: day_of_call
-- An id begins with the milliseconds of its time (`core.identity`).
(to_timestamp(('x' || left(replace(c.id::text, '-', ''), 12))::bit(48)::bigint / 1000.0) at time zone 'UTC')::date

-- name: note_shadows
-- The same of all calls of a subject, for a dry run, which takes none of them.
with calls as materialized ([its_calls])
insert into erasure_calls (erasure, day, id)
select %(id)s::uuid, [day_of_call], c.id from (
    select p.shadow from calls join rollout_pairs p on p.call = calls.id
    where p.project = any(%(project_ids)s::text[])
    union
    select unnest(r.calls) from calls join context_replays r on r.request_id = calls.id
    where r.project = any(%(project_ids)s::text[])
) c (id) on conflict do nothing;

-- name: forget_calls
delete from erasure_calls where erasure = %(id)s;

-- name: erase_rollout_pairs
delete from rollout_pairs p
where p.project = any(%(project_ids)s::text[])
    and (p.call = any(%(ids)s::uuid[]) or p.shadow = any(%(ids)s::uuid[]));

-- name: erase_request_bodies
with gone as (
    delete from request_bodies b using unnest(%(days)s::date[], %(ids)s::uuid[]) as w (day, id)
    where b.day = w.day and b.id = w.id and b.project = any(%(project_ids)s::text[])
    returning b.day, b.request_messages
), noted as (
    insert into erasure_messages (erasure, day, hmac)
    select distinct %(id)s::uuid, day, unnest(request_messages) from gone on conflict do nothing
)
select count(*) from gone;

-- name: erase_match_queue
delete from match_queue q using unnest(%(days)s::date[], %(ids)s::uuid[]) as w (day, id)
where q.day = w.day and q.id = w.id and q.project = any(%(project_ids)s::text[]);

-- name: erase_scores_of_calls
delete from scores where project = any(%(project_ids)s::text[]) and request_id = any(%(ids)s::uuid[]);

-- name: erase_scores_of_sessions
-- Of the sessions of a user's calls, where nobody else has calls in them.
delete from scores c
where c.project = any(%(project_ids)s::text[]) and least(c.received_at, c.at) < %(cutoff)s and c."user" in ('', %(user)s)
    and c.session in (
        select r.session from requests r
        join unnest(%(days)s::date[], %(ids)s::uuid[]) as w (day, id) on r.day = w.day and r.id = w.id
        where r.project = any(%(project_ids)s::text[]) and r.session <> ''
    )
    and not exists (
        select from requests r
        where r.project = c.project and r.session = c.session and r.session <> '' and r."user" <> %(user)s
    );

-- name: erase_scores_of_trace_sessions
delete from scores c
where c.project = any(%(project_ids)s::text[]) and least(c.received_at, c.at) < %(cutoff)s and c."user" in ('', %(user)s)
    and c.session in (
        select t.session from traces t
        where t.project = any(%(project_ids)s::text[]) and t.trace_id = any(%(traces)s::uuid[]) and t.session <> ''
            and t."user" = %(user)s
    )
    and not exists (
        select from traces t
        where t.project = c.project and t.session = c.session and t.session <> '' and t."user" <> %(user)s
    );

-- name: erase_ledger
-- The sum stays, since budgets count it; who it was for goes.
update ledger set "user" = '', tags = '{}'
where request = any(%(ids)s::uuid[]) and project = any(%(project_ids)s::text[]) and ("user" <> '' or tags <> '{}');

-- name: erase_requests
delete from requests r using unnest(%(days)s::date[], %(ids)s::uuid[]) as w (day, id)
where r.day = w.day and r.id = w.id and r.project = any(%(project_ids)s::text[]);

-- name: erase_ledger_of_user
-- Reads the whole ledger: rows outlive their requests, and have no index by user.
update ledger set "user" = '', tags = '{}'
where project = any(%(project_ids)s::text[]) and "user" = %(user)s and at < %(cutoff)s;

-- name: find_traces
insert into erasure_traces (erasure, trace_id)
select %(id)s, t.trace_id from traces t
where t.project = any(%(project_ids)s::text[]) and t.started_at < %(cutoff)s
    and (%(user)s::text is null or (t."user" = %(user)s and t."user" <> ''))
    and (%(session)s::text is null or (t.session = %(session)s and t.session <> ''))
    and (%(trace)s::text is null or t.trace_id = %(trace)s::uuid)
    and (%(key)s::text is null or t.facets @> array['key:' || %(key)s::text])
on conflict do nothing;

-- part: events_alone
-- Events of spans that never came are in no trace that is known.
e.project = any(%(project_ids)s::text[]) and e.day <= (%(cutoff)s::timestamptz at time zone 'UTC')::date
    and (e.key = %(key)s or e.trace_id = %(trace)s::text::uuid or %(everything)s::bool)

-- name: find_span_events
insert into erasure_traces (erasure, trace_id)
select distinct %(id)s::uuid, e.trace_id from span_events e where [events_alone]
on conflict do nothing;

-- name: find_spans
-- Spans of the subject in traces of others, by the indexes on user and session. A key is among the words of its traces,
-- but where these had too many.
insert into erasure_traces (erasure, trace_id)
select %(id)s::uuid, s.trace_id from spans s
where s.project = any(%(project_ids)s::text[]) and s.started_at < %(cutoff)s
    and ((s."user" = %(user)s and s."user" <> '') or (s.session = %(session)s and s.session <> ''))
union
select %(id)s::uuid, t.trace_id from traces t
where %(key)s::text is not null and t.project = any(%(project_ids)s::text[])
    and cardinality(t.facets) >= %(facets_max)s::int
    and exists (
        select from spans s
        where s.project = t.project and s.trace_id = t.trace_id and s.key = %(key)s and s.started_at < %(cutoff)s
            and s.day between t.first_day and t.last_day
    )
on conflict do nothing;

-- name: next_traces
select trace_id from erasure_traces where erasure = %(id)s and look < %(look)s order by trace_id limit %(limit)s;

-- name: erase_spans
-- A span that names nobody is its trace's; a trace that names nobody is theirs whose call it holds. Each trace is
-- looked for on its own days: all of them on all days would be a hundred times as many looks.
with found as materialized (
    select s.day, s.project, s.trace_id, s.span_id
    from traces t, lateral (
        select * from spans s
        where s.project = t.project and s.trace_id = t.trace_id and s.day between t.first_day and t.last_day
        offset 0
    ) s
    where t.project = any(%(project_ids)s::text[]) and t.trace_id = any(%(traces)s::uuid[])
        and s.started_at < %(cutoff)s
        and (%(user)s::text is null or s."user" = %(user)s or (s."user" = '' and t."user" in (%(user)s, '')))
        and (%(session)s::text is null or s.session = %(session)s
            or (s.session = '' and t.session in (%(session)s, '')))
        and (%(key)s::text is null or s.key = %(key)s)
), gone as (
    delete from spans s using found f
    where s.project = any(%(project_ids)s::text[]) and s.day = f.day and s.project = f.project
        and s.trace_id = f.trace_id and s.span_id = f.span_id
    returning s.project, s.trace_id, s.span_id
), scored as (
    delete from scores c using gone g where c.project = g.project and c.span_id = g.span_id and c.trace_id = g.trace_id
    returning c.id
), counted as (
    select project, trace_id, count(*) as spans from gone group by project, trace_id
), told as (
    update traces t set spans = greatest(0, t.spans - c.spans) from counted c
    where t.project = c.project and t.trace_id = c.trace_id
)
select (select count(*) from gone), (select count(*) from scored);

-- part: words_alone
-- Those of these traces whose span and call are gone. Each trace is looked for on its own days, on all where its row
-- is gone.
select w.day, w.project, w.trace_id, w.span_id
from (
    select p.project, n.trace_id, coalesce(t.first_day, '-infinity') as first_day,
        coalesce(t.last_day, 'infinity') as last_day
    from these c, unnest(c.ids) n (trace_id) cross join unnest(%(project_ids)s::text[]) p (project)
    left join traces t on t.project = p.project and t.trace_id = n.trace_id
    offset 0
) d, lateral (
    select * from span_words w
    where w.project = d.project and w.trace_id = d.trace_id and w.day between d.first_day and d.last_day
        and w.project = any(%(project_ids)s::text[])
    offset 0
) w
where not exists (
        select from spans s
        where s.project = d.project and s.trace_id = d.trace_id and s.span_id = w.span_id
            and s.day between d.first_day and d.last_day and s.project = any(%(project_ids)s::text[])
    )
    and (w.request_id is null or not exists (
        select from requests r
        where r.project = any(%(project_ids)s::text[]) and r.day = w.day and r.id = w.request_id
    ))

-- name: find_span_words
with these as (select %(traces)s::uuid[] as ids)
select f.day, f.trace_id, f.span_id from ([words_alone]) f;

-- name: erase_span_words
-- By arrays, whose lengths the planner knows: it would read all there are for what it has to guess.
delete from span_words w
using unnest(%(days)s::date[], %(traces)s::uuid[], %(spans)s::bigint[]) as n (day, trace_id, span_id)
where w.project = any(%(project_ids)s::text[]) and w.day = n.day and w.trace_id = n.trace_id
    and w.span_id = n.span_id;

-- name: erase_span_events
-- Also those whose span hasn't come yet: nobody knows whose it would have been.
delete from span_events e
where e.project = any(%(project_ids)s::text[]) and e.trace_id = any(%(traces)s::uuid[])
    and (e.key = %(key)s or not exists (
        select from spans s where s.project = e.project and s.trace_id = e.trace_id and s.span_id = e.span_id
    ));

-- name: erase_scores_of_traces
with called as materialized (
    select r.project, r.trace_id from requests r
    where r.project = any(%(project_ids)s::text[]) and r.trace_id = any(%(texts)s::text[]) and r.trace_id <> ''
)
delete from scores c
where c.project = any(%(project_ids)s::text[]) and c.trace_id = any(%(traces)s::uuid[])
    and not exists (select from spans s where s.project = c.project and s.trace_id = c.trace_id)
    and not exists (
        select from called r where r.project = c.project and r.trace_id = replace(c.trace_id::text, '-', '')
    );

-- name: erase_traces
with called as materialized (
    select r.project, r.trace_id from requests r
    where r.project = any(%(project_ids)s::text[]) and r.trace_id = any(%(texts)s::text[]) and r.trace_id <> ''
)
delete from traces t
where t.project = any(%(project_ids)s::text[]) and t.trace_id = any(%(traces)s::uuid[])
    and not exists (
        select from spans s
        where s.project = t.project and s.trace_id = t.trace_id and s.day between t.first_day and t.last_day
    )
    and not exists (
        select from called r where r.project = t.project and r.trace_id = replace(t.trace_id::text, '-', '')
    );

-- name: blank_traces
-- What others still have a part in stays without the subject's name, and is counted again.
with blanked as (
    update traces t set
        "user" = case when t."user" = %(user)s then '' else t."user" end,
        session = case when t.session = '' or exists (
            select from spans s
            where s.project = t.project and s.trace_id = t.trace_id and s.day between t.first_day and t.last_day
                and s.session = t.session
            union all
            select from requests r
            where r.project = t.project and r.trace_id = replace(t.trace_id::text, '-', '') and r.trace_id <> ''
                and r.session = t.session
        ) then t.session else '' end,
        facets = array(
            select facet from unnest(t.facets) facet
            where not starts_with(facet, 'tag:') or exists (
                select from spans s
                where s.project = t.project and s.trace_id = t.trace_id
                    and s.day between t.first_day and t.last_day and substr(facet, 5) = any(s.tags)
            )
        )
    where t.project = any(%(project_ids)s::text[]) and t.trace_id = any(%(traces)s::uuid[])
    returning t.project, t.trace_id
)
insert into trace_changes (project, trace_id) select project, trace_id from blanked on conflict do nothing;

-- name: erase_trace_changes
delete from trace_changes c
where c.project = any(%(project_ids)s::text[]) and c.trace_id = any(%(traces)s::uuid[])
    and not exists (select from traces t where t.project = c.project and t.trace_id = c.trace_id);

-- name: seen_traces
update erasure_traces set look = %(look)s where erasure = %(id)s and trace_id = any(%(traces)s::uuid[]);

-- name: erase_scores
-- By the indexes on user and session; by key and by time all of the project's are read. What is said late of the time
-- before goes too; what is said of the time after stays.
delete from scores
where project = any(%(project_ids)s::text[]) and least(received_at, at) < %(cutoff)s
    and (("user" = %(user)s and "user" <> '') or (session = %(session)s and session <> '') or key = %(key)s
        or trace_id = %(trace)s::uuid or %(everything)s::bool);

-- part: units_of
-- Those named by the subject, and those that calls of it stand for (a trace, a call), of the time before.
e.version = u.version and u.project = any(%(project_ids)s::text[]) and u.first_at < %(cutoff)s
    and ((e.definition ->> 'unit' = 'user' and u.unit = %(user)s)
        or (e.definition ->> 'unit' = 'session' and u.unit = %(session)s)
        or (e.definition ->> 'unit' = 'trace' and u.unit = %(trace)s)
        or %(everything)s::bool)

-- name: erase_experiment_units
delete from experiment_units u using experiments e where [units_of];

-- name: count_experiment_units
select count(*) from experiment_units u, experiments e where [units_of];

-- part: calls_of_units
c.project = any(%(project_ids)s::text[]) and c.at < %(cutoff)s
    and (%(everything)s::bool or c.trace_id = %(trace)s::uuid or exists (
        select from experiments e
        where e.version = c.version and ((e.definition ->> 'unit' = 'user' and c.unit = %(user)s)
            or (e.definition ->> 'unit' = 'session' and c.unit = %(session)s))
    ))

-- name: erase_experiment_calls
delete from experiment_calls c where [calls_of_units];

-- name: count_experiment_calls
select count(*) from experiment_calls c where [calls_of_units];

-- name: erase_units_of_calls
-- Units that are no user: the session of a user's call, a trace, a call.
with named as (
    select c.version, c.project, c.unit from experiment_calls c
    join experiments e on e.version = c.version and e.definition ->> 'unit' <> 'user'
    where c.project = any(%(project_ids)s::text[]) and c.request = any(%(ids)s::uuid[])
    union
    select e.version, p.project, i.id::text from experiments e, unnest(%(project_ids)s::text[]) as p (project),
        unnest(%(ids)s::uuid[]) as i (id)
    where e.definition ->> 'unit' = 'call'
)
delete from experiment_units u using named n
where u.version = n.version and u.project = n.project and u.unit = n.unit;

-- name: erase_unit_calls
delete from experiment_calls c
where c.project = any(%(project_ids)s::text[]) and c.request = any(%(ids)s::uuid[]);

-- part: judged_items_of
-- The answers of a subject that people or judges have marked: by whose they were, and by its calls.
i.project = any(%(project_ids)s::text[]) and i.at < %(cutoff)s
    and ((i."user" = %(user)s and i."user" <> '') or (i.session = %(session)s and i.session <> '') or i.key = %(key)s
        or i.trace_id = %(trace)s::text::uuid or %(everything)s::bool
        or i.request_id in (select c.id from ([its_calls]) c)
        or i.other_request_id in (select c.id from ([its_calls]) c))

-- part: marks_of
-- Of those answers, and what was said with a key that is erased.
m.project = any(%(project_ids)s::text[]) and m.at < %(cutoff)s and (m.key = %(key)s
    or m.item in (select i.id from judged_items i where [judged_items_of]))

-- name: erase_marks
delete from marks m where [marks_of];

-- name: count_marks
select count(*) from marks m where [marks_of];

-- name: erase_judged_items
delete from judged_items i where [judged_items_of];

-- name: count_judged_items
select count(*) from judged_items i where [judged_items_of];

-- part: cases_of
c.project = any(%(project_ids)s::text[]) and c.added_at < %(cutoff)s
    and ((c."user" = %(user)s and c."user" <> '') or (c.session = %(session)s and c.session <> '')
        or c.trace_id = %(trace)s::uuid or c.key = %(key)s or %(everything)s::bool)

-- name: note_cases
-- Before they go: runs that began meanwhile may still have them.
insert into erasure_cases (erasure, dataset, id)
select distinct %(id)s::uuid, c.dataset, c.id from dataset_cases c where [cases_of] on conflict do nothing;

-- part: asked_with_cases
-- Answers of canaries' runs that began before the cases went.
e.erasure = %(id)s and k.project = any(%(project_ids)s::text[]) and k.dataset = e.dataset and k.started_at < e.at
    and a.run = k.id and a."case" = e.id

-- name: calls_of_cases
-- Calls that checks made with cases which came from the subject, judges' among them, and those of canaries.
select unnest(r.calls) from erasure_cases e
join check_runs k on k.project = any(%(project_ids)s::text[]) and k.dataset = e.dataset and k.started_at < e.at
join check_results r on r.project = k.project and r.run = k.id and r."case" = e.id
where e.erasure = %(id)s
union
select unnest(r.calls) from erasure_cases e
join context_studies k on k.project = any(%(project_ids)s::text[]) and k.dataset = e.dataset and k.began_at < e.at
join context_replays r on r.project = k.project and r.study = k.id and r.subject = e.id
where e.erasure = %(id)s
union
select a.call from erasure_cases e, drift_runs k, drift_answers a where [asked_with_cases] and a.call is not null;

-- name: note_calls
insert into erasure_calls (erasure, day, id)
select %(id)s, w.day, w.id from unnest(%(days)s::date[], %(ids)s::uuid[]) as w (day, id) on conflict do nothing;

-- name: erase_dataset_cases
delete from dataset_cases c where [cases_of];

-- name: count_dataset_cases
select count(*) from dataset_cases c where [cases_of];

-- name: erase_drift_watches
-- Those that know answers to such cases by their digests. Without these cases their next run begins anew anyway.
delete from drift_watches w using erasure_cases e, drift_runs k, drift_answers a
where [asked_with_cases] and w.watch = a.watch and (w.state->'answers' ? e.id or w.state->'wordings' ? e.id);

-- name: erase_drift_answers
delete from drift_answers a using drift_runs k, erasure_cases e where [asked_with_cases];

-- part: answers_of
-- To cases that are still there, and what came late to those that are gone.
select a.run, a.place, a.watch, a."case" from dataset_cases c
join drift_runs k on k.project = c.project and k.dataset = c.dataset
join drift_answers a on a.run = k.id and a."case" = c.id
where [cases_of]
union
select a.run, a.place, a.watch, a."case" from erasure_cases e, drift_runs k, drift_answers a where [asked_with_cases]

-- name: count_drift_answers
select count(*) from ([answers_of]) found;

-- name: count_drift_watches
select count(distinct w.watch) from ([answers_of]) a
join drift_watches w on w.watch = a.watch and (w.state->'answers' ? a."case" or w.state->'wordings' ? a."case");

-- name: erase_check_results
delete from check_results where project = any(%(project_ids)s::text[]) and calls && %(ids)s::uuid[];

-- name: erase_check_judgements
delete from check_judgements where project = any(%(project_ids)s::text[]) and request_id = any(%(ids)s::uuid[]);

-- name: erase_context_replays
delete from context_replays
where project = any(%(project_ids)s::text[])
    and (request_id = any(%(ids)s::uuid[]) or calls && %(ids)s::uuid[]);

-- name: erase_rollup_days
delete from rollup_days
where project = any(%(project_ids)s::text[]) and day <= (%(cutoff)s::timestamptz at time zone 'UTC')::date
    and ((dimension = 'user' and value = %(user)s)
        or (%(everything)s::bool and day < (%(cutoff)s::timestamptz at time zone 'UTC')::date));

-- name: erase_session_days
delete from session_days
where project = any(%(project_ids)s::text[]) and day <= (%(cutoff)s::timestamptz at time zone 'UTC')::date
    and ((session = %(session)s and session <> '') or ("user" = %(user)s and "user" <> '')
        or (%(everything)s::bool and day < (%(cutoff)s::timestamptz at time zone 'UTC')::date));

-- part: unknown_gone
u.project = any(%(project_ids)s::text[]) and (u.last_seen at time zone 'UTC')::date in (select day from days)
    and not exists (
        select from unknown_days d
        where d.project = u.project and d.id = u.id and d.day not in (select day from days)
    )

-- part: unknown_said
u.project = any(%(project_ids)s::text[]) and u.example <> '' and u.example_day in (select day from days)

-- name: erase_unknown_prompts
-- Templates found on days of erased calls alone; an example of such a day goes from the others.
with days as (select distinct day from erasure_calls where erasure = %(id)s),
gone as (
    delete from unknown_prompts u where [unknown_gone] returning u.project, u.id
), days_gone as (
    delete from unknown_days d using gone g where d.project = g.project and d.id = g.id
), calls_gone as (
    delete from unknown_calls c using gone g where c.project = g.project and c.id = g.id
), blanked as (
    update unknown_prompts u set example = ''
    where [unknown_said] and not exists (select from gone g where g.id = u.id and g.project = u.project)
    returning u.id
)
select (select count(*) from gone) + (select count(*) from blanked);

-- name: count_unknown_prompts
-- What others say later on the days of these calls is not the subject's.
with calls as materialized ([its_calls]), days as materialized (select distinct day from calls)
select count(*) from unknown_prompts u
where (([unknown_gone]) or ([unknown_said])) and (u.first_seen < %(cutoff)s or exists (
    select from unknown_calls k
    where k.project = u.project and k.id = u.id and k.day in (select day from days)
        and k.request in (select id from calls)
));

-- name: erase_journal_rejects
-- Entries that no sink could apply: those that name the subject and the project. Reads all.
delete from journal_rejects
where at < %(cutoff)s and %(bytes)s::bytea is not null and position(%(bytes)s::bytea in payload) > 0
    and position(%(project_bytes)s::bytea in payload) > 0;

-- name: erase_alerts
-- With what is on its way to webhooks.
delete from alerts
where project = any(%(project_ids)s::text[]) and at < %(cutoff)s
    and (%(everything)s::bool or subject ~ %(pattern)s::text or message ~ %(pattern)s::text);

-- name: erase_saved_views
-- Those whose name or filters name the subject.
delete from saved_views
where project = any(%(project_ids)s::text[]) and changed_at < %(cutoff)s
    and (%(everything)s::bool or name ~ %(pattern)s::text or search ~ %(pattern)s::text);

-- name: message_days
select distinct day from erasure_messages where erasure = %(id)s order by day;

-- name: wait_for_lock
select set_config('lock_timeout', %(wait)s, true);

-- name: lock_messages
-- Whoever writes a body has looked for its messages in the same transaction: wait for these, let none begin.
lock table messages in share row exclusive mode;

-- name: erase_messages
-- Those that no other call refers to: reads the references of the project's calls of one day.
with used as (
    select distinct unnest(b.request_messages) as hmac from request_bodies b
    where b.project = any(%(project_ids)s::text[]) and b.day = %(day)s
)
delete from messages m using erasure_messages e
where e.erasure = %(id)s and e.day = %(day)s and m.day = %(day)s and m.hmac = e.hmac
    and m.project = any(%(project_ids)s::text[])
    and not exists (select from used u where u.hmac = m.hmac);

-- part: of_requests
r.project = any(%(project_ids)s::text[]) and r.started_at < %(cutoff)s
    and (%(user)s::text is null or (r."user" = %(user)s and r."user" <> ''))
    and (%(session)s::text is null or (r.session = %(session)s and r.session <> ''))
    and (%(trace)s::text is null or (r.trace_id = %(trace)s::text and r.trace_id <> ''))
    and (%(key)s::text is null or r.key = %(key)s)

-- part: its_calls
-- Those that are there, and those that are gone.
select r.day, r.id from requests r where [of_requests]
union
select c.day, c.id from erasure_calls c where c.erasure = %(id)s

-- name: count_requests
-- Those that were found with others, such as shadows, are not of the subject by name.
select (select count(*) from requests r where [of_requests]) + (
    select count(*) from erasure_calls c join requests r on r.day = c.day and r.id = c.id
    where c.erasure = %(id)s and r.project = any(%(project_ids)s::text[]) and not ([of_requests])
);

-- name: count_request_bodies
select count(*) from request_bodies b
where b.project = any(%(project_ids)s::text[]) and (b.day, b.id) in ([its_calls]);

-- name: count_match_queue
select count(*) from match_queue q
where q.project = any(%(project_ids)s::text[]) and (q.day, q.id) in ([its_calls]);

-- name: count_rollout_pairs
with calls as materialized ([its_calls])
select count(*) from (
    select p.place from rollout_pairs p join calls c on p.call = c.id where p.project = any(%(project_ids)s::text[])
    union
    select p.place from rollout_pairs p join calls c on p.shadow = c.id where p.project = any(%(project_ids)s::text[])
) found;

-- name: count_check_results
with calls as materialized ([its_calls])
select count(*) from (
    select distinct k.run, k."case", k.repeat from calls c join check_results k on k.calls && array[c.id]
    where k.project = any(%(project_ids)s::text[])
) found;

-- name: count_check_judgements
with calls as materialized ([its_calls])
select count(*) from check_judgements k
where k.project = any(%(project_ids)s::text[]) and k.request_id in (select c.id from calls c);

-- name: count_context_replays
with calls as materialized ([its_calls])
select count(*) from (
    select r.study, r.subject from calls c join context_replays r on r.request_id = c.id
    where r.project = any(%(project_ids)s::text[])
    union
    select r.study, r.subject from calls c join context_replays r on r.calls && array[c.id]
    where r.project = any(%(project_ids)s::text[])
) found;

-- name: count_messages
select count(*) from messages m
join erasure_messages e on e.erasure = %(id)s and e.day = m.day and e.hmac = m.hmac
where m.project = any(%(project_ids)s::text[]);

-- part: its_spans
-- Each way to a span by an index of its own: one condition for all would read every span there is.
select s.day, s.project, s.trace_id, s.span_id from spans s
where s.project = any(%(project_ids)s::text[]) and s.started_at < %(cutoff)s and %(everything)s::bool
union
select s.day, s.project, s.trace_id, s.span_id from spans s
where s.project = any(%(project_ids)s::text[]) and s.started_at < %(cutoff)s
    and s."user" = %(user)s and s."user" <> ''
union
select s.day, s.project, s.trace_id, s.span_id from spans s
where s.project = any(%(project_ids)s::text[]) and s.started_at < %(cutoff)s
    and s.session = %(session)s and s.session <> ''
union
select s.day, s.project, s.trace_id, s.span_id from spans s
where s.project = any(%(project_ids)s::text[]) and s.started_at < %(cutoff)s and s.trace_id = %(trace)s::text::uuid
union
select s.day, s.project, s.trace_id, s.span_id
from traces t,
    lateral (
        select s.day, s.project, s.trace_id, s.span_id from spans s
        where s.project = t.project and s.trace_id = t.trace_id and s.started_at < %(cutoff)s
            and s.day between t.first_day and t.last_day
            and case
                when %(key)s::text is not null then s.key = %(key)s
                when %(user)s::text is not null then s."user" = ''
                else s.session = ''
            end
        offset 0
    ) s
where t.project = any(%(project_ids)s::text[]) and (
    (t."user" = %(user)s and t."user" <> '') or (t.session = %(session)s and t.session <> '')
    or (%(key)s::text is not null and (
        t.facets @> array['key:' || %(key)s::text] or cardinality(t.facets) >= %(facets_max)s::int
    ))
)

-- name: count_spans
select count(*) from ([its_spans]) found;

-- name: count_span_words
-- Of the spans that are there, of calls, and in traces that are gone what find_span_words finds.
with these as materialized (select array(select e.trace_id from erasure_traces e where e.erasure = %(id)s) as ids),
calls as materialized (
    select r.day, r.project, r.id, r.trace_id::uuid as trace_id from requests r
    where [of_requests] and r.trace_id ~ '^[0-9a-f]{32}$'
)
select count(*) from (
    select w.project, w.trace_id, w.span_id, w.day from ([its_spans]) f, lateral (
        select * from span_words w
        where w.project = f.project and w.trace_id = f.trace_id and w.span_id = f.span_id and w.day = f.day
            and w.project = any(%(project_ids)s::text[])
        offset 0
    ) w
    union
    select w.project, w.trace_id, w.span_id, w.day from calls c, lateral (
        select * from span_words w
        where w.project = c.project and w.trace_id = c.trace_id and w.day = c.day and w.request_id = c.id
            and w.project = any(%(project_ids)s::text[])
        offset 0
    ) w
    union
    select f.project, f.trace_id, f.span_id, f.day from ([words_alone]) f
) found;

-- name: count_span_events
-- Of the spans that are there, of the key, and in all these traces those whose span is gone or never came.
with own as materialized ([its_spans])
select count(*) from (
    select e.project, e.trace_id, e.span_id, e.digest, e.day from own f, lateral (
        select * from span_events e
        where e.project = f.project and e.trace_id = f.trace_id and e.span_id = f.span_id
            and e.project = any(%(project_ids)s::text[])
        offset 0
    ) e
    union
    select e.project, e.trace_id, e.span_id, e.digest, e.day
    from (
        select c.trace_id from erasure_traces c where c.erasure = %(id)s
        union
        select e.trace_id from span_events e where [events_alone]
        union
        select r.trace_id::uuid from requests r where [of_requests] and r.trace_id ~ '^[0-9a-f]{32}$'
        union
        select f.trace_id from own f
    ) t, lateral (
        select * from span_events e
        where e.project = any(%(project_ids)s::text[]) and e.trace_id = t.trace_id
        offset 0
    ) e
    where e.key = %(key)s or not exists (
        select from spans s where s.project = e.project and s.trace_id = e.trace_id and s.span_id = e.span_id
    )
) found;

-- name: count_trace_changes
select count(*) from trace_changes c
where c.project = any(%(project_ids)s::text[])
    and c.trace_id in (select e.trace_id from erasure_traces e where e.erasure = %(id)s)
    and not exists (select from traces t where t.project = c.project and t.trace_id = c.trace_id);

-- name: count_traces
select count(*) from traces t
where t.project = any(%(project_ids)s::text[]) and t.started_at < %(cutoff)s
    and (%(user)s::text is null or (t."user" = %(user)s and t."user" <> ''))
    and (%(session)s::text is null or (t.session = %(session)s and t.session <> ''))
    and (%(trace)s::text is null or t.trace_id = %(trace)s::uuid)
    and (%(key)s::text is null or not exists (
        select from unnest(t.facets) facet where starts_with(facet, 'key:') and facet <> 'key:' || %(key)s::text
    ) and t.facets @> array['key:' || %(key)s::text]);

-- name: count_scores
select count(*) from scores
where project = any(%(project_ids)s::text[]) and least(received_at, at) < %(cutoff)s
    and (("user" = %(user)s and "user" <> '') or (session = %(session)s and session <> '') or key = %(key)s
        or trace_id = %(trace)s::uuid or %(everything)s::bool);

-- name: count_rollup_days
select count(*) from rollup_days
where project = any(%(project_ids)s::text[]) and day <= (%(cutoff)s::timestamptz at time zone 'UTC')::date
    and ((dimension = 'user' and value = %(user)s)
        or (%(everything)s::bool and day < (%(cutoff)s::timestamptz at time zone 'UTC')::date));

-- name: count_session_days
select count(*) from session_days
where project = any(%(project_ids)s::text[]) and day <= (%(cutoff)s::timestamptz at time zone 'UTC')::date
    and ((session = %(session)s and session <> '') or ("user" = %(user)s and "user" <> '')
        or (%(everything)s::bool and day < (%(cutoff)s::timestamptz at time zone 'UTC')::date));

-- name: count_ledger
select count(*) from ledger
where project = any(%(project_ids)s::text[]) and "user" = %(user)s and at < %(cutoff)s;

-- name: count_alerts
select count(*) from alerts
where project = any(%(project_ids)s::text[]) and at < %(cutoff)s
    and (%(everything)s::bool or subject ~ %(pattern)s::text or message ~ %(pattern)s::text);

-- name: count_saved_views
select count(*) from saved_views
where project = any(%(project_ids)s::text[]) and changed_at < %(cutoff)s
    and (%(everything)s::bool or name ~ %(pattern)s::text or search ~ %(pattern)s::text);

-- name: count_journal_rejects
select count(*) from journal_rejects
where at < %(cutoff)s and %(bytes)s::bytea is not null and position(%(bytes)s::bytea in payload) > 0
    and position(%(project_bytes)s::bytea in payload) > 0;

-- name: count_open_calls
select count(*) from open_calls
where project = any(%(project_ids)s::text[]) and ("user" = %(user)s or key = %(key)s or %(everything)s::bool);

-- name: count_open_attempts
select count(*) from open_attempts
where project = any(%(project_ids)s::text[]) and ("user" = %(user)s or key = %(key)s or %(everything)s::bool);

-- name: count_meters
select count(*) from meters where %(pattern)s::text <> '' and subject ~ %(pattern)s::text;
