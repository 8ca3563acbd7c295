"""HTTP/1.1, both ways: a client pool towards providers and a server towards clients.

Never here: models, dialects, credentials, configuration. Read next: `pool` for the client, `server` for the
server; `connection` is where the bytes are.
"""
