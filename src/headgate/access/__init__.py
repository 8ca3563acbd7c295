"""Who may do what: projects, roles, keys, the access log and the audit log.

Read next: `access.model` (the rules, pure), `access.book` (what a gateway knows of keys).
"""
