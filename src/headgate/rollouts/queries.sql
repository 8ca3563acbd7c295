-- Staged rollouts. See rollouts/moving.py.

-- name: begin
-- Of an entry that fell back, with whatever served its alias then, it stands back from the beginning.
insert into rollouts (version, name, entry, stage)
select %(version)s, %(name)s, %(entry)s, case when (
    select r.stage from rollouts r where r.name = %(name)s and r.entry = %(entry)s order by r.changed_at desc limit 1
) = %(back)s then %(back)s else 0 end
on conflict (version) do nothing returning stage;

-- name: get
select version, stage, held from rollouts where version = any(%(versions)s::text[]);

-- name: move
-- Only from where it was seen to stand: of two that move it, one does.
update rollouts set stage = %(to)s, held = %(held)s, changed_at = clock_timestamp()
where version = %(version)s and stage = %(from)s and held = %(was_held)s
returning version;

-- name: add_move
insert into rollout_moves (version, name, action, moved_by, from_stage, to_stage, why)
values (%(version)s, %(name)s, %(action)s, %(moved_by)s, %(from_stage)s, %(to_stage)s, %(why)s);

-- name: list_moves
select at, action, moved_by, from_stage, to_stage, why from rollout_moves
where version = %(version)s order by id desc limit 100;

-- name: last_back
-- Where its entry fell back last, with whatever served its alias then.
select m.at, m.action, m.moved_by, m.from_stage, m.to_stage, m.why
from rollout_moves m join rollouts r on r.version = m.version
where r.name = %(name)s and (r.entry = %(entry)s or r.version = %(version)s) and m.action = 'back'
order by m.id desc limit 1;

-- name: add_pairs
-- The first of its unit is marked: it alone counts, so that those which do are independent of each other.
insert into rollout_pairs (
    version, project, unit, at, call, shadow, present_failed, candidate_failed, present_refused, candidate_refused,
    present_ms, candidate_ms, present_usd, candidate_usd, present_characters, candidate_characters, same_finish,
    same_tools, same_text, keeps_form, is_first
)
select p.version, p.project, p.unit, p.at, p.call, p.shadow, p.present_failed, p.candidate_failed, p.present_refused,
    p.candidate_refused, p.present_ms, p.candidate_ms, p.present_usd, p.candidate_usd, p.present_characters,
    p.candidate_characters, p.same_finish, p.same_tools, p.same_text, p.keeps_form,
    row_number() over (partition by p.version, p.project, p.unit order by p.at) = 1 and not exists (
        select from rollout_pairs f
        where f.version = p.version and f.project = p.project and f.unit = p.unit and f.is_first
    )
from jsonb_to_recordset(%(rows)s::jsonb) as p (
    version text, project text, unit text, at timestamptz, call uuid, shadow uuid, present_failed boolean,
    candidate_failed boolean, present_refused boolean, candidate_refused boolean, present_ms bigint,
    candidate_ms bigint, present_usd numeric, candidate_usd numeric, present_characters bigint,
    candidate_characters bigint, same_finish boolean, same_tools boolean, same_text boolean, keeps_form boolean
);

-- name: add_left_out
insert into rollout_left_out as l (version, reason, calls)
select n.version, n.reason, n.calls
from jsonb_to_recordset(%(rows)s::jsonb) as n (version text, reason text, calls bigint)
on conflict (version, reason) do update set calls = l.calls + excluded.calls;

-- name: left_out
select reason, calls from rollout_left_out where version = %(version)s order by calls desc, reason limit 10;

-- name: count_pairs
select count(*) from rollout_pairs where version = %(version)s;

-- name: pair_counts
select count(*), min(at),
    count(*) filter (where candidate_failed), count(*) filter (where present_failed),
    count(*) filter (where candidate_failed and not present_failed),
    count(*) filter (where present_failed and not candidate_failed),
    count(*) filter (where candidate_refused), count(*) filter (where present_refused),
    count(*) filter (where candidate_refused and not present_refused),
    count(*) filter (where present_refused and not candidate_refused),
    count(*) filter (where same_finish), count(same_finish),
    count(*) filter (where same_tools), count(same_tools),
    count(*) filter (where same_text), count(same_text),
    count(*) filter (where greatest(present_characters, candidate_characters)
        <= 2 * least(present_characters, candidate_characters)),
    count(*) filter (where present_characters is not null and candidate_characters is not null),
    count(*) filter (where keeps_form), count(keeps_form)
from rollout_pairs where version = %(version)s and is_first;

-- name: pairs_unpriced
select count(*), count(*) filter (where candidate_usd is null), count(*) filter (where present_usd is null)
from rollout_pairs where version = %(version)s and is_first;

