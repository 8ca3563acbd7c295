"""PostgreSQL and nothing of the domain: pool, migrations, embedded server, notifications, live objects, jobs.

Read next: `store.database`, `store.migrate`, `store.live`.
"""
