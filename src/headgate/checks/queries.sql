-- Runs of checks, their results, and what judges said. See checks/store.py.

-- name: add_run
insert into check_runs (id, project, key, name, target, definition, dataset, dataset_digest, largest_cluster)
values (%(id)s, %(project)s, %(key)s, %(name)s, %(target)s, %(definition)s::jsonb, %(dataset)s, %(dataset_digest)s,
    %(largest_cluster)s);

-- name: columns
id, project, key, name, target, dataset, dataset_digest, largest_cluster, started_at, changed_at, verdict, kept

-- name: get_run
select [columns], definition::text, report::text from check_runs
where id = %(id)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: list_runs
select [columns], null, null from check_runs
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(name)s::text is null or name = %(name)s)
    and (%(before)s::uuid is null or id < %(before)s)
order by id desc limit %(limit)s;

-- name: count_results
select count(*) from check_results where run = %(run)s and project = any(%(project_ids)s::text[]);

-- name: add_results
-- What is sent again counts once.
insert into check_results (run, project, "case", repeat, request_id, result, calls)
select %(run)s, %(project)s, r."case", r.repeat, r.request_id, r.result, coalesce(r.calls, '{}')
from jsonb_to_recordset(%(rows)s::jsonb) as r ("case" text, repeat int, request_id uuid, result jsonb, calls uuid[])
on conflict (run, "case", repeat) do nothing;

-- name: add_judgements
insert into check_judgements (project, digest, score, reason, request_id)
select distinct on (j.digest) %(project)s, decode(j.digest, 'hex'), j.score, j.reason, j.request_id
from jsonb_to_recordset(%(rows)s::jsonb) as j (digest text, score float8, reason text, request_id uuid)
on conflict do nothing;

-- name: find_judgements
select encode(digest, 'hex'), score, reason from check_judgements
where project = any(%(project_ids)s::text[])
    and digest in (select decode(d, 'hex') from unnest(%(digests)s::text[]) as d);

-- name: set_report
update check_runs set verdict = %(verdict)s, report = %(report)s::jsonb, changed_at = clock_timestamp()
where id = %(id)s and project = any(%(project_ids)s::text[]);

-- name: set_kept
update check_runs set kept = %(kept)s where id = %(id)s and project = any(%(project_ids)s::text[]);

-- name: list_expiring_projects
select project from check_runs union select project from check_judgements;

-- name: expire_runs
-- Some at a time, since their results go with them. What has no verdict was given up.
delete from check_runs where id in (
    select r.id from check_runs r
    where r.project = any(%(project_ids)s::text[]) and not r.kept
        and r.changed_at < clock_timestamp() - make_interval(days => %(days)s)
        and (r.verdict is null or exists (
            select from check_runs later
            where later.project = r.project and later.name = r.name and later.target = r.target
                and later.id > r.id and later.verdict is not null
        ))
    order by r.changed_at limit 20
);

-- name: expire_judgements
-- Results hold what was said in them; these only save asking a judge again.
delete from check_judgements where (project, digest) in (
    select project, digest from check_judgements
    where project = any(%(project_ids)s::text[]) and said_at < clock_timestamp() - make_interval(days => %(days)s)
    order by said_at limit 5000
);

-- name: list_results
select "case", repeat, result::text from check_results
where run = %(run)s and project = any(%(project_ids)s::text[]) and ("case", repeat) > (%(after_case)s, %(after_repeat)s)
order by "case", repeat limit %(limit)s;

-- name: take_back
delete from check_runs k where k.id = %(run)s and k.project = any(%(project_ids)s::text[]) and not exists (
    select from check_results r where r.run = k.id and r.project = any(%(project_ids)s::text[])
)
returning k.id;
