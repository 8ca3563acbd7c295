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
