-- name: add_release
insert into releases (project, id, name, commit, dirty, label, note, parts, manifest, created_by)
values (
    %(project)s, %(id)s, %(name)s, %(commit)s, %(dirty)s, %(label)s, %(note)s, %(parts)s::jsonb, %(manifest)s,
    %(created_by)s
)
on conflict (project, id) do nothing
returning id

-- name: get_release
select project, id, name, commit, dirty, note, label, created_at, created_by, parts::text, manifest
from releases
where project = %(project)s and id = %(id)s

-- name: find_releases
-- What a text may mean: an id or a name, else a commit, else the beginning of either; the best first.
select project, id, rank from (
    select project, id, created_at, case
        when id = %(wanted)s or (name = %(wanted)s and name <> '') then 1
        when commit = %(wanted)s then 2
        else 3
    end as rank
    from releases
    where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
        and (
            id = %(wanted)s or (name = %(wanted)s and name <> '') or commit = %(wanted)s
            or (length(%(wanted)s) >= 6 and (starts_with(id, %(wanted)s) or starts_with(commit, %(wanted)s)))
        )
) found
order by rank, created_at desc, project, id
limit 10

-- name: list_releases
select project, id, name, commit, dirty, note, label, created_at, created_by, parts::text
from releases
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(before_at)s::timestamptz is null
        or (created_at, project, id) < (%(before_at)s::timestamptz, %(before_project)s, %(before_id)s))
order by created_at desc, project desc, id desc
limit %(limit)s

-- name: lock_environment
-- Held to the end of the transaction: of two moves of one pointer, the second sees what the first did.
select pg_advisory_xact_lock(4400043, hashtext(%s))

-- name: add_move
insert into environment_moves (project, environment, action, release, previous, actor, why)
values (%(project)s, %(environment)s, %(action)s, %(release)s, %(previous)s, %(actor)s, %(why)s)

-- name: list_moves
select seq, project, environment, action, release, previous, at, actor, why from environment_moves
where project = %(project)s and environment = %(environment)s
    and (%(before)s::bigint is null or seq < %(before)s)
order by seq desc
limit %(limit)s

-- name: last_moves
select distinct on (project, environment) project, environment, action, release, previous, at, actor, why
from environment_moves
where %(project_ids)s::text[] is null or project = any(%(project_ids)s::text[])
order by project, environment, seq desc

