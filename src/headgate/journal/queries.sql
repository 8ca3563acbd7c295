-- Positions of journals, and what could not be applied. See journal/shipper.py.

-- name: register_journal
insert into journals (boot, host) values (%s, %s) on conflict (boot) do nothing

-- name: get_position
select acct_segment, acct_offset, body_segment, body_offset, closed_at from journals where boot = %s

-- name: get_positions
select boot, acct_segment, acct_offset, body_segment, body_offset, closed_at from journals where boot = any(%s)

-- name: lock_stream
select pg_advisory_xact_lock(hashtextextended(%s, 0))

-- name: move_acct
update journals set acct_segment = %(segment)s, acct_offset = %(offset)s, moved_at = clock_timestamp(),
    damaged_bytes = damaged_bytes + %(damaged)s
where boot = %(boot)s and acct_segment = %(old_segment)s and acct_offset = %(old_offset)s
returning boot

-- name: move_body
update journals set body_segment = %(segment)s, body_offset = %(offset)s, moved_at = clock_timestamp(),
    damaged_bytes = damaged_bytes + %(damaged)s
where boot = %(boot)s and body_segment = %(old_segment)s and body_offset = %(old_offset)s
returning boot

-- name: close_journal
-- Only where the database has all that its shipper believes it has.
update journals set closed_at = clock_timestamp()
where boot = %(boot)s and closed_at is null
    and acct_segment = %(acct_segment)s and acct_offset = %(acct_offset)s
    and body_segment = %(body_segment)s and body_offset = %(body_offset)s
returning boot

-- name: add_reject
insert into journal_rejects (boot, stream, segment, "offset", kind, payload, error)
values (%s, %s, %s, %s, %s, %s, %s)

-- name: list_journals
select boot, host, acct_segment, acct_offset, body_segment, body_offset, damaged_bytes, registered_at, moved_at,
    closed_at
from journals order by registered_at desc limit %s

-- name: count_rejects
select count(*) from journal_rejects
