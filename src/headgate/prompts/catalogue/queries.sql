-- Prompts found in code, what traffic was matched to them, and what matches none. What answers someone takes
-- project_ids: null for all projects, which only an admin may ask for.

-- name: lock_catalogue
-- Against the job that forgets calls of projects without a catalogue, and against other pushes.
select pg_advisory_xact_lock(hashtextextended('headgate catalogue ' || %(project)s, 0));

-- name: share_catalogue
select pg_advisory_xact_lock_shared(hashtextextended('headgate catalogue ' || %(project)s, 0));

-- name: get_number
select number from catalogues where project = %(project)s;

-- name: bump_number
insert into catalogues as c (project, number) values (%(project)s, 1)
on conflict (project) do update set number = c.number + 1, changed_at = clock_timestamp()
returning number;

-- name: get_source
select kind, head, commits, commits_digest, state from catalogue_sources
where project = %(project)s and source = %(source)s;

-- name: put_source
insert into catalogue_sources (
    project, source, kind, head, commits, commits_digest, state, settings, pushed_by
) values (
    %(project)s, %(source)s, %(kind)s, %(head)s, %(commits)s, %(commits_digest)b, %(state)b, %(settings)s::jsonb,
    %(pushed_by)s
)
on conflict (project, source) do update set
    kind = excluded.kind, head = excluded.head, commits = excluded.commits,
    commits_digest = excluded.commits_digest, state = excluded.state, settings = excluded.settings,
    pushed_at = clock_timestamp(), pushed_by = excluded.pushed_by;

-- name: delete_source
with gone as (
    delete from catalogue_commits where project = %(project)s and source = %(source)s
), also as (
    delete from catalogue_versions where project = %(project)s and source = %(source)s
)
delete from catalogue_sources where project = %(project)s and source = %(source)s returning source;

-- name: count_of_project
select (select count(*) from catalogue_versions where project = %(project)s),
    (select count(*) from catalogue_templates where project = %(project)s);

-- name: add_templates
insert into catalogue_templates (project, version, parts)
select %(project)s, t.version, t.parts from unnest(%(versions)s::text[], %(parts)s::jsonb[]) t (version, parts)
on conflict do nothing;

-- name: known_templates
select version from catalogue_templates where project = %(project)s and version = any(%(versions)s::text[]);

-- name: forget_templates
delete from catalogue_templates t where t.project = %(project)s and not exists (
    select from catalogue_versions v where v.project = t.project and v.version = t.version
);

-- name: cut_commits
delete from catalogue_commits where project = %(project)s and source = %(source)s and place >= %(start)s;

-- name: add_commits
insert into catalogue_commits (project, source, place, id, at)
select %(project)s, %(source)s, %(start)s + c.place - 1, c.id, to_timestamp(c.at)
from unnest(%(ids)s::text[], %(times)s::bigint[]) with ordinality c (id, at, place);

-- name: list_commit_ids
select id from catalogue_commits where project = %(project)s and source = %(source)s order by place;

-- name: list_versions
select prompt, version, path, symbol, kind, line, first, last, is_newest from catalogue_versions
where project = %(project)s and source = %(source)s;

-- name: delete_versions
delete from catalogue_versions where project = %(project)s and source = %(source)s;

-- name: add_versions
insert into catalogue_versions (
    project, source, prompt, version, path, symbol, kind, line, first, last, is_newest
)
select %(project)s, %(source)s, v.* from unnest(
    %(prompts)s::uuid[], %(versions)s::text[], %(paths)s::text[], %(symbols)s::text[], %(kinds)s::text[],
    %(lines)s::int[], %(firsts)s::int[], %(lasts)s::int[], %(newest)s::bool[]
) v;

