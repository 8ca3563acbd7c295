-- name: list_keys
-- project_ids null: all projects; key null: all keys of theirs.
select id, seq, body::text from live_objects
where kind = 'key' and deleted_at is null
  and (%(project_ids)s::text[] is null or body ->> 'project' = any(%(project_ids)s))
  and (%(key)s::text is null or id = %(key)s)
  and (%(before)s::bigint is null or seq < %(before)s)
order by seq desc
limit %(limit)s

-- name: count_keys
select body ->> 'project', count(*) from live_objects
where kind = 'key' and deleted_at is null
  and (%(project_ids)s::text[] is null or body ->> 'project' = any(%(project_ids)s))
  and (%(key)s::text is null or id = %(key)s)
group by 1

-- name: count_admin_keys
select count(*) from live_objects
where kind = 'key' and deleted_at is null and body ->> 'role' = 'admin'

-- name: lock_first_admin_key
select pg_advisory_xact_lock(4400021)

-- name: insert_audit
insert into audit_log (actor, action, kind, object, project, before, after)
values (%(actor)s, %(action)s, %(kind)s, %(object)s, %(project)s, %(before)s::jsonb, %(after)s::jsonb)
returning id

-- name: list_audit
select id, at, actor, action, kind, object, project, before::text, after::text from audit_log
where (%(project_ids)s::text[] is null or project = any(%(project_ids)s))
  and (%(before)s::bigint is null or id < %(before)s)
order by id desc
limit %(limit)s

-- name: beat
-- A new boot under the same name in the same data folder has taken the place of the one before.
with replaced as (
    delete from gateways where host_id = %(host_id)s and name = %(name)s and boot <> %(boot)s
), beaten as (
    insert into gateways (boot, name, host, host_id, pid, live_seq, snapshot)
    values (%(boot)s, %(name)s, %(host)s, %(host_id)s, %(pid)s, %(live_seq)s, %(snapshot)s)
    on conflict (boot) do update
    set seen_at = clock_timestamp(), live_seq = excluded.live_seq, snapshot = excluded.snapshot
)
select count(*) from gateways
where seen_at > clock_timestamp() - make_interval(secs => %(live_s)s)
  and boot <> %(boot)s and not (host_id = %(host_id)s and name = %(name)s)

-- name: delete_gateway
delete from gateways where boot = %s

-- name: delete_gateways_gone
delete from gateways where seen_at < clock_timestamp() - make_interval(secs => %s)

-- name: list_gateways
select boot, name, host, pid, started_at, seen_at, live_seq, snapshot,
       seen_at > clock_timestamp() - make_interval(secs => %(live_s)s) as live
from gateways
where seen_at > clock_timestamp() - make_interval(secs => %(seen_s)s)
order by host, name
