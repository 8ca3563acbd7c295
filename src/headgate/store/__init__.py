"""PostgreSQL, the only store: pool, migrations, embedded server, notifications, live objects, clock, jobs.

Knows no domain: what the tables of a slice mean stands in that slice. Read next: `store.database`, then
`store.migrate` and `store.embedded`.
"""