-- name: requeue
-- Calls of the last day that no template explains wholly; the newest first, where there are too many.
insert into match_queue (project, day, id, again)
select r.project, r.day, r.id, %(again)s
from requests r
join request_bodies b on b.day = r.day and b.id = r.id and b.project = r.project
where r.project = any(%(project_ids)s::text[]) and r.day >= current_date - 2
    and r.started_at >= clock_timestamp() - interval '24 hours'
    and r.operation in ('chat', 'completions')
    and not r.prompts @> '[{"kind": "code", "exact": true}]'
order by r.day desc, r.id desc limit %(limit)s
on conflict (project, day, id) do update set claim = null, tries = 0, not_before = '-infinity';

-- name: load_versions
select v.source, v.path, v.symbol, v.version, v.first, v.last, t.parts::text
from catalogue_versions v
join catalogue_templates t on t.project = v.project and t.version = v.version
where v.project = %(project)s
order by v.source, v.path, v.symbol, v.first;

-- name: load_commits
select c.source, c.place, c.id
from catalogue_commits c
where c.project = %(project)s and (c.source, c.place) in (
    select v.source, v.first from catalogue_versions v where v.project = %(project)s
    union select v.source, v.last from catalogue_versions v where v.project = %(project)s
);

-- name: find_commits
-- The commits that a text begins, or that begin it: two of each source tell that it is not unique.
select source, place, id from (
    select c.source, c.place, c.id, row_number() over (partition by c.source order by c.place desc) as number
    from catalogue_commits c
    where c.project = %(project)s and c.id >= %(prefix)s and c.id < %(prefix)s || '~'
) found
where number <= 2;

-- name: release_commits
select id, commit from releases where project = %(project)s and id = any(%(ids)s::text[]);

-- name: list_sources
select s.project, s.source, s.kind, s.head, s.commits, s.pushed_at, s.pushed_by, (
        select count(distinct v.prompt) from catalogue_versions v
        where v.project = s.project and v.source = s.source
    ) as prompts, (
        select count(*) from catalogue_versions v where v.project = s.project and v.source = s.source
    ) as versions, s.commits_digest, s.settings
from catalogue_sources s
where (%(project_ids)s::text[] is null or s.project = any(%(project_ids)s::text[]))
    and (%(source)s::text is null or s.source = %(source)s)
    and (s.project, s.source) > (%(after_project)s, %(after_source)s)
order by s.project, s.source limit %(limit)s;

-- name: list_source_templates
select distinct version from catalogue_versions
where project = %(project)s and source = %(source)s order by version;

-- name: queued_projects
-- One look into the index for each project, however many calls wait.
with recursive waiting as (
    (select project from match_queue order by project limit 1)
    union all
    select (select q.project from match_queue q where q.project > w.project order by q.project limit 1)
    from waiting w where w.project is not null
)
select project from waiting where project is not null;

-- name: forget_queue
delete from match_queue q using (
    select day, id from match_queue where project = %(project)s limit %(limit)s for update skip locked
) gone
where q.project = %(project)s and q.day = gone.day and q.id = gone.id;

-- name: claim_queued
update match_queue q
set claim = %(claim)s, tries = q.tries + 1, not_before = clock_timestamp() + interval '60 seconds'
from (
    select day, id from match_queue
    where project = %(project)s and not_before <= clock_timestamp()
    order by day, id limit %(limit)s
    for update skip locked
) taken
where q.project = %(project)s and q.day = taken.day and q.id = taken.id
returning q.day, q.id, q.again, q.queued_at < clock_timestamp() - interval '15 minutes',
    q.queued_at < clock_timestamp() - interval '24 hours', q.tries;

-- name: put_off
update match_queue set claim = null, tries = 0, not_before = clock_timestamp() + make_interval(secs => %(wait_s)s)
where project = %(project)s and claim = %(claim)s
    and (day, id) in (select * from unnest(%(days)s::date[], %(ids)s::uuid[]));

-- name: take_off
delete from match_queue
where project = %(project)s and claim = %(claim)s
    and (day, id) in (select * from unnest(%(days)s::date[], %(ids)s::uuid[]))
returning id;

