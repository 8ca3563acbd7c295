-- Experiments. See experiments/definitions.py, sink.py, reading.py and decisions.py.

-- name: put_experiment
insert into experiments as e (version, name, definition) values (%(version)s, %(name)s, %(definition)s::jsonb)
on conflict (version) do update set definition = excluded.definition, changed_at = clock_timestamp()
where e.definition <> excluded.definition;

-- name: add_units
-- The first exposure, by its time, has the arm; calls count within the window from it on. What another arm than
-- the unit's served is counted as crossed.
insert into experiment_units as u (
    version, project, unit, arm, first_at, calls, errors, refusals, duration_ms, cost_usd, unpriced, tokens,
    output_tokens, uncounted, crossed, epoch, past_calls, past_call_ms, past_error_rate, past_cost_usd
)
select n.version, n.project, n.unit, n.arm, n.at, n.calls, n.errors, n.refusals, n.duration_ms, n.cost_usd,
    n.unpriced, n.tokens, n.output_tokens, n.uncounted, (
        select coalesce(sum(served.value::bigint), 0) from jsonb_each_text(n.by_arm) served
        where served.key <> case when e.first_at <= n.at then e.arm else n.arm end
    ), n.epoch, nullif(past.calls, 0), past.call_ms, past.error_rate, past.cost_usd
from jsonb_to_recordset(%(rows)s::jsonb) as n (
    version text, project text, unit text, arm text, at timestamptz, calls bigint, errors bigint,
    refusals bigint, duration_ms float8, cost_usd numeric, unpriced bigint, tokens bigint, output_tokens bigint,
    uncounted bigint, by_arm jsonb, epoch integer, unit_kind text
)
left join experiment_units e on e.version = n.version and e.project = n.project and e.unit = n.unit
left join lateral (
    select d.definition ->> 'alias' as alias, d.name, make_interval(secs => coalesce(
        (d.definition ->> 'window_s')::float8, 604800)) as lasts
    from experiments d where d.version = n.version
) x on true
left join lateral (
    -- Of a unit that is new, or turns out to have come earlier, its newest calls: some have a million. Calls in an arm of an
    -- earlier version were served by it.
    select count(*) as calls, avg(r.duration_ms)::float8 as call_ms, sum(coalesce(r.cost_usd, 0))::float8 as cost_usd,
        avg((r.status >= 400 and r.status <> %(client_closed)s and r.code <> %(refused)s)::int)::float8 as error_rate
    from (
        (select * from requests where n.unit_kind = 'user' and "user" = n.unit and "user" <> ''
            and project = n.project and project = any(%(project_ids)s::text[]) and started_at < n.at
            and day between (n.at at time zone 'UTC' - x.lasts)::date and (n.at at time zone 'UTC')::date
            order by day desc, id desc limit %(past_max)s)
        union all
        (select * from requests where n.unit_kind = 'session' and session = n.unit and session <> ''
            and project = n.project and project = any(%(project_ids)s::text[]) and started_at < n.at
            and day between (n.at at time zone 'UTC' - x.lasts)::date and (n.at at time zone 'UTC')::date
            order by day desc, id desc limit %(past_max)s)
    ) r
    where (e.first_at is null or n.at < e.first_at) and r.started_at >= n.at - x.lasts
        and r.model = x.alias and not r.exposures @> jsonb_build_array(jsonb_build_object('experiment', x.name))
) past on true
on conflict (version, project, unit) do update set (
    arm, epoch, first_at, calls, errors, refusals, duration_ms, cost_usd, unpriced, tokens, output_tokens, uncounted,
    crossed, past_calls, past_call_ms, past_error_rate, past_cost_usd
) = (
    select case when excluded.first_at < u.first_at then excluded.arm else u.arm end,
        case when excluded.first_at < u.first_at then excluded.epoch else u.epoch end,
        least(u.first_at, excluded.first_at), u.calls + c.counts * excluded.calls, u.errors + c.counts * excluded.errors,
        u.refusals + c.counts * excluded.refusals, u.duration_ms + c.counts * excluded.duration_ms,
        u.cost_usd + c.counts * excluded.cost_usd, u.unpriced + c.counts * excluded.unpriced,
        u.tokens + c.counts * excluded.tokens, u.output_tokens + c.counts * excluded.output_tokens,
        u.uncounted + c.counts * excluded.uncounted,
        case when excluded.first_at < u.first_at and excluded.arm <> u.arm then u.calls - u.crossed
            else u.crossed end + excluded.crossed,
        case when excluded.first_at < u.first_at then excluded.past_calls else u.past_calls end,
        case when excluded.first_at < u.first_at then excluded.past_call_ms else u.past_call_ms end,
        case when excluded.first_at < u.first_at then excluded.past_error_rate else u.past_error_rate end,
        case when excluded.first_at < u.first_at then excluded.past_cost_usd else u.past_cost_usd end
    from (
        select case when excluded.first_at < u.first_at + make_interval(secs => coalesce(
            (select (e.definition ->> 'window_s')::float8 from experiments e where e.version = u.version), 0
        )) then 1 else 0 end
    ) as c (counts)
);

