-- Override rules: their history, and the fragments of the templates that they match.

-- name: last_version
select coalesce(max(version), 0) from rule_versions where name = %(name)s;

-- name: add_version
insert into rule_versions (name, version, project, body, created_by)
values (%(name)s, %(version)s, %(project)s, %(body)s::jsonb, %(created_by)s)
on conflict do nothing
returning version;

-- name: list_versions
select version, body::text, created_at, created_by, project
from rule_versions
where name = %(name)s and (%(before)s::bigint is null or version < %(before)s)
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
order by version desc limit %(limit)s;

-- name: find_template
-- The newest versions first.
select t.parts::text
from catalogue_versions v
join catalogue_templates t on t.project = v.project and t.version = v.version
where v.path || ':' || v.symbol = %(template)s and (%(project)s::text is null or v.project = %(project)s)
group by t.parts::text
order by bool_or(v.is_newest) desc, max(v.last) desc, t.parts::text
limit %(limit)s;

-- name: template_names
select distinct path || ':' || symbol as name
from catalogue_versions
where (%(project)s::text is null or project = %(project)s)
order by name limit 20000;

-- name: recorded_calls
-- The newest first; `request_digest` is empty where the body was kept whole.
select r.id, r.project, r."user", r.session, r.tags, r.dialect, r.operation, r.model, r.target, r.usage::text,
    r.cost_usd, r.label_regions, r.label_readers, r.label_purposes, r.overrides::text, r.started_at,
    coalesce(b.request_digest = ''::bytea, false) as is_whole
from requests r
left join request_bodies b on b.day = r.day and b.id = r.id and b.project = r.project
where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and (%(project)s::text is null or r.project = %(project)s)
    and (%(tag)s::text is null or r.tags @> array[%(tag)s::text])
    and r.started_at >= %(begin)s and r.day >= (%(begin)s::timestamptz at time zone 'UTC')::date - 1
    and (%(before_id)s::uuid is null or (
        r.day <= %(before_day)s::date and (r.day, r.id) < (%(before_day)s::date, %(before_id)s::uuid)
    ))
    and r.status between 200 and 299
order by r.day desc, r.id desc limit %(limit)s;

-- name: catalogue_number
-- Grows with each change of any project's catalogue.
select coalesce(sum(number), 0)::bigint, count(*) from catalogues;
