-- name: change_live
with next as (
    update live_sequence set seq = seq + 1 returning seq
)
insert into live_objects (kind, id, seq, body, deleted_at)
select %(kind)s, %(id)s, next.seq, %(body)s::jsonb, case when %(body)s::text is null then clock_timestamp() end
from next
on conflict (kind, id) do update
set seq = excluded.seq, body = excluded.body, deleted_at = excluded.deleted_at
returning seq

-- name: get_live
select kind, id, seq, body::text from live_objects where kind = %s and id = %s

-- name: list_live
select kind, id, seq, body::text from live_objects
where kind = any(%s) and deleted_at is null order by seq

-- name: list_live_changes
select kind, id, seq, body::text from live_objects where seq > %s order by seq

-- name: get_live_sequence
select seq from live_sequence
