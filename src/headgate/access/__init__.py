"""Who may do what: projects, roles, keys, the access log and the audit log.

Read next: `access.model` (the rules), `access.book` (what a gateway knows of keys), `access.caller` (who is
behind a call), `access.roles`, and `access.store` (keys, audit and gateways in the database).
"""
