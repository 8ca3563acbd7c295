-- Experiments. See experiments/definitions.py, sink.py, reading.py and decisions.py.

-- name: put_experiment
insert into experiments as e (version, name, definition) values (%(version)s, %(name)s, %(definition)s::jsonb)
on conflict (version) do update set definition = excluded.definition, changed_at = clock_timestamp()
where e.definition <> excluded.definition;

-- name: add_units
-- The first exposure, by its time, has the arm; calls count within the window from it on.
insert into experiment_units as u (
    version, project, unit, arm, first_at, calls, errors, refusals, duration_ms, cost_usd, unpriced, crossed
)
select n.version, n.project, n.unit, n.arm, n.at, n.calls, n.errors, n.refusals, n.duration_ms, n.cost_usd,
    n.unpriced, n.crossed
from jsonb_to_recordset(%(rows)s::jsonb) as n (
    version text, project text, unit text, arm text, at timestamptz, calls bigint, errors bigint,
    refusals bigint, duration_ms float8, cost_usd numeric, unpriced bigint, crossed bigint
)
on conflict (version, project, unit) do update set (
    arm, first_at, calls, errors, refusals, duration_ms, cost_usd, unpriced, crossed
) = (
    select case when excluded.first_at < u.first_at then excluded.arm else u.arm end,
        least(u.first_at, excluded.first_at), u.calls + c.counts * excluded.calls, u.errors + c.counts * excluded.errors,
        u.refusals + c.counts * excluded.refusals, u.duration_ms + c.counts * excluded.duration_ms,
        u.cost_usd + c.counts * excluded.cost_usd, u.unpriced + c.counts * excluded.unpriced,
        u.crossed + excluded.crossed + case when excluded.arm <> u.arm then 1 else 0 end
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

-- name: list_experiments
-- Each version that there ever was, the last of a name first.
select e.version, e.name, e.definition::text, e.started_at, e.changed_at, d.decided_at
from experiments e left join experiment_decisions d on d.version = e.version
where (%(name)s::text is null or e.name = %(name)s)
order by e.started_at desc, e.version;

-- name: units_by_arm
select arm, count(*) as units, count(*) filter (where first_at <= %(matured)s) as complete, sum(calls)::bigint as calls,
    sum(crossed)::bigint as crossed, sum(unpriced)::bigint as unpriced,
    count(*) filter (where first_at > %(recent)s) as recent, min(first_at) as first_at, max(first_at) as last_at
from experiment_units
where version = %(version)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
group by arm;

-- name: strays
select coalesce(sum(calls), 0)::bigint from experiment_strays
where version = %(version)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: moments
count(*), coalesce(avg(y), 0), coalesce(avg(x), 0), coalesce(regr_syy(y, x), 0), coalesce(regr_sxy(y, x), 0),
    coalesce(regr_sxx(y, x), 0), coalesce(avg(y * y * y), 0), coalesce(avg(y * y * x), 0), coalesce(avg(y * x * x), 0),
    coalesce(avg(x * x * x), 0), min(y), max(y)

-- name: calls_by_arm
-- A measure of the records: y is the unit's sum, x its calls.
select arm, [moments]
from (
    select arm, case %(measure)s
        when 'cost' then cost_usd::float8 when 'latency' then duration_ms
        when 'errors' then errors::float8 else refusals::float8
    end as y, calls::float8 as x
    from experiment_units
    where version = %(version)s and first_at <= %(matured)s
        and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
) measured
group by arm;

-- name: said_of_units
-- Feedback of a name and the unit that it is about: named itself, or by a call, trace or session of its own.
    select s.project, case %(unit)s
            when 'user' then s."user" when 'session' then s.session
            when 'trace' then replace(s.trace_id::text, '-', '') else s.request_id::text
        end as unit, s.at, s.value
    from scores s
    where s.name = %(name)s and (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
        and s.subject = any(%(own)s::text[]) and abs(s.value) < %(largest)s and s.at <= %(now)s
    union all
    select c.project, c.unit, s.at, s.value
    from scores s
    join experiment_calls c on c.version = %(version)s and c.request = s.request_id and c.project = s.project
    where s.name = %(name)s and (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
        and s.subject = 'request' and not 'request' = any(%(own)s::text[])
        and abs(s.value) < %(largest)s and s.at <= %(now)s
    union all
    select s.project, c.unit, s.at, s.value
    from scores s
    cross join lateral (
        select min(c.unit) as unit from experiment_calls c
        where c.version = %(version)s and c.project = s.project and c.trace_id = s.trace_id
        having count(distinct c.unit) = 1
    ) c
    where s.name = %(name)s and (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
        and s.subject in ('trace', 'span', 'business_id') and not s.subject = any(%(own)s::text[])
        and abs(s.value) < %(largest)s and s.at <= %(now)s
    union all
    select s.project, c.unit, s.at, s.value
    from scores s
    cross join lateral (
        select min(c.unit) as unit from experiment_calls c
        where c.version = %(version)s and c.project = s.project and c.session = s.session and c.session <> ''
        having count(distinct c.unit) = 1
    ) c
    where s.name = %(name)s and (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
        and s.subject = 'session' and not 'session' = any(%(own)s::text[])
        and abs(s.value) < %(largest)s and s.at <= %(now)s

-- name: feedback_by_unit
-- What each unit said within its window (y), and in as much time before its first exposure (x).
    select u.project, u.unit, u.arm, u.first_at,
        case %(kind)s
            when 'answer' then avg(s.value) filter (where s.at >= u.first_at)
            when 'event' then coalesce(max((s.value <> 0)::int) filter (where s.at >= u.first_at), 0)
            else coalesce(sum(s.value) filter (where s.at >= u.first_at), 0)
        end as y,
        case %(kind)s
            when 'answer' then avg(s.value) filter (where s.at < u.first_at)
            when 'event' then coalesce(max((s.value <> 0)::int) filter (where s.at < u.first_at), 0)
            else coalesce(sum(s.value) filter (where s.at < u.first_at), 0)
        end as x
    from ([said_of_units]) s
    join experiment_units u on u.version = %(version)s and u.project = s.project and u.unit = s.unit
    where u.first_at <= %(matured)s and s.at < u.first_at + make_interval(secs => %(window_s)s)
        and s.at >= u.first_at - make_interval(secs => %(window_s)s)
    group by u.project, u.unit, u.arm, u.first_at

-- name: feedback_by_arm
-- A unit that said nothing before has the mean of those that did.
with said as materialized ([feedback_by_unit]), middle as (select coalesce(avg(x), 0) as x from said where y is not null)
select arm, [moments]
from (
    select said.arm, said.y::float8 as y, coalesce(said.x, middle.x)::float8 as x from said, middle
    where said.y is not null
) measured
group by arm;

-- name: units_over_time
-- How many units each arm has that came up to each of some times, and after the one before it.
select arm, width_bucket(first_at, %(cuts)s::timestamptz[]) as place, count(*)
from experiment_units
where version = %(version)s and first_at <= %(until)s
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
group by 1, 2;

-- name: calls_over_time
-- Measures of the records by arm and time, all in one pass.
select measure, arm, place, [moments]
from (
    select m.measure, u.arm, width_bucket(u.first_at, %(cuts)s::timestamptz[]) as place, m.y, u.calls::float8 as x
    from experiment_units u
    cross join lateral (values
        ('cost', u.cost_usd::float8), ('latency', u.duration_ms), ('errors', u.errors::float8),
        ('refusals', u.refusals::float8)
    ) m (measure, y)
    where u.version = %(version)s and u.first_at <= %(until)s and m.measure = any(%(measures)s::text[])
        and (%(project_ids)s::text[] is null or u.project = any(%(project_ids)s::text[]))
) measured
group by 1, 2, 3;

-- name: feedback_over_time
-- Units that said nothing before (x) are apart: what takes its place is known only when all are counted.
with said as materialized ([feedback_by_unit])
select arm, place, is_known, [moments]
from (
    select arm, width_bucket(first_at, %(cuts)s::timestamptz[]) as place, x is not null as is_known, y::float8 as y,
        coalesce(x, 0)::float8 as x
    from said where y is not null
) measured
group by 1, 2, 3;

-- name: feedback_left_out
-- What can't be counted: texts, what has no finite size, and what is said to have been in the future.
select count(*) filter (where value is null), count(*) filter (where not abs(value) < %(largest)s),
    count(*) filter (where at > %(now)s)
from scores
where name = %(name)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and at >= %(began)s;

-- name: digest_of_units
-- One digest of all units, in their order: arm, first exposure, and all that their calls came to.
select encode(sha256(coalesce(string_agg(sha256(convert_to(
    concat_ws(chr(31), project, unit, arm, extract(epoch from first_at), calls, errors, refusals, duration_ms,
        cost_usd, unpriced, crossed), 'UTF8')), ''::bytea order by project, unit), ''::bytea)), 'hex')
from experiment_units where version = %(version)s;

-- name: digest_of_feedback
-- One digest of what a metric read, in the order of units.
with said as ([feedback_by_unit])
select encode(sha256(coalesce(string_agg(sha256(convert_to(
    concat_ws(chr(31), project, unit, arm, y, x), 'UTF8')), ''::bytea order by project, unit), ''::bytea)), 'hex')
from said;

-- name: add_decision
insert into experiment_decisions (version, name, decided_at, decided_by, sealed, seal)
values (%(version)s, %(name)s, %(decided_at)s, %(decided_by)s, %(sealed)s, %(seal)s)
on conflict (version) do nothing
returning version;

-- name: get_decision
select sealed, seal from experiment_decisions where version = %(version)s;

-- name: lock_experiment
select version from experiments where version = %(version)s for update;
