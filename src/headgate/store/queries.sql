-- Live objects. See store/live.py.

-- name: live_change
with counted as (
    update live_sequence set seq = seq + 1 returning seq
), changed as (
    insert into live_objects (kind, id, seq, body, deleted_at)
    select %(kind)s, %(id)s, seq, %(body)s::jsonb,
        case when %(body)s::text is null then clock_timestamp() end
    from counted
    on conflict (kind, id) do update
        set seq = excluded.seq, body = excluded.body, deleted_at = excluded.deleted_at
    returning seq
)
select seq, pg_notify(%(channel)s, seq::text) from changed;

-- name: live_load_all
select kind, id, seq, body::text from live_objects
where kind = any(%(kinds)s) and deleted_at is null order by seq;

-- name: live_get
select kind, id, seq, body::text from live_objects
where kind = %(kind)s and id = %(id)s;

-- name: live_changes_since
select kind, id, seq, body::text from live_objects where seq > %(seq)s order by seq;

-- name: live_place
select seq, database_identity() from live_sequence;

-- name: notify
select pg_notify(%(channel)s, %(payload)s);

-- name: set_session
-- Session settings, but for those that the connection was opened with. Days are those of UTC, whatever the server or
-- the environment says.
select set_config(wanted.name, wanted.value, false)
from unnest(%(names)s::text[], %(values)s::text[]) as wanted (name, value)
join pg_settings s on s.name = wanted.name
where s.source <> 'client' or s.name = 'TimeZone';

-- name: tables_unknown
-- Our tables that have some pages and were never analysed.
select c.relname from pg_class c
where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and c.reltuples < 0
    and pg_relation_size(c.oid) >= %(pages_min)s * current_setting('block_size')::int
order by c.relname;