-- part: sampled
-- The newest calls of a release: what comparisons are made of. Days first, so that partitions are read in turn.
from requests r
where r.project = %(project)s and r.release = %(release)s
    and (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and (%(environment)s::text is null or r.environment = %(environment)s)
    and (%(begin)s::timestamptz is null or (
        r.started_at >= %(begin)s and r.day >= (%(begin)s::timestamptz at time zone 'UTC')::date - 1
    ))
    and (%(end)s::timestamptz is null or (
        r.started_at < %(end)s and r.day <= (%(end)s::timestamptz at time zone 'UTC')::date + 1
    ))
order by r.day desc, r.id desc
limit %(limit)s

-- name: sample_calls
select r.started_at, r.status, r.duration_ms, r.first_token_ms, r.usage::text, r.cost_usd, r."user", r.session
[sampled]

-- name: said_of_calls
-- What was said of these calls, of their traces and of spans in them, each once; numbers, yes and no.
with calls as (
    select r.id, r.trace_id, r."user", r.session
    [sampled]
)
select distinct on (s.id) s.name, s.kind, s.value, c."user", c.session
from calls c
cross join lateral (
    select id, name, kind, value from scores
    where project = %(project)s and request_id = c.id
    union all
    select id, name, kind, value from scores
    where project = %(project)s and c.trace_id ~ '^[0-9a-f]{32}$' and trace_id = c.trace_id::uuid
        and request_id is null
) s
where s.kind <> 'text' and abs(s.value) < 1e300
order by s.id, c.id
limit %(limit)s

-- name: prompts_seen
-- Prompts of code that calls of environments were made of; those of libraries stand in no release.
select r.project, r.environment, r.release, p.name, p.version, p.versions, count(*) as calls,
    max(r.started_at) as last_at
from requests r
cross join lateral jsonb_to_recordset(r.prompts)
    as p (name text, version text, versions text[], kind text, source text)
left join catalogue_sources s on s.project = r.project and s.source = p.source
where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and r.environment <> '' and (%(environment)s::text is null or r.environment = %(environment)s)
    and r.release <> '' and r.started_at >= %(since)s
    -- Ids begin with their time: so only the part of the primary key is read that may be as new.
    and r.day >= %(since_day)s::date and (r.day, r.id) >= (%(since_day)s::date, %(since_id)s::uuid)
    and p.kind = 'code' and s.kind is distinct from 'library'
group by 1, 2, 3, 4, 5, 6
order by calls desc, 1, 2, 3, 4, 5
limit %(limit)s

-- name: told_unreleased
-- Those that nobody was told of before; from now on they are known.
insert into prompts_unreleased (project, environment, release, prompt, version)
select * from unnest(
    %(projects)s::text[], %(environments)s::text[], %(releases)s::text[], %(prompts)s::text[], %(versions)s::text[]
)
on conflict do nothing
returning project, environment, release, prompt, version

-- name: whatif_count
select count(*) from requests r
where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and r.started_at >= %(begin)s and r.started_at < %(end)s
    and r.day >= (%(begin)s::timestamptz at time zone 'UTC')::date - 1
    and r.day <= (%(end)s::timestamptz at time zone 'UTC')::date + 1

-- name: whatif_calls
-- In the order of time. `share` of a million are looked at, always the same ones for one seed.
select r.day, r.id, r.started_at, r.project, r.key, r."user", r.tags, r.model, r.target, r.code, r.usage::text,
    r.cost_usd, r.attempts -> -1 ->> 'cost_usd', r.attempts -> -1 ->> 'reserved_usd', r.estimated, r.dialect,
    r.operation, r.session
from requests r
where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and r.started_at >= %(begin)s and r.started_at < %(end)s
    and r.day >= %(after_day)s::date and r.day <= (%(end)s::timestamptz at time zone 'UTC')::date + 1
    and (r.day, r.id) > (%(after_day)s::date, %(after_id)s::uuid)
    and (%(share)s::int >= 1000000
        or mod(hashtextextended(r.id::text, %(seed)s) & 9223372036854775807, 1000000) < %(share)s::int)
order by r.day, r.id
limit %(limit)s

-- name: whatif_lengths
-- How long answers of each target are, and how many tokens its requests take a byte.
select r.target, count(*) as calls,
    avg(u.output)::float8 as output_mean, coalesce(var_samp(u.output), 0)::float8 as output_variance,
    count(b.request_length) as sized_calls,
    coalesce(avg(u.input / nullif(b.request_length, 0)), 0)::float8 as rate_mean,
    coalesce(var_samp(u.input / nullif(b.request_length, 0)), 0)::float8 as rate_variance
from requests r
left join request_bodies b on b.day = r.day and b.id = r.id and b.project = r.project and b.request_length > 0
cross join lateral (
    select coalesce((r.usage ->> 'output')::float8, 0) + coalesce((r.usage ->> 'reasoning')::float8, 0) as output,
        coalesce((r.usage ->> 'input')::float8, 0) + coalesce((r.usage ->> 'cache_read')::float8, 0)
            + coalesce((r.usage ->> 'cache_write')::float8, 0) as input
) u
where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and r.started_at >= %(begin)s and r.started_at < %(end)s
    and r.day >= (%(begin)s::timestamptz at time zone 'UTC')::date - 1
    and r.day <= (%(end)s::timestamptz at time zone 'UTC')::date + 1
    and r.status < 400 and not r.estimated and u.output > 0
    and mod(hashtextextended(r.id::text, %(seed)s) & 9223372036854775807, 1000000) < %(share)s::int
group by r.target
order by count(*) desc
limit 500

-- name: spent_before
-- What was spent between two times, by all that a budget may count by.
select r.project, r.key, r."user", r.tags, r.model, r.target, sum(r.cost_usd)
from requests r
where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and r.started_at >= %(begin)s and r.started_at < %(end)s
    and r.day >= (%(begin)s::timestamptz at time zone 'UTC')::date - 1
    and r.day <= (%(end)s::timestamptz at time zone 'UTC')::date + 1
    and r.cost_usd > 0
group by 1, 2, 3, 4, 5, 6
order by 7 desc
limit 100000