-- name: add_calls
insert into experiment_calls (version, project, request, trace_id, session, unit, arm, at)
select n.version, n.project, n.request, n.trace_id, n.session, n.unit, n.arm, n.at
from jsonb_to_recordset(%(rows)s::jsonb) as n (
    version text, project text, request uuid, trace_id uuid, session text, unit text, arm text, at timestamptz
)
on conflict (version, request) do nothing;

-- name: add_strays
insert into experiment_strays as s (version, project, calls)
select n.version, n.project, n.calls
from jsonb_to_recordset(%(rows)s::jsonb) as n (version text, project text, calls bigint)
on conflict (version, project) do update set calls = s.calls + excluded.calls;

-- name: add_unpriced
insert into experiment_unpriced as p (version, project, arm, target, calls)
select n.version, n.project, n.arm, n.target, n.calls
from jsonb_to_recordset(%(rows)s::jsonb) as n (version text, project text, arm text, target text, calls bigint)
on conflict (version, project, arm, target) do update set calls = p.calls + excluded.calls;

-- name: list_experiments
-- Each version that there ever was, the last of a name first.
select e.version, e.name, e.definition::text, e.started_at, e.changed_at, d.decided_at, e.expired_at
from experiments e left join experiment_decisions d on d.version = e.version
where (%(name)s::text is null or e.name = %(name)s)
order by e.started_at desc, e.version;

-- name: have_room
-- For this transaction: a million units are sorted and joined in memory, and not on a disk; and joined at once: looked up one by
-- one they take half as long again, though the planner holds that for a little cheaper.
select set_config('random_page_cost', '8', true),
    case when pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('64MB') then set_config('work_mem', '64MB', true) end;

-- name: units_by_arm
-- All units and all measures of the records, in one scan: the moments of each measure that is asked for. Units of stage 0 are
-- complete for all metrics, of the last one for none, of those between for metrics that wait less.
select arm, [stage] as stage, epoch, past_calls is not null as has_past, count(*) as units, sum(calls)::bigint as calls,
    sum(crossed)::bigint as crossed, sum(unpriced)::bigint as unpriced,
    count(*) filter (where unpriced > 0) as without_price, count(*) filter (where uncounted > 0) as without_tokens,
    count(*) filter (where first_at > %(recent)s) as recent, min(first_at) as first_at, max(first_at) as last_at
    [measures]
from experiment_units
where version = %(version)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
group by 1, 2, 3, 4;

-- name: stage_of_unit
width_bucket(first_at, %(stages)s::timestamptz[]);

-- name: units_lacking
-- Complete units by arm and step of time, and how many have a call without a price, or without tokens.
select arm, floor(extract(epoch from first_at) / %(step_s)s)::bigint as step, count(*) as units,
    count(*) filter (where unpriced > 0) as without_price, count(*) filter (where uncounted > 0) as without_tokens
from experiment_units
where version = %(version)s and first_at < %(until)s
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
group by 1, 2;

-- name: strays
select coalesce(sum(calls), 0)::bigint from experiment_strays
where version = %(version)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: targets_unpriced
select arm, target from experiment_unpriced
where version = %(version)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
group by arm, target order by sum(calls) desc, target limit 100;

