-- name: get_watch
select version, state, since from drift_watches where watch = %(watch)s for update

-- name: put_watch
insert into drift_watches (watch, version, state, values_a_day, since)
values (%(watch)s, %(version)s, %(state)s, %(values_a_day)s, coalesce(%(since)s::timestamptz, clock_timestamp()))
on conflict (watch) do update set
    version = excluded.version, state = excluded.state, values_a_day = excluded.values_a_day,
    since = coalesce(%(since)s::timestamptz, drift_watches.since), changed_at = clock_timestamp()

-- name: list_watches
select watch, version, state, values_a_day, since, changed_at from drift_watches
where starts_with(watch, %(prefix)s) order by watch

-- name: count_watches
-- Those that learn, or have seen something in the last 30 days.
select count(*) from drift_watches where changed_at > clock_timestamp() - interval '30 days'

-- name: get_key
select key from drift_keys where canary = %(canary)s

-- name: put_key
insert into drift_keys (canary, key) values (%(canary)s, %(key)s)
on conflict (canary) do update set key = excluded.key

-- name: ask_due
-- A run belongs to the stretch of time that it is due in: one that nobody made is never made up for.
insert into drift_runs (canary, target, version, due_at, asked_by, state)
select %(canary)s, target, %(version)s,
    to_timestamp(floor(extract(epoch from clock_timestamp())::float8 / %(every_s)s::float8) * %(every_s)s::float8),
    'schedule', 'asked'
from unnest(%(targets)s::text[]) as target
on conflict (canary, target, due_at) do nothing

-- name: ask_run
insert into drift_runs (canary, target, version, due_at, asked_by, state)
select %(canary)s, target, %(version)s, clock_timestamp(), %(by)s, 'asked'
from unnest(%(targets)s::text[]) as target
on conflict (canary, target, due_at) do nothing
returning id

-- name: abandon_runs
-- Their process is gone. What they had asked is on record as calls, and is no evidence.
update drift_runs set state = 'abandoned', ended_at = clock_timestamp(),
    note = 'its process ended before it did; it is no evidence'
where state = 'running' and seen_at < clock_timestamp() - make_interval(secs => %(silent_s)s)

-- name: take_run
update drift_runs set state = 'running', started_at = clock_timestamp(), seen_at = clock_timestamp()
where id = (
    select r.id from drift_runs r
    where r.state = 'asked' and not exists (
        select from drift_runs o
        where o.canary = r.canary and o.target = r.target and o.state = 'running'
    )
    order by r.id limit 1 for update skip locked
)
returning id, canary, target, version, started_at

-- name: run_goes_on
update drift_runs set seen_at = clock_timestamp() where id = %(id)s and state = 'running' returning id

-- name: end_run
update drift_runs set state = %(state)s, ended_at = clock_timestamp(), answers = %(answers)s,
    failed = %(failed)s, cost_usd = %(cost_usd)s, note = %(note)s
where id = %(id)s and state = 'running'
returning id

-- name: last_runs
select distinct on (canary, target) canary, target, state, due_at, ended_at, answers, failed, cost_usd::text as cost_usd,
    note
from drift_runs where canary = any(%(canaries)s::text[])
order by canary, target, id desc

-- name: list_runs
select id, canary, target, state, asked_by, due_at, started_at, ended_at, answers, failed, cost_usd::text as cost_usd,
    note
from drift_runs where canary = %(canary)s order by id desc limit %(limit)s

-- name: add_answers
insert into drift_answers (run, place, watch, at, "case", is_reference, signals, characters, text, call)
select %(run)s, a.place, %(watch)s, a.at, a."case", a.is_reference, a.signals, a.characters, a.text, a.call
from jsonb_to_recordset(%(rows)s::jsonb) as a (
    place integer, at timestamptz, "case" text, is_reference boolean, signals jsonb, characters integer, text text,
    call uuid
)

-- name: answers_of_watch
select at, "case", is_reference, signals, characters from drift_answers
where watch = %(watch)s and at >= %(since)s
order by at, run, place limit %(limit)s

-- name: answers_by_case
-- Of each case the last answers, and how often they were right.
select "case", count(*) as answers, avg((signals->>'score')::float8) as score,
    avg((signals->>'new_answer')::float8) as new_answers, avg(characters)::float8 as characters,
    (array_agg(text order by at desc))[1] as last_text, max(at) as last_at
from drift_answers where watch = %(watch)s and at >= %(since)s
group by "case" order by "case"

-- name: signals_by_run
-- Means of each signal in each of the last runs that are evidence; `characters` is the mean length of answers.
select a.run, min(a.at) as at, bool_or(a.is_reference) as is_reference, count(distinct a.place) as answers, s.key as signal,
    avg(s.value::float8) as mean, avg(a.characters)::float8 as characters
from drift_answers a cross join lateral jsonb_each_text(a.signals) s
where a.run in (
    select id from drift_runs where canary = %(canary)s and target = %(target)s and state = 'done'
    order by id desc limit %(limit)s
)
group by a.run, s.key order by min(a.at), a.run, s.key

-- name: add_alarm
insert into drift_alarms (kind, watch, target, project, since, sentence, finding)
values (%(kind)s, %(watch)s, %(target)s, %(project)s, %(since)s, %(sentence)s, %(finding)s)
returning id, at

-- name: list_alarms
select id, at, kind, watch, target, project, since, sentence, finding, acknowledged_at, acknowledged_by, note
from drift_alarms
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(before)s::bigint is null or id < %(before)s::bigint)
    and (not %(open_only)s or acknowledged_at is null)
order by id desc limit %(limit)s

-- name: get_alarm
select id, at, kind, watch, target, project, since, sentence, finding, acknowledged_at, acknowledged_by, note
from drift_alarms
where id = %(id)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))

-- name: acknowledge
update drift_alarms set acknowledged_at = clock_timestamp(), acknowledged_by = %(by)s, note = %(note)s
where id = %(id)s and acknowledged_at is null
returning watch

-- name: any_watch
select version, state, values_a_day from drift_watches where watch = %(watch)s for update

-- name: touched
-- What asked a target in the last days: names of models (an alias or the target itself), prompts and releases.
select project, model, prompt, release, sum(requests)::bigint as calls
from rollups
where target = %(target)s and slot > clock_timestamp() - make_interval(days => %(days)s)
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
group by project, model, prompt, release order by calls desc limit %(limit)s

-- name: changed_by_hand
-- What people changed between two times; a model that answers otherwise since may be no news then.
select at, what from (
    select h.activated_at as at, 'configuration ' || left(h.id, 8) || coalesce(nullif(': ' || s.note, ': '), '') as what
    from snapshot_history h join snapshots s on s.id = h.id
    union all
    select m.at, 'release ' || left(m.release, 8) || ' in ' || m.environment from environment_moves m
    union all
    select r.created_at, 'rule ' || r.name || ' version ' || r.version from rule_versions r
) changes
where at > %(begin)s and at <= %(end)s
order by at desc limit 20

-- name: prune_answers
delete from drift_runs where due_at < clock_timestamp() - make_interval(days => %(days)s) and state <> 'running'
