-- Datasets and their cases. See datasets/store.py and datasets/gathering.py.

-- name: list_datasets
select project, name, version, digest, cases, changed_at from datasets
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(after_project)s::text is null or (project, name) > (%(after_project)s, %(after_name)s))
order by project, name limit %(limit)s;

-- name: count_datasets
select count(*) from datasets where project = any(%(project_ids)s::text[]);

-- name: get_dataset
select project, name, version, digest, cases, changed_at from datasets
where project = any(%(project_ids)s::text[]) and name = %(name)s;

-- name: lock_dataset
select version from datasets where project = any(%(project_ids)s::text[]) and name = %(name)s for update;

-- name: list_versions
select version, digest, cases, made_at, made_by from dataset_versions
where project = any(%(project_ids)s::text[]) and name = %(name)s
order by version desc limit %(limit)s;

-- name: make_dataset
insert into datasets (project, name, version, digest, cases) values (%(project)s, %(name)s, 0, %(digest)s, 0)
on conflict do nothing;

-- name: digests
select id, digest from dataset_cases
where project = any(%(project_ids)s::text[]) and dataset = %(name)s and gone_version is null;

-- name: end_cases
update dataset_cases set gone_version = %(version)s
where project = any(%(project_ids)s::text[]) and dataset = %(name)s and gone_version is null and id = any(%(ids)s::text[]);

-- name: add_cases
insert into dataset_cases (
    project, dataset, id, first_version, digest, body, request_id, trace_id, span_id, session, "user", key
)
select %(project)s, %(name)s, c.id, %(version)s, decode(c.digest, 'hex'), c.body, c.request_id, c.trace_id,
    c.span_id, coalesce(c.session, ''), coalesce(c."user", ''), coalesce(c.key, '')
from jsonb_to_recordset(%(rows)s::jsonb) as c (
    id text, digest text, body jsonb, request_id uuid, trace_id uuid, span_id bigint, session text,
    "user" text, key text
);

-- name: add_version
insert into dataset_versions (project, name, version, digest, cases, made_by)
values (%(project)s, %(name)s, %(version)s, %(digest)s, %(cases)s, %(by)s);

-- name: set_version
update datasets set version = %(version)s, digest = %(digest)s, cases = %(cases)s, changed_at = clock_timestamp()
where project = any(%(project_ids)s::text[]) and name = %(name)s;

-- name: list_cases
select id, body::text from dataset_cases
where project = any(%(project_ids)s::text[]) and dataset = %(name)s
    and first_version <= %(version)s and (gone_version is null or gone_version > %(version)s)
    and id > %(after)s
order by id limit %(limit)s;

-- name: list_sources
-- In the order, and on the pages, of the cases.
select id, first_version, request_id, trace_id, span_id from dataset_cases
where project = any(%(project_ids)s::text[]) and dataset = %(name)s
    and first_version <= %(version)s and (gone_version is null or gone_version > %(version)s)
    and id > %(after)s
order by id limit %(limit)s;

-- name: delete_cases
delete from dataset_cases where project = any(%(project_ids)s::text[]) and dataset = %(name)s;

-- name: delete_versions
delete from dataset_versions where project = any(%(project_ids)s::text[]) and name = %(name)s;

-- name: delete_dataset
delete from datasets where project = any(%(project_ids)s::text[]) and name = %(name)s;

-- name: find_spans
-- Model calls in traces that are named, the newest traces first; and whether a recorded call is one and the same.
with wanted as (
    select t.trace_id, t.first_day, t.last_day, t.started_at, t."user", t.session from traces t
    where t.project = any(%(project_ids)s::text[]) and t.trace_id = any(%(trace_ids)s::uuid[])
)
select s.trace_id, s.span_id, s.input, s.output, s.system, coalesce(s.details ->> 'tools', '') as tools, s.flags,
    s.key, coalesce(nullif(s."user", ''), w."user") as "user", coalesce(nullif(s.session, ''), w.session) as session,
    exists (
        select from requests r
        where r.project = s.project and r.trace_id = replace(s.trace_id::text, '-', '')
            and r.day between w.first_day and w.last_day
            and ((r.response_id = s.response_id and r.response_id <> '') or r.parent_span_id = s.span_id)
    ) as is_recorded
from wanted w join spans s on s.trace_id = w.trace_id and s.day between w.first_day and w.last_day
where s.project = any(%(project_ids)s::text[]) and s.kind = 'llm'
    and (%(span_ids)s::bigint[] is null or s.span_id = any(%(span_ids)s::bigint[]))
    and (%(key)s::text is null or s.key = %(key)s)
    and (%(model)s::text is null or %(model)s in (s.model, s.request_model))
    and (%(provider)s::text is null or s.provider = %(provider)s)
order by w.started_at desc, s.trace_id, s.started_at, s.span_id limit %(limit)s;

-- name: find_calls
-- Calls that are named, or whose feedback says so: of a name, not above or not below a value, in some time.
select distinct r.id, r.dialect, r.model, r.session, r."user", r.key, r.trace_id, r.started_at
from requests r
where r.project = any(%(project_ids)s::text[]) and (%(key)s::text is null or r.key = %(key)s)
    and r.started_at >= %(begin)s and r.started_at < %(end)s
    and r.day between (%(begin)s::timestamptz at time zone 'UTC')::date and (%(end)s::timestamptz at time zone 'UTC')::date
    and (%(ids)s::uuid[] is null or r.id = any(%(ids)s::uuid[]))
    and (%(trace_ids)s::text[] is null or r.trace_id = any(%(trace_ids)s::text[]))
    and (%(model)s::text is null or r.model = %(model)s)
    and (%(tag)s::text is null or %(tag)s = any(r.tags))
    and (%(feedback)s::text is null or exists (
        select from scores s
        where s.project = r.project and s.name = %(feedback)s
            and (s.request_id = r.id or (s.request_id is null and s.span_id is null and s.trace_id is not null
                and r.trace_id = replace(s.trace_id::text, '-', '')))
            and (%(least)s::float8 is null or s.value >= %(least)s) and (%(most)s::float8 is null or s.value <= %(most)s)
    ))
order by r.started_at desc, r.id limit %(limit)s;
