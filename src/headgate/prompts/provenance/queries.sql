-- Where the text of a call came from: the versions of templates that its record names.

-- name: code_versions
select v.source, v.path, v.symbol, v.version, v.first, v.last, t.parts::text as parts, v.line
from catalogue_versions v
join catalogue_templates t on t.project = v.project and t.version = v.version
where v.project = %(project)s
    and (%(project_ids)s::text[] is null or v.project = any(%(project_ids)s::text[]))
    and (v.source, v.version) in (select * from unnest(%(sources)s::text[], %(versions)s::text[]))
order by v.source, v.path, v.symbol, v.first
limit 500;

-- name: managed_versions
select v.name, v.number, v.body::text as body
from managed_versions v
where v.project = %(project)s
    and (%(project_ids)s::text[] is null or v.project = any(%(project_ids)s::text[]))
    and (v.name, v.number) in (select * from unnest(%(names)s::text[], %(numbers)s::int[]));
