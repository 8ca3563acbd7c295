-- Bodies that business systems have sent. See traces/systems/http.py.

-- name: note_delivery
insert into feedback_deliveries (system, digest) values (%(system)s, %(digest)s)
on conflict (system, digest) do nothing
returning digest;

-- name: forget_deliveries
-- Some at a time; what another request is at is left to it.
delete from feedback_deliveries d
using (
    select system, digest from feedback_deliveries
    where received_at < clock_timestamp() - make_interval(days => %(days)s)
    limit 100 for update skip locked
) old
where d.system = old.system and d.digest = old.digest;
