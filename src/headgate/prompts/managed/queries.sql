-- Managed prompts and their versions. What calls may ask for stands among the live objects.

-- name: make_prompt
insert into managed_prompts (project, name, created_by)
values (%(project)s, %(name)s, %(actor)s)
on conflict do nothing

-- name: lock_prompt
select labels, newest, archived, created_at, created_by, changed_at
from managed_prompts
where project = %(project)s and name = %(name)s
for update

-- name: get_prompt
select labels, newest, archived, created_at, created_by, changed_at
from managed_prompts
where project = %(project)s and name = %(name)s

-- name: count_prompts
select count(*) from managed_prompts where project = %(project)s

-- name: add_version
insert into managed_versions (project, name, number, digest, body, created_by)
values (%(project)s, %(name)s, %(number)s, %(digest)s, %(body)s, %(actor)s)

-- name: put_prompt
update managed_prompts
set labels = %(labels)s, newest = %(newest)s, archived = %(archived)s, changed_at = clock_timestamp()
where project = %(project)s and name = %(name)s

-- name: delete_prompt
delete from managed_prompts where project = %(project)s and name = %(name)s

-- name: get_version
select number, body, created_at, created_by
from managed_versions
where project = %(project)s and name = %(name)s and number = %(number)s

-- name: list_versions
select number, body, created_at, created_by
from managed_versions
where
    project = %(project)s and name = %(name)s
    and (%(before)s::bigint is null or number < %(before)s)
order by number desc
limit %(limit)s

-- name: list_labelled
select number, body, created_at, created_by
from managed_versions
where project = %(project)s and name = %(name)s and number = any(%(numbers)s)
order by number desc

-- name: list_prompts
select
    prompt.project, prompt.name, prompt.labels, prompt.newest, prompt.archived, version.body,
    version.created_at, version.created_by
from managed_prompts as prompt
inner join managed_versions as version
    on version.project = prompt.project and version.name = prompt.name and version.number = prompt.newest
where
    (%(project_ids)s::text [] is null or prompt.project = any(%(project_ids)s))
    and (prompt.name, prompt.project) > (%(after_name)s, %(after_project)s)
    and (%(with_archived)s or not prompt.archived)
order by prompt.name, prompt.project
limit %(limit)s

-- name: list_code_templates
select version.source, version.path, version.symbol, version.version, template.parts::text
from catalogue_versions as version
inner join catalogue_templates as template
    on template.project = version.project and template.version = version.version
where version.project = %(project)s and version.is_newest
order by version.source, version.path, version.symbol
limit %(limit)s
