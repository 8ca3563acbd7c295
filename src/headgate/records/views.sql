-- Views of lists that people have saved. See records/views.py.

-- name: lock_views
-- One after another in a project, so that a bound and a name hold.
select pg_advisory_xact_lock(hashtextextended('saved views ' || %(project)s, 0));

-- name: list_views
select id, project, page, name, search, made_by, changed_at from saved_views
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(page)s::text is null or page = %(page)s)
    and (project, page, name, id) > (%(after_project)s, %(after_page)s, %(after_name)s, %(after_id)s::uuid)
order by project, page, name, id limit %(limit)s;

-- name: get_view
select id, project, page, name, search, made_by, changed_at from saved_views
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[])) and id = %(id)s
for update;

-- name: views_beside
-- How many there are on a page, and whether another one has the name.
select count(*), coalesce(bool_or(name = %(name)s and id <> %(id)s), false) from saved_views
where project = %(project)s and page = %(page)s;

-- name: put_view
insert into saved_views as v (id, project, page, name, search, made_by)
values (%(id)s, %(project)s, %(page)s, %(name)s, %(search)s, %(made_by)s)
on conflict (id) do update set name = excluded.name, search = excluded.search, changed_at = clock_timestamp()
returning id, project, page, name, search, made_by, changed_at;

-- name: delete_view
delete from saved_views
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[])) and id = %(id)s
returning id, project, page, name, search, made_by, changed_at;
