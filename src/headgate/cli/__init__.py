"""The command line: one file a noun, a client of the REST API.

Only `up`, `backup`, `restore` and `upgrade` reach into this machine's own server, and load it when they run.
Read next: `app`, then `command` for how a function becomes a command.
"""
