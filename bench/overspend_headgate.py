"""Headgate under the attack: `headgate up` with two gateways, one budget, a PostgreSQL that can be stopped.

Read next: `bench.overspend`.
"""

import contextlib
import os
import signal
import time
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path

from demo.running import Running, headgate

from bench.overspend_attacked import LIMIT_USD, MODEL, PROCESSES, Account, Attacked
from bench.overspend_clients import Place, Seen
from bench.overspend_provider import PRICES_USD
from bench.overspend_provider import Running as Shop
from headgate import __version__
from headgate.core.money import parse_usd
from headgate.store.embedded import EmbeddedPostgres

SHIPPED_S_MAX = 60.0

CONFIGURATION = """
[server]
on_hangup = "drain"
[providers.openai]
kind = "openai"
base_url = "{base_url}"
api_key = "file:{folder}/provider.key"
max_concurrent = 1000
max_queued = 1000

[models.{model}]
targets = ["openai/{model}"]

[prices."openai/{model}"]
input = "{input}"
output = "{output}"

[[budgets]]
name = "small"
scope = {{ provider = "openai" }}
limit = "{limit} USD"
window = "total"
"""


@contextlib.contextmanager
def headgate_attacked(shop: Shop, folder: Path) -> Generator[Attacked]:
    """Run Headgate as users do, on a PostgreSQL of its own."""
    folder.mkdir(parents=True)
    (folder / "provider.key").write_text("sk-of-the-attack")
    prices = dict(zip(("input", "output"), PRICES_USD[MODEL], strict=True))
    configuration = CONFIGURATION.format(
        base_url=shop.base_url, folder=folder, model=MODEL, limit=LIMIT_USD, **prices
    )
    with (
        EmbeddedPostgres(folder / "database") as postgres,
        headgate(configuration, workers=PROCESSES, folder=folder, database_url=postgres.url) as running,
    ):
        key = running.make_key("agents")
        killed: list[int] = []

        def kill() -> bool:
            pids = running.worker_pids("gateway")
            if not pids:
                return False
            pid = pids[len(killed) % len(pids)]
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
            killed.append(pid)
            return True

        yield Attacked(
            version=__version__,
            place=Place([int(running.url.rpartition(":")[2])], "/v1/chat/completions"),
            headers={"authorization": f"Bearer {key}"},
            model=MODEL,
            kill=kill,
            stop_store=postgres.stop,
            start_store=lambda: _started(postgres),
            account=partial(_account, running),
            notes=(
                f"budget of {LIMIT_USD} USD on the provider, {PROCESSES} gateways, PostgreSQL; "
                '`on_hangup = "drain"`, as for all providers that bill on after a hang-up',
            ),
        )


def _started(postgres: EmbeddedPostgres) -> None:
    postgres.start()


def _account(running: Running, seen: Sequence[Seen]) -> Account:
    answered = {one.request_id for one in seen if one.is_answered}
    deadline_s = time.monotonic() + SHIPPED_S_MAX
    while True:
        [budget] = running.get("/budgets")["items"]
        recorded = {record["id"] for record in running.requests()}
        lost = len(answered - recorded)
        if time.monotonic() > deadline_s or (lost == 0 and parse_usd(budget["reserved_usd"]) == 0):
            return Account(lost=lost, counted=parse_usd(budget["spent_usd"]))
        time.sleep(0.5)
