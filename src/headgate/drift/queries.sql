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
-- Those that learn, or have seen something in the last 30 days, and those that see something just now.
select count(*) from (
    select watch from drift_watches where changed_at > clock_timestamp() - interval '30 days'
    union
    select unnest(%(now)s::text[])
) watches

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

-- name: run_asked
-- What a run asked came from a dataset, where an erasure may take it: its answers go, too.
update drift_runs set project = %(project)s, dataset = %(dataset)s where id = %(id)s

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

-- name: add_hours
-- An hour that was looked at already stays as it was seen: what comes late is no evidence.
insert into drift_hours (slot, stratum, target, project, model, prompt, release, calls, signals, amounts)
select r.slot, r.stratum, r.target, r.project, r.model, r.prompt, r.release, r.calls, r.signals, r.amounts
from jsonb_to_recordset(%(rows)s::jsonb) as r (
    slot timestamptz, stratum uuid, target text, project text, model text, prompt text, release text, calls bigint,
    signals jsonb, amounts jsonb
)
on conflict (slot, stratum) do update set
    calls = drift_hours.calls + excluded.calls,
    signals = add_numbers(drift_hours.signals, excluded.signals),
    amounts = add_numbers(drift_hours.amounts, excluded.amounts)
where not drift_hours.is_seen

-- name: add_served
-- A model is back where it was gone for an hour, and as many calls of others came since its last that chance hardly kept
-- it away: its share of calls where it was there, times those, is how many of its own were missed.
with rows as (
    select * from jsonb_to_recordset(%(rows)s::jsonb) as r (
        target text, fact text, value text, first_at timestamptz, last_at timestamptz, calls bigint
    )
), seen as (
    select r.*, (
        select coalesce(sum(o.calls), 0)::bigint from drift_served o
        where o.target = r.target and o.fact = r.fact and o.value <> r.value
    ) as others, (
        select coalesce(sum(b.calls), 0)::bigint from rows b
        where b.target = r.target and b.fact = r.fact and b.value <> r.value
    ) as beside
    from rows r
), back as (
    select target, fact, value, n.others - s.others_last as away, s.last_at as gone_since, n.first_at as returned_at
    from seen n join drift_served s using (target, fact, value)
    where fact = 'model' and n.first_at > s.last_at + interval '1 hour' and s.calls >= %(missed_least)s
        and (n.others - s.others_last) * s.calls
            >= %(missed_least)s * (s.calls + s.others_last - s.others_first - s.others_away)
)
insert into drift_served as s (
    target, fact, value, first_at, last_at, calls, others_first, others_last, others_away, gone_since, returned_at
)
select target, fact, value, n.first_at, n.last_at, n.calls, n.others, n.others + n.beside, coalesce(b.away, 0), b.gone_since,
    b.returned_at
from seen n left join back b using (target, fact, value)
order by target, fact, value
on conflict (target, fact, value) do update set
    first_at = least(s.first_at, excluded.first_at),
    last_at = greatest(s.last_at, excluded.last_at),
    calls = s.calls + excluded.calls,
    others_last = greatest(s.others_last, excluded.others_last),
    others_away = s.others_away + excluded.others_away,
    gone_since = coalesce(excluded.gone_since, s.gone_since),
    returned_at = coalesce(excluded.returned_at, s.returned_at),
    told_at = case when excluded.returned_at is null then s.told_at end

-- name: lock_traffic
select pg_try_advisory_xact_lock(4400075)

-- name: new_hours
-- Hours that are over, the first first; ten minutes later, for calls that took long and journals that wait.
select slot, stratum, target, project, model, prompt, release, calls, signals, amounts from drift_hours
where not is_seen and slot <= clock_timestamp() - interval '1 hour 10 minutes'
order by slot, stratum limit %(limit)s

-- name: hours_seen
update drift_hours h set is_seen = true, is_reference = r.is_reference
from jsonb_to_recordset(%(rows)s::jsonb) as r (slot timestamptz, stratum uuid, is_reference boolean)
where h.slot = r.slot and h.stratum = r.stratum

-- name: hour_worded
-- Kept as one more share, of one value.
update drift_hours set signals = signals || jsonb_build_object('wording', %(wording)s::float8, 'wording calls', 1)
where stratum = %(stratum)s and slot = %(slot)s

