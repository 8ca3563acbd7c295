-- Rules of groundedness on live traffic, and the calls that they chose. See grounding/choosing.py, grounding/live.py.

-- name: rules_in_force
select definition::text from grounding_rules order by name;

-- name: put_rule
-- A changed rule begins a new stretch.
insert into grounding_rules (name, version, definition) values (%(name)s, %(version)s, %(definition)s::jsonb)
on conflict (name) do update set version = excluded.version, definition = excluded.definition, state = null,
    began_at = clock_timestamp()
where grounding_rules.version <> excluded.version;

-- name: forget_rules
delete from grounding_rules where name <> all(%(names)s::text[]);

-- name: hold_rule
-- One process works on a rule at a time; says who did before.
with known as (select name, holder from grounding_rules where name = %(name)s for update)
update grounding_rules r set holder = %(holder)s, held_until = clock_timestamp() + %(seconds)s * interval '1 second'
from known k
where r.name = k.name and (r.holder is null or r.holder = %(holder)s or r.held_until < clock_timestamp())
returning k.holder;

-- name: add_calls
insert into grounding_calls (rule, request_id, project)
select c.rule, c.request_id, c.project
from jsonb_to_recordset(%(rows)s::jsonb) as c (rule text, request_id uuid, project text)
join grounding_rules r on r.name = c.rule
on conflict do nothing;

-- name: next_call
-- The first whose body is on record, which comes beside it, or that has waited for it as long as any does.
select request_id, project from grounding_calls c
where rule = %(rule)s and done_at is null and (
    at < clock_timestamp() - %(body_s)s * interval '1 second'
    or exists (
        select from request_bodies b
        where b.id = c.request_id and b.project = c.project
            and (%(project_ids)s::text[] is null or b.project = any(%(project_ids)s::text[]))
            and b.day between (at at time zone 'UTC')::date - 1 and (at at time zone 'UTC')::date
    )
)
order by at, request_id limit 1;

-- name: today
select count(*), coalesce(sum(cost_pico_usd), 0)::bigint from grounding_calls
where rule = %(rule)s and done_at >= date_trunc('day', clock_timestamp(), 'UTC');

-- name: end_call
update grounding_calls set done_at = clock_timestamp(), score = %(score)s, unsupported = %(unsupported)s,
    cost_pico_usd = %(cost_pico_usd)s, problem = %(problem)s
where rule = %(rule)s and request_id = %(request_id)s and done_at is null
returning rule;

-- name: get_state
select state::text from grounding_rules where name = %(rule)s and version = %(version)s for update;

-- name: put_state
update grounding_rules set state = %(state)s::jsonb where name = %(rule)s and version = %(version)s;

-- name: pass_over
-- What a day's bounds left no time for.
with gone as (
    delete from grounding_calls where rule = %(rule)s and done_at is null
        and at < clock_timestamp() - %(seconds)s * interval '1 second' returning rule
)
update grounding_rules set passed_over = passed_over + (select count(*) from gone)
where name = %(rule)s and exists (select from gone);

-- name: forget_calls
-- By the index on what is done; what is not, `pass_over` takes.
delete from grounding_calls where rule = %(rule)s and done_at < clock_timestamp() - %(days)s * interval '1 day';

-- name: get_key
select key from grounding_keys where rule = %(rule)s and project = %(project)s;

-- name: put_key
insert into grounding_keys (rule, project, key) values (%(rule)s, %(project)s, %(key)s)
on conflict (rule, project) do update set key = excluded.key;

-- name: list_rules
select r.name, r.version, r.definition::text as definition, r.began_at, r.passed_over,
    count(c.request_id) filter (where c.done_at is not null) as held,
    count(c.score) as scored,
    avg(c.score) as mean,
    count(c.request_id) filter (where c.unsupported > 0) as with_unsupported,
    count(c.request_id) filter (where c.done_at is null) as waiting,
    coalesce(sum(c.cost_pico_usd) filter (where c.done_at >= date_trunc('day', clock_timestamp(), 'UTC')), 0)::bigint
        as cost_today
from grounding_rules r left join grounding_calls c on c.rule = r.name and c.at >= r.began_at
group by r.name order by r.name;

-- name: begin_study
insert into context_studies (id, project, key, digest, dataset, definition)
values (%(id)s, %(project)s, %(key)s, md5(%(definition)s || %(dataset)s), %(dataset)s, %(definition)s::jsonb)
on conflict (project, key, digest) do update set changed_at = clock_timestamp(), ended = ''
returning id;

-- name: list_studies
select s.id, s.project, s.key, s.dataset, s.definition::text as definition, s.began_at, s.changed_at, s.ended,
    (select count(*) from context_replays r where r.study = s.id) as calls,
    (select coalesce(sum((r.result->>'cost_pico_usd')::bigint), 0)::bigint from context_replays r where r.study = s.id)
        as cost_pico_usd
from context_studies s
where (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
    and (%(id)s::uuid is null or s.id = %(id)s) and (%(before)s::uuid is null or s.id < %(before)s)
order by s.id desc limit %(limit)s;

-- name: list_replays
select result::text as result from context_replays
where study = %(study)s and project = any(%(project_ids)s::text[]) order by subject limit %(limit)s;

-- name: add_replays
-- What is sent again counts once.
insert into context_replays (study, project, subject, request_id, calls, result)
select %(study)s, %(project)s, r.subject, r.request_id, coalesce(r.calls, '{}'), r.result
from jsonb_to_recordset(%(rows)s::jsonb) as r (subject text, request_id uuid, calls uuid[], result jsonb)
on conflict (study, subject) do nothing;

-- name: end_study
update context_studies set changed_at = clock_timestamp(), ended = %(ended)s
where id = %(study)s and project = any(%(project_ids)s::text[]);

-- name: list_study_projects
select distinct project from context_studies;

-- name: expire_studies
delete from context_studies
where project = any(%(project_ids)s::text[]) and changed_at < clock_timestamp() - make_interval(days => %(days)s);
