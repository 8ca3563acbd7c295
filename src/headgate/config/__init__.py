"""headgate.toml and what becomes of it: read, checked, compiled to one immutable snapshot.

Read next: `config.document` (the file's shape), `config.compile`, `config.snapshot` (what gateways read).
"""
