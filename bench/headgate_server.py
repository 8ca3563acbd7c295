"""Headgate with everything on: key, two budgets, a rate limit, journal with bodies, shipper, PostgreSQL.

Starts what users start, `headgate up`, with one gateway worker. Read next: `serving`.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import psycopg
from demo.running import Running, headgate

from bench.machine import Cores, pin
from bench.payloads import STREAMS, Kind, chat_body
from bench.serving import JSON_HEADERS, Ask, Backlog, Serving
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
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="headgate-", dir=cache))
    (folder / "provider.key").write_text("sk-of-the-benchmark")
    configuration = _METERS + "".join(
        _PROVIDER.format(kind=kind, base_url=upstream.base_url(kind), folder=folder) for kind in KINDS
    )
    try:
        environment = {"PYTHONPATH": str(_SOURCE)}
        with headgate(configuration, folder=folder, environment=environment) as running:
            yield _serving(running, where)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serving(running: Running, where: Cores) -> Serving:
    key = running.make_key("bench")
    gateway = frozenset(running.worker_pids("gateway"))
    postgres = EmbeddedPostgres(running.folder / "data").pid
    assert postgres is not None and len(gateway) == 1
    pin(gateway, {where.gateway})
    headers = {**JSON_HEADERS, "authorization": f"Bearer {key}"}
    return Serving(
        name="headgate",
        port=int(running.url.rpartition(":")[2]),
        gateway=gateway,
        parts={
            "shipper": frozenset(running.worker_pids("shipper")),
            "postgres": frozenset({postgres}),
            "control": frozenset({running.process.pid}) | frozenset(running.worker_pids("control")),
        },
        asks={
            kind: Ask(path="/v1/chat/completions", headers=headers, body=chat_body(f"chat-{kind}", kind))
            for kind in KINDS
        },
        backlog=lambda: _backlog(running.folder / "data", running.database_url()),
        version=__version__,
    )


def _backlog(data: Path, database_url: str) -> Backlog:
    journal = data / "journal"
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select count(*) from requests").fetchone()
        positions = {
            boot: ((acct_segment, acct_offset), (body_segment, body_offset))
            for boot, acct_segment, acct_offset, body_segment, body_offset in connection.execute(
                "select boot, acct_segment, acct_offset, body_segment, body_offset from journals"
            )
        }
    assert rows is not None
    waiting = 0
    for boot in boots(journal):
        acct, body = positions.get(boot, ((1, 0), (1, 0)))
        for file in segments(journal / str(boot)):
            number, offset = acct if file.stream == "acct" else body
            if not file.shipped and file.number >= number:
                waiting += file.size - (offset if file.number == number else 0)
    return Backlog(journal_bytes=waiting, rows=int(rows[0]))