-- name: pair_amounts
-- Costs, or waits where both arms answered, in USD or ms.
with amounts as (
    select candidate, present, candidate - %(factor)s::float8 * present as y
    from rollout_pairs cross join lateral (values (
        case when %(of_cost)s::bool then candidate_usd::float8
            when not (candidate_failed or present_failed) then candidate_ms::float8 end,
        case when %(of_cost)s::bool then present_usd::float8
            when not (candidate_failed or present_failed) then present_ms::float8 end
    )) as v (candidate, present)
    where version = %(version)s and is_first and candidate is not null and present is not null
)
select count(*), avg(candidate), avg(present), avg(y), coalesce(var_pop(y), 0) * count(*), avg(y * y * y)
from amounts;

-- name: hold_scoring
-- One process at a time marks the pairs of a rollout, for its keys have one text each; says who did before.
with known as (select version, scorer from rollouts where version = %(version)s for update)
update rollouts r set scorer = %(holder)s, scored_until = clock_timestamp() + %(seconds)s * interval '1 second'
from known k
where r.version = k.version and (r.scorer is null or r.scorer = %(holder)s or r.scored_until < clock_timestamp())
returning k.scorer;

-- name: claim_pair
-- The first that counts and has no marks yet, once the bodies of both calls are on record, or were waited for as long as
-- any are; what failed, or is recorded without a body, is not waited for. Whoever claims it marks it.
update rollout_pairs p set scores = '{}'::jsonb
where p.version = %(version)s and p.call = (
    select c.call from rollout_pairs c
    where c.version = %(version)s and c.is_first and c.scores is null
        and (%(project_ids)s::text[] is null or c.project = any(%(project_ids)s::text[])) and (
        c.at < clock_timestamp() - make_interval(secs => %(body_s)s)
        or not exists (
            select from (values
                (c.call, case when %(shows_present)s then c.present_failed else c.candidate_failed end),
                (c.shadow, case when %(shows_present)s then c.candidate_failed else c.present_failed end)
            ) as made (id, failed)
            where not made.failed and not exists (
                select from request_bodies b
                where b.id = made.id and b.project = c.project
                    and b.day between (c.at at time zone 'UTC')::date - 1 and (c.at at time zone 'UTC')::date + 1
            ) and not exists (
                select from requests r
                where r.id = made.id and r.project = c.project and r.record <> 'full'
                    and r.day between (c.at at time zone 'UTC')::date - 1 and (c.at at time zone 'UTC')::date + 1
            )
        )
    )
    order by c.at limit 1 for update skip locked
)
returning p.call, p.shadow, p.project, p.present_failed, p.candidate_failed;

-- name: put_scores
update rollout_pairs set scores = %(scores)s::jsonb where version = %(version)s and call = %(call)s;

-- name: pair_scores
-- Of a scorer, how often an answer was wrong, of the calls in which both are marked.
select count(*), count(*) filter (where candidate < 0.5), count(*) filter (where present < 0.5),
    count(*) filter (where candidate < 0.5 and present >= 0.5), count(*) filter (where present < 0.5 and candidate >= 0.5)
from (
    select (scores -> %(key)s ->> 0)::float8 as present, (scores -> %(key)s ->> 1)::float8 as candidate
    from rollout_pairs where version = %(version)s and is_first and scores ? %(key)s::text
) s
where present is not null and candidate is not null;

-- name: pairs_unmarked
-- Compared calls whose answers are not on record, and those that a scorer gave no marks for both.
select count(*) filter (where scores ? 'gone'),
    count(*) filter (where scores ? %(key)s::text
        and (scores -> %(key)s ->> 0 is null or scores -> %(key)s ->> 1 is null))
from rollout_pairs where version = %(version)s and is_first;

-- name: scoring_spent
-- Since midnight in UTC, in pico-USD.
select coalesce(sum((scores -> %(key)s ->> 2)::numeric), 0)::bigint from rollout_pairs
where version = %(version)s and is_first and scores ? %(key)s::text
    and at >= date_trunc('day', clock_timestamp() at time zone 'UTC') at time zone 'UTC';

-- name: get_scoring_key
select key from rollout_keys where rollout = %(rollout)s and project = %(project)s;

-- name: put_scoring_key
insert into rollout_keys (rollout, project, key) values (%(rollout)s, %(project)s, %(key)s)
on conflict (rollout, project) do update set key = excluded.key;

-- name: expire_pairs
delete from rollout_pairs
where version <> all(%(here)s::text[]) and at < clock_timestamp()
    - make_interval(days => coalesce((%(days)s::jsonb ->> project)::int, %(default_days)s::int));

-- name: expire_units
delete from experiment_units u using experiments e
where e.version = u.version and starts_with(e.name, %(prefix)s::text) and u.version <> all(%(here)s::text[])
    and u.first_at < clock_timestamp()
        - make_interval(days => coalesce((%(days)s::jsonb ->> u.project)::int, %(default_days)s::int));

-- name: expire_calls
delete from experiment_calls c using experiments e
where e.version = c.version and starts_with(e.name, %(prefix)s::text) and c.version <> all(%(here)s::text[])
    and c.at < clock_timestamp()
        - make_interval(days => coalesce((%(days)s::jsonb ->> c.project)::int, %(default_days)s::int));
