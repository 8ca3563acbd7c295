-- name: insert_snapshot
insert into snapshots (id, format, document, created_by, note)
values (%(id)s, %(format)s, %(document)s::jsonb, %(created_by)s, %(note)s)
on conflict (id) do nothing
returning id

-- name: lock_active
select id, seq from active_snapshot for update

-- name: snapshot_exists
select exists (select from snapshots where id = %s)

-- name: set_active
update active_snapshot set id = %s, seq = seq + 1 returning seq

-- name: insert_history
insert into snapshot_history (seq, id, activated_by) values (%s, %s, %s)

-- name: get_active
-- `unless` names the snapshot that is known already: then nothing comes back.
select s.id, s.format, s.document::text, s.created_at, s.created_by, s.note, a.seq
from active_snapshot a join snapshots s on s.id = a.id
where %(unless)s::text is null or s.id <> %(unless)s

-- name: get_snapshot
select s.id, s.format, s.document::text, s.created_at, s.created_by, s.note,
       (select a.seq from active_snapshot a where a.id = s.id) as seq
from snapshots s where s.id = %s

-- name: list_snapshots
select s.id, s.format, s.created_at, s.created_by, s.note,
       (select a.seq from active_snapshot a where a.id = s.id) as seq
from snapshots s
where %(before)s::timestamptz is null or s.created_at < %(before)s
order by s.created_at desc
limit %(limit)s

-- name: list_history
select seq, id, activated_at, activated_by from snapshot_history
where %(before)s::bigint is null or seq < %(before)s
order by seq desc
limit %(limit)s