-- name: add_traffic
insert into prompt_traffic as t (
    project, day, key, prompt, source, name, version, environment, release, calls, cost_usd, unpriced, first_seen,
    last_seen, measured, failed, input, cache_read, cache_write, output, reasoning, estimated, duration_sketch,
    first_token_sketch
) values (
    %(project)s, %(day)s, %(key)s, %(prompt)s, %(source)s, %(name)s, %(version)s, %(environment)s, %(release)s,
    %(calls)s, %(cost_usd)s::numeric, %(unpriced)s, %(first_seen)s, %(last_seen)s, %(calls)s, %(failed)s, %(input)s,
    %(cache_read)s, %(cache_write)s, %(output)s, %(reasoning)s, %(estimated)s, %(duration_sketch)s::int[],
    %(first_token_sketch)s::int[]
)
on conflict (project, day, key) do update set
    calls = t.calls + excluded.calls,
    cost_usd = t.cost_usd + excluded.cost_usd,
    unpriced = t.unpriced + excluded.unpriced,
    first_seen = least(t.first_seen, excluded.first_seen),
    last_seen = greatest(t.last_seen, excluded.last_seen),
    measured = t.measured + excluded.measured,
    failed = t.failed + excluded.failed,
    input = t.input + excluded.input,
    cache_read = t.cache_read + excluded.cache_read,
    cache_write = t.cache_write + excluded.cache_write,
    output = t.output + excluded.output,
    reasoning = t.reasoning + excluded.reasoning,
    estimated = t.estimated + excluded.estimated,
    duration_sketch = add_sketches(t.duration_sketch, excluded.duration_sketch),
    first_token_sketch = add_sketches(t.first_token_sketch, excluded.first_token_sketch);

-- name: forget_traffic
delete from prompt_traffic where project = %(project)s and calls <= 0 and day = any(%(days)s::date[]);

-- part: with_environment
d.environments || jsonb_build_object(
        %(environment)s::text, coalesce((d.environments ->> %(environment)s)::bigint, 0) + excluded.calls
    )

-- name: add_match_day
insert into match_days as d (project, day, calls, unknown, environments)
values (
    %(project)s, %(day)s, %(calls)s, %(unknown)s, jsonb_build_object(%(environment)s::text, %(calls)s::bigint)
)
on conflict (project, day) do update set
    calls = d.calls + excluded.calls, unknown = greatest(0, d.unknown + excluded.unknown),
    environments = [with_environment];

-- name: lock_unknown
insert into unknown_states as u (project, number) values (%(project)s, 0)
on conflict (project) do update set number = u.number
returning number;

-- name: next_unknown
update unknown_states set number = number + 1 where project = %(project)s returning number;

-- name: load_unknown
select id, template, role, example from unknown_prompts
where project = %(project)s and number > %(number)s order by last_seen, id;

-- name: put_unknown
insert into unknown_prompts as u (
    project, id, number, role, template, example, example_day, first_seen, last_seen
) values (
    %(project)s, %(id)s, %(number)s, %(role)s, %(template)s, %(example)s, %(day)s, %(seen)s, %(seen)s
)
on conflict (project, id) do update set
    number = excluded.number,
    template = excluded.template,
    example = case when u.example_day < excluded.example_day then excluded.example else u.example end,
    example_day = greatest(u.example_day, excluded.example_day),
    first_seen = least(u.first_seen, excluded.first_seen),
    last_seen = greatest(u.last_seen, excluded.last_seen);

-- name: add_unknown_day
insert into unknown_days as d (project, day, id, calls, environments) values (
    %(project)s, %(day)s, %(id)s, %(calls)s, jsonb_build_object(%(environment)s::text, %(calls)s::bigint)
)
on conflict (project, day, id) do update set
    calls = d.calls + excluded.calls, environments = [with_environment];

