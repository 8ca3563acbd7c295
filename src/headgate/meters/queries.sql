-- name: grant_leases
select * from grant_leases(%(boot)s, %(asks)s::jsonb)

-- name: return_leases
select * from return_leases(%(boot)s, %(windows)s::bigint[], %(returned)s::numeric[])