-- name: moments
-- PostgreSQL keeps one state for all of regr_*; it is sound for values far from 0, too.
regr_count([y], [x]), regr_avgy([y], [x]), regr_avgx([y], [x]), regr_syy([y], [x]), regr_sxy([y], [x]),
    regr_sxx([y], [x]), sum([y] * [y] * [y]), sum([y] * [y] * [x]), sum([y] * [x] * [x]), sum([x] * [x] * [x]);

-- name: past_moments
-- Of a third value z, what units did before, and how it goes with the two others.
regr_avgx([y], [z]), regr_sxx([y], [z]), regr_sxy([y], [z]), regr_sxy([x], [z]), sum([z] * [z] * [z]);

-- name: subjects_of_feedback
-- What feedback of each name is about; and what of it can't be counted: texts, what has no finite size, and
-- what is said to have been in the future.
select name, subject,
    count(*) filter (where at >= %(began)s and value is null) as texts,
    count(*) filter (where at >= %(began)s and not abs(value) < %(largest)s) as infinite,
    count(*) filter (where at > greatest(%(now)s, %(began)s)) as future
from scores
where name = any(%(names)s::text[]) and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
group by name, subject;

-- name: names_stand
-- What labels of prompts and environments stand for now.
select p.project, p.name, n.label, p.labels ->> n.label
from unnest(%(names)s::text[], %(labels)s::text[]) as n (name, label)
join managed_prompts p on p.name = n.name and p.labels ? n.label
where %(project_ids)s::text[] is null or p.project = any(%(project_ids)s::text[])
union all
select project, environment, '', release
from (
    select distinct on (project, environment) project, environment, release from environment_moves
    where environment = any(%(environments)s::text[])
        and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    order by project, environment, seq desc
) last
where release <> '';

-- name: names_moved
-- Where they moved since the start; the audit log has each move of a label.
select project, name, label, at, before, after
from (
    select a.project, n.name, n.label, a.at,
        coalesce(case when a.action in ('move_label', 'remove_label') then a.before ->> n.label
            else a.before -> 'labels' ->> n.label end, '') as before,
        coalesce(case when a.action in ('move_label', 'remove_label') then a.after ->> n.label
            else a.after -> 'labels' ->> n.label end, '') as after
    from unnest(%(names)s::text[], %(labels)s::text[]) as n (name, label)
    join audit_log a on a.kind = 'prompt' and a.object = n.name
    where a.at > %(began)s and a.at <= %(until)s
        and a.action in ('move_label', 'remove_label', 'create_version', 'delete')
        and (%(project_ids)s::text[] is null or a.project = any(%(project_ids)s::text[]))
    union all
    select project, environment, '', at, previous, release from environment_moves
    where environment = any(%(environments)s::text[]) and at > %(began)s and at <= %(until)s
        and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
) moved
where before <> after
order by at limit 1000;