-- name: sample_answers
-- The first answers of a stratum in an hour whose bodies were recorded whole; canaries are none.
select r.dialect, b.response, b.response_content_type
from requests r join request_bodies b on b.day = r.day and b.id = r.id and b.project = r.project
where r.project = any(%(project_ids)s::text[]) and b.project = any(%(project_ids)s::text[])
    and r.day = %(day)s and b.day = %(day)s and r.id >= %(first)s and r.id < %(last)s
    and r.target = %(target)s and r.model = %(model)s and r.release = %(release)s and r.operation = 'chat'
    and r.status < 400 and not r.tags @> array[%(tag)s::text]
    and b.response_length between 1 and %(bytes_max)s and b.response_digest = ''
    and %(prompt)s = (
        select coalesce(string_agg(used, ', ' order by used collate "C"), '')
        from (
            select (p->>'name') || '@' || (p->>'version') as used from jsonb_array_elements(r.prompts) p
            where p->>'kind' = 'managed'
        ) managed
    )
order by r.id limit %(limit)s

-- name: hours_of_stratum
select slot, is_reference, calls, signals, amounts from drift_hours
where stratum = %(stratum)s and is_seen and slot >= %(since)s
order by slot limit %(limit)s

-- name: list_traffic_watches
-- The watches of live traffic, each with its last hour that was evidence and the calls since it began.
with traffic as materialized (
    select watch, right(watch, 36) as stratum, state, since from drift_watches
    where starts_with(watch, 'traffic/') and (%(after)s::text is null or watch > %(after)s::text)
), watches as (
    select w.watch, w.state, w.since, h.stratum, h.target, h.project, h.model, h.prompt, h.release, h.slot, h.signals,
        h.amounts, h.calls as last_calls,
        case
            when (w.state->>'is_alarmed')::boolean then 'alarmed'
            when jsonb_array_length(w.state->'lookouts') > 0 then 'watching'
            else 'reference'
        end as phase
    from traffic w
    cross join lateral (
        select * from drift_hours l
        where l.stratum = w.stratum::uuid and l.is_seen and l.calls >= %(calls_least)s
        order by l.slot desc limit 1
    ) h
    where %(stratum)s::uuid is null or w.stratum::uuid = %(stratum)s::uuid
)
select watches.*, (
    select coalesce(sum(c.calls), 0)::bigint from drift_hours c
    where c.stratum = watches.stratum and c.is_seen and c.slot >= watches.since
) as calls
from watches
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(target)s::text is null or target = %(target)s::text)
    and (%(model)s::text is null or model = %(model)s::text)
    and (%(phase)s::text is null or phase = %(phase)s::text)
    and (
        %(prompt)s::text is null
        or exists (
            select from unnest(string_to_array(prompt, ', ')) as used
            where %(prompt)s::text in (used, split_part(used, '@', 1))
        )
    )
order by watch limit %(limit)s

-- name: last_hours
select slot, is_reference, calls, signals, amounts from drift_hours
where stratum = %(stratum)s and is_seen
order by slot desc limit %(limit)s

-- name: list_served
select target, fact, value, first_at, last_at, calls from drift_served
where %(target)s::text is null or target = %(target)s::text
order by last_at desc, target, fact, value limit 500

-- name: new_served
-- What no one has looked at, new or back, with what was known of the target before.
select n.target, n.fact, n.value, coalesce(n.returned_at, n.first_at) as since, n.gone_since,
    (
        select array_agg(k.value order by k.last_at desc) from drift_served k
        where k.target = n.target and k.fact = n.fact and k.told_at is not null
    ) as known,
    (
        select max(k.last_at) from drift_served k
        where k.target = n.target and k.fact = n.fact and k.told_at is not null
    ) as known_until,
    (
        select count(*) from drift_alarms a
        where a.watch = 'served/' || n.target || '/' || n.fact and a.acknowledged_at is null
    ) as open_alarms
from drift_served n where n.told_at is null
order by n.first_at, n.value limit 100 for update of n skip locked

-- name: served_told
update drift_served set told_at = clock_timestamp()
where target = %(target)s and fact = %(fact)s and value = %(value)s

-- name: prune_hours
delete from drift_hours where slot < clock_timestamp() - make_interval(days => %(days)s)

-- name: prune_served
delete from drift_served where last_at < clock_timestamp() - make_interval(days => %(days)s)

-- name: used_targets
select target, project, model, prompt, sum(requests)::bigint as calls, sum(cost_usd) as cost_usd
from rollups
where slot > clock_timestamp() - make_interval(days => %(days)s) and target <> ''
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
group by target, project, model, prompt
