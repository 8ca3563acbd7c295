"""Headgate with everything on: key, two budgets, a rate limit, journal with bodies, shipper, PostgreSQL.

Starts what users start, `headgate up`, with one gateway worker. Read next: `serving`.
"""

import contextlib
import dataclasses
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import psycopg
from demo.running import Running, headgate

from bench.machine import Cores, pin
from bench.payloads import STREAMS, Kind, chat_body
from bench.serving import JSON_HEADERS, Ask, Serving, Waiting
from bench.starting import CannotStart
from bench.upstream import Upstream
from headgate import __file__ as headgate_package
from headgate import __version__
from headgate.journal.folder import boots, segments
from headgate.store.embedded import EmbeddedPostgres

_SOURCE = Path(headgate_package).resolve().parents[1]
"""Where the package lies that this process has, which need not be the one that is installed."""

KINDS: tuple[Kind, ...] = ("json", *STREAMS)

_METERS = """
[[budgets]]
name = "per-key"
scope = { key = "*" }
limit = "1000000 USD"
window = "month"

[[budgets]]
name = "all"
limit = "10000000 USD"
window = "month"

[[rate_limits]]
name = "per-user"
scope = { user = "*" }
limit = "1000000000 requests"
window = "minute"
"""

_PROVIDER = """
[providers.{kind}]
kind = "openai"
base_url = "{base_url}"
api_key = "file:{folder}/provider.key"

[prices."{kind}/gpt-4o-mini"]
input = "0.15"
output = "0.60"

[models.chat-{kind}]
targets = ["{kind}/gpt-4o-mini"]
"""


def commit() -> str:
    """The commit of the Headgate that is measured, with `-dirty` where it was changed; empty if unknown."""
    command = ["git", "-C", str(_SOURCE), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def headgate_serving(upstream: Upstream, cache: Path, where: Cores) -> Generator[Serving]:
    """Run Headgate with its gateway process on the gateway's core and the rest on the others."""
    with _running(upstream, cache, {}) as running, contextlib.closing(_Records(running)) as records:
        yield _serving(running, where, records, name="headgate", kinds=KINDS)


@contextlib.contextmanager
def headgate_uvicorn_serving(upstream: Upstream, cache: Path, where: Cores) -> Generator[Serving]:
    """Run Headgate with uvicorn in place of its own server, to see what that one saves."""
    with (
        _running(upstream, cache, {"HEADGATE_SERVER": "uvicorn"}) as running,
        contextlib.closing(_Records(running)) as records,
    ):
        serving = _serving(running, where, records, name="headgate-uvicorn", kinds=("json",))
        yield dataclasses.replace(serving, is_brief=True, notes=("kept full with whole answers only",))


@contextlib.contextmanager
def _running(upstream: Upstream, cache: Path, environment: Mapping[str, str]) -> Generator[Running]:
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="headgate-", dir=cache))
    (folder / "provider.key").write_text("sk-of-the-benchmark")
    configuration = _METERS + "".join(
        _PROVIDER.format(kind=kind, base_url=upstream.base_url(kind), folder=folder) for kind in KINDS
    )
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        environment = {"PYTHONPATH": str(_SOURCE), **environment}
        try:
            running = stack.enter_context(headgate(configuration, folder=folder, environment=environment))
        except RuntimeError as reason:
            raise CannotStart(str(reason)) from reason
        yield running


def _serving(
    running: Running, where: Cores, records: "_Records", *, name: str, kinds: Sequence[Kind]
) -> Serving:
    key = running.make_key("bench")
    gateway = frozenset(running.worker_pids("gateway"))
    postgres = EmbeddedPostgres(running.folder / "data").pid
    assert postgres is not None and len(gateway) == 1
    pin(gateway, {where.gateway})
    headers = {**JSON_HEADERS, "authorization": f"Bearer {key}"}
    return Serving(
        name=name,
        port=int(running.url.rpartition(":")[2]),
        gateway=gateway,
        parts={
            "shipper": frozenset(running.worker_pids("shipper")),
            "postgres": frozenset({postgres}),
            "control": frozenset({running.process.pid}) | frozenset(running.worker_pids("control")),
            "watching": frozenset({records.backend_pid}),
        },
        asks={
            kind: Ask(path="/v1/chat/completions", headers=headers, body=chat_body(f"chat-{kind}", kind))
            for kind in kinds
        },
        journal=records,
        version=__version__,
    )


class _Records:
    """Watches records over one connection, whose process at the database is known and charged to nobody."""

    def __init__(self, running: Running) -> None:
        self._folder = running.folder / "data" / "journal"
        self._connection = psycopg.connect(running.database_url(), autocommit=True)
        # No helpers, whose time would be the database's own.
        self._connection.execute("set max_parallel_workers_per_gather = 0")
        self.backend_pid = self._connection.info.backend_pid

    def waiting(self) -> Waiting:
        """Hold what is on disk against the positions that the database has."""
        found = self._connection.execute(
            "select boot, acct_segment, acct_offset, body_segment, body_offset from journals"
        )
        positions = {
            boot: {"acct": (acct_segment, acct_offset), "body": (body_segment, body_offset)}
            for boot, acct_segment, acct_offset, body_segment, body_offset in found
        }
        waiting, written = {"acct": 0, "body": 0}, 0
        for boot in boots(self._folder):
            for file in segments(self._folder / str(boot)):
                written += file.size if file.stream == "acct" else 0
                number, offset = positions[boot][file.stream] if boot in positions else (1, 0)
                if not file.shipped and file.number >= number:
                    waiting[file.stream] += file.size - (offset if file.number == number else 0)
        return Waiting(
            journal_bytes=waiting["acct"] + waiting["body"],
            accounting_bytes=waiting["acct"],
            written_bytes=written,
        )

    def count_records(self) -> int:
        """Count all records."""
        [count] = self._connection.execute("select count(*) from requests").fetchone() or (0,)
        return int(count)

    def why_refused(self) -> str:
        """Read the message of the last record with an error."""
        found = self._connection.execute(
            "select message from requests where status >= 400 order by started_at desc limit 1"
        ).fetchone()
        return str(found[0]) if found else ""

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