-- name: received
-- Of the last values of each name since the start: whether they are of a unit's window, or why not.
with last as materialized (
    select n.name, s.*
    from unnest(%(names)s::text[]) as n (name)
    cross join lateral (
        select s.project, s.subject, s.at, s.request_id, s.trace_id, s.session, s."user"
        from scores s
        where s.name = n.name and s.at between %(began)s and %(now)s and abs(s.value) < %(largest)s
            and (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
        order by s.at desc limit %(most)s
    ) s
)
select name, reason, count(*)
from (
    select l.name, case when f.first_unit <> f.last_unit then 'shared' when u.first_at is null then 'unknown'
        when l.at < u.first_at then 'early'
        when l.at >= u.first_at + make_interval(secs => %(window_s)s) then 'late' else 'joined' end as reason
    from last l
    cross join lateral (
        select min(unit) as first_unit, max(unit) as last_unit
        from (
            select case %(unit)s when 'user' then l."user" when 'session' then l.session
                when 'trace' then replace(l.trace_id::text, '-', '') else l.request_id::text end as unit
            where l.subject = any(%(own)s::text[])
            union all
            select c.unit from experiment_calls c
            where l.subject = 'request' and l.subject <> all(%(own)s::text[]) and c.version = %(version)s
                and c.request = l.request_id and c.project = l.project
            union all
            select c.unit from experiment_calls c
            where l.subject in ('trace', 'span', 'business_id') and l.subject <> all(%(own)s::text[])
                and c.version = %(version)s and c.trace_id = l.trace_id and c.project = l.project
            union all
            select c.unit from experiment_calls c
            where l.subject = 'session' and l.subject <> all(%(own)s::text[]) and l.session <> ''
                and c.version = %(version)s and c.session = l.session and c.project = l.project
        ) named
    ) f
    left join experiment_units u on u.version = %(version)s and u.project = l.project and u.unit = f.first_unit
) told
group by 1, 2;

-- name: counting
s.name = any(%(names)s::text[]) and (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
        and abs(s.value) < %(largest)s and s.at <= %(now)s

-- name: said_by_itself
-- Feedback that names its unit.
    select s.name, s.project, case %(unit)s
            when 'user' then s."user" when 'session' then s.session
            when 'trace' then replace(s.trace_id::text, '-', '') else s.request_id::text
        end as unit, s.at, s.value
    from scores s
    where [counting] and s.subject = any(%(own)s::text[])

-- name: said_of_calls
    select s.name, s.project, c.unit, s.at, s.value
    from scores s
    join experiment_calls c on c.version = %(version)s and c.request = s.request_id and c.project = s.project
    where [counting] and s.subject = 'request'

-- name: said_of_traces
-- Of a trace that one unit alone has a part in.
    select s.name, s.project, min(c.unit) as unit, s.at, s.value
    from scores s
    join experiment_calls c on c.version = %(version)s and c.trace_id = s.trace_id and c.project = s.project
    where [counting] and s.subject in ('trace', 'span', 'business_id')
    group by s.id, s.project having min(c.unit) = max(c.unit)

-- name: said_of_sessions
-- Of a session that one unit alone has a part in.
    select s.name, s.project, min(c.unit) as unit, s.at, s.value
    from scores s
    join experiment_calls c on c.version = %(version)s and c.session = s.session and c.project = s.project
    where [counting] and s.subject = 'session' and c.session <> ''
    group by s.id, s.project having min(c.unit) = max(c.unit)

-- name: feedback_by_unit
-- What each unit said within its window (y), and in as much time before its first exposure (x): the mean of
-- answers, whether an event was, the sum of amounts. Of the kinds of subject that there are.
    select name, project, unit, arm, epoch, first_at,
        case kind when 'answer' then after / nullif(times_after, 0) when 'event' then least(coalesce(after, 0), 1)
            else coalesce(after, 0) end as y,
        case kind when 'answer' then before / nullif(times_before, 0) when 'event' then least(coalesce(before, 0), 1)
            else coalesce(before, 0) end as x
    from (
        select m.metric as name, m.kind, u.project, u.unit, u.arm, u.epoch, u.first_at,
            sum(v.value) filter (where s.at >= u.first_at) as after,
            count(*) filter (where s.at >= u.first_at) as times_after,
            sum(v.value) filter (where s.at < u.first_at) as before,
            count(*) filter (where s.at < u.first_at) as times_before
        from ([said]) s
        join unnest(%(metrics)s::text[], %(names)s::text[], %(kinds)s::text[], %(matured)s::timestamptz[])
            as m (metric, name, kind, matured) on m.name = s.name
        cross join lateral (
            select case when m.kind = 'event' then (s.value <> 0)::int::float8 else s.value end as value
        ) v
        join experiment_units u on u.version = %(version)s and u.project = s.project and u.unit = s.unit
        where u.first_at < %(over)s and u.first_at < m.matured
            and s.at < u.first_at + make_interval(secs => %(window_s)s)
            and s.at >= u.first_at - make_interval(secs => %(window_s)s)
        group by m.metric, m.kind, u.project, u.unit, u.arm, u.epoch, u.first_at
    ) summed

-- name: feedback_by_arm
-- Units that said something before apart from those that did not.
select name, arm, epoch, is_known, min(y), max(y), [moments]
from (
    select said.name, said.arm, said.epoch, said.x is not null as is_known, said.y::float8 as y,
        coalesce(said.x, 0)::float8 as x
    from ([feedback_by_unit]) said
    where said.y is not null
) measured
group by name, arm, epoch, is_known;

-- name: ratios
-- A sum of each complete unit (y) beside another (x), by arm, epoch, and time where some are given.
select arm, place, epoch, min(y), max(y), [moments]
from (
    select u.arm, u.epoch, width_bucket(u.first_at, %(cuts)s::timestamptz[]) as place, [numerator] as y,
        [denominator] as x
    from experiment_units u [joins]
    where u.version = %(version)s and u.first_at < %(until)s and ([known])
        and (%(project_ids)s::text[] is null or u.project = any(%(project_ids)s::text[]))
) measured
where y is not null and x is not null
group by arm, place, epoch;

-- name: with_feedback
-- Who was silent said 0.
left join (
    select project, unit, sum(y) filter (where name = 'above') as above, sum(y) filter (where name = 'below') as below
    from ([feedback_by_unit]) each
    group by project, unit
) said on said.project = u.project and said.unit = u.unit

-- name: with_sessions
left join (
    select c.project, c.unit, count(distinct c.session) as sessions
    from experiment_calls c
    join experiment_units w on w.version = c.version and w.project = c.project and w.unit = c.unit
    where c.version = %(version)s and c.session <> ''
        and c.at < w.first_at + make_interval(secs => %(window_s)s)
    group by c.project, c.unit
) held on held.project = u.project and held.unit = u.unit

-- name: units_over_time
-- How many units each arm has that came up to each of some times, and after the one before it.
select arm, epoch, width_bucket(first_at, %(cuts)s::timestamptz[]) as place, count(*)
from experiment_units
where version = %(version)s and first_at < %(until)s
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
group by 1, 2, 3;

-- name: calls_over_time
-- Measures of the records by arm and time, all in one pass.
select measure, per, arm, place, has_past, epoch, min(y), max(y), [moments], [past_moments]
from (
    select m.measure, d.measure as per, u.arm, u.epoch, width_bucket(u.first_at, %(cuts)s::timestamptz[]) as place,
        u.past_calls is not null as has_past, m.y, d.y as x, case d.measure when 'calls' then m.past_by_call end as z
    from experiment_units u
    cross join lateral (
        select case when p.is_known then u.cost_usd_float end as cost,
            case when t.is_known then u.tokens::float8 end as tokens,
            case when t.is_known then u.output_tokens::float8 end as output_tokens
        from (select u.unpriced = 0 and not u.first_at <@ %(out_price)s::tstzmultirange as is_known) p,
            (select u.uncounted = 0 and not u.first_at <@ %(out_tokens)s::tstzmultirange as is_known) t
    ) k
    cross join lateral (values
        ('cost', k.cost, u.past_cost_usd / u.past_calls), ('latency', u.duration_ms, u.past_call_ms),
        ('errors', u.errors::float8, u.past_error_rate), ('refusals', u.refusals::float8, null),
        ('tokens', k.tokens, null), ('output_tokens', k.output_tokens, null)
    ) m (measure, y, past_by_call)
    cross join lateral (values
        ('', case m.measure when 'cost' then coalesce(u.past_cost_usd, 0) else 0 end), ('calls', u.calls::float8),
        ('cost', k.cost), ('latency', u.duration_ms), ('errors', u.errors::float8),
        ('refusals', u.refusals::float8), ('tokens', k.tokens), ('output_tokens', k.output_tokens)
    ) d (measure, y)
    where u.version = %(version)s and u.first_at < %(until)s
        and (m.measure, d.measure) in (select * from unnest(%(measures)s::text[], %(divisors)s::text[]))
        and m.y is not null and d.y is not null
        and (%(project_ids)s::text[] is null or u.project = any(%(project_ids)s::text[]))
) measured
group by 1, 2, 3, 4, 5, 6;

-- name: feedback_over_time
-- As `feedback_by_arm`, by time.
select name, arm, place, is_known, epoch, min(y), max(y), [moments]
from (
    select said.name, said.arm, said.epoch, width_bucket(said.first_at, %(cuts)s::timestamptz[]) as place,
        said.x is not null as is_known, said.y::float8 as y, coalesce(said.x, 0)::float8 as x
    from ([feedback_by_unit]) said
    where said.y is not null
) measured
group by 1, 2, 3, 4, 5;

-- name: recorded_calls
-- Units of calls, experiment or none, and what was said of them: a unit begins with its first call of the period,
-- as if exposed there.
with calls as materialized (
    select r.project, r.id, r.trace_id, r.session, r.started_at,
        case %(unit)s when 'user' then r."user" when 'session' then r.session when 'trace' then r.trace_id
            else r.id::text end as unit[columns]
    from requests r
    where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
        and r.day >= %(first_day)s and r.started_at between %(begin)s and %(now)s
        and (%(model)s::text is null or r.model = %(model)s) and not r.exposures @> '[{"by": "shadow"}]'
),
units as (
    select project, unit, min(started_at) as first_at from calls where unit <> '' group by 1, 2
),
said as (
    select s.name, s.project, case %(unit)s when 'user' then s."user" when 'session' then s.session
        when 'trace' then replace(s.trace_id::text, '-', '') else s.request_id::text end as unit, s.at, s.value
    from scores s
    where [counting] and s.subject = any(%(own)s::text[])
    union all
    select s.name, s.project, c.unit, s.at, s.value
    from scores s join calls c on c.id = s.request_id and c.project = s.project
    where [counting] and s.subject = 'request' and %(unit)s <> 'call'
    union all
    select s.name, s.project, min(c.unit), s.at, s.value
    from scores s join calls c on c.trace_id = replace(s.trace_id::text, '-', '') and c.project = s.project
    where [counting] and s.subject in ('trace', 'span', 'business_id') and %(unit)s <> 'trace'
    group by s.id, s.project having min(c.unit) = max(c.unit)
    union all
    select s.name, s.project, min(c.unit), s.at, s.value
    from scores s join calls c on c.session = s.session and c.project = s.project
    where [counting] and s.subject = 'session' and s.session <> '' and %(unit)s <> 'session'
    group by s.id, s.project having min(c.unit) = max(c.unit)
)

-- name: recorded_units
[recorded],
measured as (
    select case %(kind)s when 'answer' then avg(s.value) when 'event' then coalesce(max((s.value <> 0)::int), 0)
        else coalesce(sum(s.value), 0) end::float8 as y
    from units u left join said s on s.project = u.project and s.unit = u.unit and s.at >= u.first_at
        and s.at < u.first_at + make_interval(secs => %(window_s)s)
    where u.first_at <= %(matured)s
    group by u.project, u.unit
)
select (select count(*) from units) as units, (select min(first_at) from units) as first_at, count(*) as complete,
    count(y) as measured, avg(y) as mean, stddev_samp(y) as deviation
from measured;

-- name: columns_of_calls
, r.duration_ms, r.cost_usd, (r.status >= 400 and r.status <> %(client_closed)s and r.code <> %(refused)s)::int as failed,
        (r.code = %(refused)s)::int as refused, (
            select coalesce(sum(coalesce((r.usage ->> of)::float8, 0)), 0) from unnest(%(tokens_in)s::text[]) of
        ) as tokens_in, (
            select coalesce(sum(coalesce((r.usage ->> of)::float8, 0)), 0) from unnest(%(tokens_out)s::text[]) of
        ) as tokens_out

-- name: recorded_ratio
-- Two sums of each unit within its window, and how their ratio varies by unit (delta method).
[recorded],
did as (
    select u.project, u.unit, count(*)::float8 as calls, sum(c.duration_ms)::float8 as latency,
        case when count(*) = count(c.cost_usd) then sum(c.cost_usd)::float8 end as cost,
        sum(c.failed)::float8 as errors, sum(c.refused)::float8 as refusals,
        sum(c.tokens_in + c.tokens_out) as tokens, sum(c.tokens_out) as output_tokens,
        count(distinct nullif(c.session, ''))::float8 as sessions
    from units u join calls c on c.project = u.project and c.unit = u.unit
        and c.started_at < u.first_at + make_interval(secs => %(window_s)s)
    where u.first_at <= %(matured)s
    group by u.project, u.unit
),
heard as (
    select u.project, u.unit, case %(kind)s when 'event' then max((s.value <> 0)::int) filter (where s.name = %(above)s)
            else sum(s.value) filter (where s.name = %(above)s) end::float8 as above,
        case %(kind)s when 'event' then max((s.value <> 0)::int) filter (where s.name = %(below)s)
            else sum(s.value) filter (where s.name = %(below)s) end::float8 as below
    from units u join said s on s.project = u.project and s.unit = u.unit and s.at >= u.first_at
        and s.at < u.first_at + make_interval(secs => %(window_s)s)
    group by u.project, u.unit
),
measured as (
    select [numerator] as y, [denominator] as x
    from did d left join heard h on h.project = d.project and h.unit = d.unit
),
known as (
    select count(*) as measured, avg(y) / nullif(avg(x), 0) as ratio, avg(x) as every, var_samp(y) as of_y,
        var_samp(x) as of_x, covar_samp(y, x) as of_both
    from measured where y is not null and x is not null
)
select (select count(*) from units) as units, (select min(first_at) from units) as first_at,
    (select count(*) from did) as complete, measured, ratio as mean,
    sqrt(greatest(0, of_y - 2 * ratio * of_both + ratio * ratio * of_x)) / abs(every) as deviation
from known;

-- name: digest_of_units
-- One digest of all units, in their order: arm, first exposure, and all that their calls came to.
select encode(sha256(coalesce(string_agg(sha256(convert_to(
    concat_ws(chr(31), project, unit, arm, extract(epoch from first_at), calls, errors, refusals, duration_ms,
        cost_usd, unpriced, crossed, nullif(epoch, 0), tokens, output_tokens, uncounted,
        past_calls, past_call_ms, past_error_rate, past_cost_usd), 'UTF8')), ''::bytea order by project, unit), ''::bytea)), 'hex')
from experiment_units where version = %(version)s;

-- name: digest_of_feedback
-- One digest of what a metric read, in the order of units.
select encode(sha256(coalesce(string_agg(sha256(convert_to(
    concat_ws(chr(31), project, unit, arm, y, x), 'UTF8')), ''::bytea order by project, unit), ''::bytea)), 'hex')
from ([feedback_by_unit]) said;

-- name: add_decision
insert into experiment_decisions (version, name, decided_at, decided_by, sealed, seal)
values (%(version)s, %(name)s, %(decided_at)s, %(decided_by)s, %(sealed)s, %(seal)s)
on conflict (version) do nothing
returning version;

-- name: get_decision
select sealed, seal from experiment_decisions where version = %(version)s;

-- name: lock_experiment
select version from experiments where version = %(version)s for update;

-- name: list_expiring
-- Versions that were decided so long ago, and the projects that still have units or calls of them.
select d.version, u.project
from experiment_decisions d
cross join lateral (
    select project from experiment_units where version = d.version
    union
    select project from experiment_calls where version = d.version
) u
where d.decided_at < clock_timestamp() - make_interval(days => %(days)s);

-- name: expire_units
-- Only below a sealed decision that is older than what the project keeps.
delete from experiment_units u using experiment_decisions d
where u.version = %(version)s and u.project = any(%(project_ids)s::text[]) and d.version = u.version
    and d.decided_at < clock_timestamp() - make_interval(days => %(days)s);

-- name: expire_calls
delete from experiment_calls c using experiment_decisions d
where c.version = %(version)s and c.project = any(%(project_ids)s::text[]) and d.version = c.version
    and d.decided_at < clock_timestamp() - make_interval(days => %(days)s);

-- name: note_expired
update experiments set expired_at = clock_timestamp() where version = %(version)s and expired_at is null;

-- name: list_epochs
select epoch, shares, at from experiment_epochs where version = %(version)s order by epoch;

-- name: add_epoch
-- Of two that move shares at once, one does.
insert into experiment_epochs (version, epoch, shares, at)
values (%(version)s, %(epoch)s, %(shares)s::jsonb, %(at)s)
on conflict (version, epoch) do nothing
returning epoch;
