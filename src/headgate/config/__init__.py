"""headgate.toml and what becomes of it: read, checked, compiled to one immutable snapshot.

Read next: `config.document` (the shape of the file), `config.load`, `config.compile`, `config.snapshot` (what
gateways read), `config.snapshots` (where they are kept), `config.watch`.
"""