-- name: add_unknown_calls
insert into unknown_calls (id, day, request, project)
select *, %(project)s from unnest(%(ids)s::uuid[], %(days)s::date[], %(requests)s::uuid[])
on conflict do nothing;

-- name: delete_unknown
with gone as (
    delete from unknown_days where project = %(project)s and id = any(%(ids)s::uuid[])
), also as (
    delete from unknown_calls where project = %(project)s and id = any(%(ids)s::uuid[])
)
delete from unknown_prompts where project = %(project)s and id = any(%(ids)s::uuid[]);

-- name: spare_unknown
-- Those beyond the number that is kept, the longest unseen.
select id from unknown_prompts where project = %(project)s
order by last_seen desc, id offset %(kept)s;

-- name: traffic_by_name
-- What calls that managed prompts were rendered into came to.
select project, name as prompt, sum(calls)::bigint as calls, sum(cost_usd) as cost_usd,
    sum(unpriced)::bigint as unpriced, max(last_seen) as last_seen
from prompt_traffic
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and day between %(since)s and %(until)s and (%(environment)s::text is null or environment = %(environment)s)
    and prompt = any(%(prompts)s::uuid[])
group by project, name
having sum(calls) > 0;

-- part: calls_within
case when %(environment)s::text is null then calls else (environments ->> %(environment)s)::bigint end

-- name: list_unknown
with looked as (
    select project, sum([calls_within]) as calls from match_days
    where day between %(since)s and %(until)s
        and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    group by project
), counted as (
    select project, id, sum([calls_within])::bigint as calls from unknown_days
    where day between %(since)s and %(until)s
        and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    group by project, id
)
select u.id, u.project, u.role, u.template, u.example, c.calls,
    case when l.calls > 0 then least(1, c.calls / l.calls)::float8 else 0 end as share,
    u.first_seen, u.last_seen
from counted c
join unknown_prompts u on u.project = c.project and u.id = c.id
left join looked l on l.project = c.project
where c.calls > 0 and (u.role = 'system' or c.calls > 1) and (
    %(before_calls)s::bigint is null or (c.calls, u.id) < (%(before_calls)s, %(before_id)s::uuid)
)
order by c.calls desc, u.id desc limit %(limit)s;

-- name: list_prompts
-- Each prompt of code with its newest version, and what traffic of some days was found in it: by name, or those of
-- most calls first (`rank` then counts down from there). `uses` is how often prompts were used at all, of each row and
-- of one that has nothing else where there is no prompt: a call counts under each that it holds.
with named as (
    select v.project, v.source, v.prompt, min(v.path) as path, min(v.symbol) as symbol, count(*) as versions,
        array_agg(v.version order by v.last desc) filter (where v.is_newest) as newest,
        (array_agg(v.version order by v.is_newest desc, v.last desc, v.first desc))[1] as shown
    from catalogue_versions v
    where (%(project_ids)s::text[] is null or v.project = any(%(project_ids)s::text[]))
        and (%(source)s::text is null or v.source = %(source)s)
        and (%(prompt)s::uuid is null or v.prompt = %(prompt)s)
    group by v.project, v.source, v.prompt
), seen as materialized (
    -- Summed once: whoever pages by name would else have them summed along an index that none of this is in.
    select t.project, t.prompt, t.version, sum(t.calls)::bigint as calls, sum(t.cost_usd) as cost_usd,
        sum(t.unpriced)::bigint as unpriced, max(t.last_seen) as last_seen
    from prompt_traffic t
    where t.day between %(since)s and %(until)s
        and (%(environment)s::text is null or t.environment = %(environment)s)
        and (%(project_ids)s::text[] is null or t.project = any(%(project_ids)s::text[]))
        and (%(prompt)s::uuid is null or t.prompt = %(prompt)s)
    group by t.project, t.prompt, t.version
    having sum(t.calls) > 0
), summed as (
    select s.project, s.prompt, sum(s.calls)::bigint as calls, sum(s.cost_usd) as cost_usd,
        sum(s.unpriced)::bigint as unpriced, max(s.last_seen) as last_seen,
        array_agg(s.version order by s.calls desc, s.version) as seen
    from seen s group by s.project, s.prompt
), told as (
    select n.*, s.calls, s.cost_usd, s.unpriced, s.last_seen, coalesce(s.seen, '{}') as seen,
        case
            when s.seen is null then case when n.newest is null then 'gone' else 'unused' end
            when s.seen <@ n.newest then 'current'
            else 'differs'
        end as state,
        case when %(by_calls)s then -coalesce(s.calls, 0) else 0 end as rank
    from named n left join summed s on s.project = n.project and s.prompt = n.prompt
), page as (
    select t.* from told t
    where case when %(state)s::text is null then t.state <> 'gone' else %(state)s in (t.state, 'all') end
        and (%(after_rank)s::bigint is null or (t.rank, t.project, t.path, t.symbol, t.source) > (
            %(after_rank)s, %(after_project)s, %(after_path)s, %(after_symbol)s, %(after_source)s
        ))
    order by t.rank, t.project, t.path, t.symbol, t.source limit %(limit)s
)
select t.*, p.parts::text as parts, u.uses
from (select coalesce(sum(calls), 0)::bigint as uses from seen) u
left join page t on true
left join catalogue_templates p on p.project = t.project and p.version = t.shown
order by t.rank, t.project, t.path, t.symbol, t.source;

-- name: find_prompts
-- Where a name stands: a path may hold colons, and a symbol none.
select distinct project, source, prompt, path, symbol from catalogue_versions
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(source)s::text is null or source = %(source)s)
    and path || ':' || symbol = %(name)s
order by project, source limit 20;

-- name: list_prompt_versions
select v.version, v.is_newest, v.line, v.first, v.last, f.id as first_commit, f.at as first_at,
    l.id as last_commit, l.at as last_at, t.parts::text as parts, s.calls, s.cost_usd, s.unpriced, s.last_seen
from catalogue_versions v
join catalogue_templates t on t.project = v.project and t.version = v.version
left join catalogue_commits f on f.project = v.project and f.source = v.source and f.place = v.first
left join catalogue_commits l on l.project = v.project and l.source = v.source and l.place = v.last
left join lateral (
    select sum(p.calls)::bigint as calls, sum(p.cost_usd) as cost_usd, sum(p.unpriced)::bigint as unpriced,
        max(p.last_seen) as last_seen
    from prompt_traffic p
    where p.project = v.project and p.prompt = v.prompt and p.version = v.version
        and p.day between %(since)s and %(until)s
        and (%(environment)s::text is null or p.environment = %(environment)s)
) s on true
where v.project = %(project)s and v.source = %(source)s and v.prompt = %(prompt)s
    and (%(version)s::text is null or v.version = %(version)s)
order by v.is_newest desc, v.last desc, v.first desc, v.version limit %(limit)s;

-- name: get_settings
select settings from catalogue_sources where project = %(project)s and source = %(source)s;

-- name: seen_in_environment
-- The prompts of code that an environment's calls were made of since a time.
select source, name, version, sum(calls)::bigint as calls, max(last_seen) as last_seen
from prompt_traffic
where project = %(project)s and environment = %(environment)s and source <> ''
    and day >= (%(since)s::timestamptz at time zone 'UTC')::date - 1 and last_seen >= %(since)s
group by source, name, version
having sum(calls) > 0
order by max(last_seen) desc, source, name, version limit %(limit)s;

-- name: add_places
insert into prompt_places as p (project, day, key, prompt, environment, kind, named, calls)
values (
    %(project)s, %(day)s, %(key)s, %(prompt)s, %(environment)s, %(kind)s, %(named)s, %(calls)s
)
on conflict (project, day, key) do update set calls = p.calls + excluded.calls;

-- name: forget_places
delete from prompt_places where project = %(project)s and calls <= 0 and day = any(%(days)s::date[]);
