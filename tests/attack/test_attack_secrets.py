"""Canary secrets, searched for in every sink: as they are, encoded, escaped, turned round.

What may hold them is exempt by name: the environment of Headgate's own processes, `admin.key` and `vault.key`
in the data folder and in backups of it, and the one answer that makes a key or a webhook.
"""

import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from demo.running import Running, chat, headgate
from tests.attack.conftest import Show
from tests.attack.secret_house import (
    OWN_KEY,
    SecretHouse,
    collect,
    collect_files,
    drive,
    forms,
    open_secret_house,
)
from tests.attack.secret_releases import call, put_in_force, read

from headgate.store.embedded import EmbeddedPostgres

PLACES = (
    "answers",
    "webhooks",
    "control API",
    "command line output",
    "command lines",
    "environment of the database",
    "log",
    "files",
    "database",
    "backup",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretHouse]:
    """Driven through everything, looked at everywhere, and ended."""
    with open_secret_house(tmp_path_factory.mktemp("secrets")) as opened:
        keys = drive(opened)
        put_in_force(opened)
        call(opened, keys)
        read(opened)
        collect(opened)
    collect_files(opened)
    yield opened


def found_in(house: SecretHouse, place: str) -> list[str]:
    """Which canary shows in a place, in which form, and what stands around it."""
    problems: list[str] = []
    for name, canary in house.canaries.items():
        for form, wanted in forms(canary).items():
            for data in house.sinks.caught[place]:
                at = data.find(wanted)
                if at >= 0:
                    around = data[max(0, at - 60) : at + len(wanted) + 20]
                    problems.append(f"{name} ({form}) in {place}: {around!r}")
                    break
    return problems


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", PLACES)
def test_no_secret_shows(house: SecretHouse, place: str) -> None:
    assert len(house.canaries) >= 21
    assert sum(map(len, house.sinks.caught[place])) > 0
    problems = found_in(house, place)
    assert not problems, "\n".join(problems[:15])


def test_every_place_was_looked_at(house: SecretHouse, shown: Show) -> None:
    assert set(house.sinks.caught) == set(PLACES)
    sizes = {place: sum(map(len, caught)) for place, caught in house.sinks.caught.items()}
    shown("\n".join(f"{place:30}{size:14,} bytes" for place, size in sizes.items()))
    assert sizes["files"] > 10_000_000
    assert sizes["database"] > 100_000


def test_a_provider_sees_its_own_key_and_no_other_secret(house: SecretHouse) -> None:
    seen = 0
    for provider, own in OWN_KEY.items():
        for (name, _), received in house.provider.everything().items():
            if name != provider:
                continue
            for request in received:
                sent = repr(request.headers).encode() + request.target.encode() + request.body
                for canary, text in house.canaries.items():
                    if canary not in (own, "unrecorded body"):
                        assert not [form for form, wanted in forms(text).items() if wanted in sent], canary
                seen += 1
    assert seen > 30


def test_no_worker_leaves_a_core(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        with headgate(folder=tmp_path) as running:
            roles = ("gateway 1", "control", "shipper")
            pids = [running.process.pid, *(pid for role in roles for pid in running.worker_pids(role))]
            assert len(pids) == 4
            for pid in pids:
                limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
                core = next(line for line in limits if line.startswith("Max core file size"))
                assert core.split()[4] == "0", (pid, core)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


AWAY_S = 6.0
PASSWORD = "canarypassword0123456789abcdef42"
UNDER_LOAD = """
[providers.mock]
kind = "mock"

[models.m]
targets = ["mock/m"]

[models.counted]
targets = ["mock/counted"]

[prices."mock/counted"]
input = "1"
output = "1"

[[budgets]]
name = "counted"
scope = { model = "mock/counted" }
limit = "100 USD"
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A database server of the test's own, that may be stopped."""
    (tmp_path / "server").mkdir()
    running = EmbeddedPostgres(tmp_path / "server")
    running.start()
    try:
        yield running
    finally:
        running.stop()


def call_for(running: Running, seconds: float) -> Counter[int]:
    """Four clients make calls for so long, counted by a budget or not; what statuses they saw."""
    ends_s = time.monotonic() + seconds

    def client(number: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        while time.monotonic() < ends_s:
            given = chat(running.url, running.admin_key, ("m", "counted")[number % 2], max_tokens=20)
            seen[given.status_code] += 1
            time.sleep(0.02)
        return seen

    with ThreadPoolExecutor(4) as clients:
        return sum(clients.map(client, range(4)), Counter[int]())


def test_the_database_s_password_shows_nowhere(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """It is given on the command line, the worst place, and the database goes away under load."""
    parts = urlsplit(server.url)
    url = urlunsplit(parts._replace(netloc=f"postgres:{PASSWORD}@"))
    caught: list[bytes] = []

    def look(running: Running) -> None:
        roles = ("gateway", "control", "shipper")
        pids = [running.process.pid, *(pid for role in roles for pid in running.worker_pids(role))]
        assert len(pids) >= 4
        caught.extend(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)
        caught.extend(running.api.get(f"{running.url}{path}").content for path in ("/readyz", "/metrics"))
        for path in ("/status", "/audit", "/leases", "/snapshots", "/budgets", "/keys"):
            caught.append(running.api.get(path).content)

    with headgate(UNDER_LOAD, folder=tmp_path, database_url=url) as running:
        assert set(call_for(running, 1.0)) == {200}
        look(running)
        server.stop()
        for pid in running.worker_pids("shipper"):
            os.kill(pid, signal.SIGKILL)  # so that one starts anew while there is nothing to connect to
        seen = call_for(running, AWAY_S)
        assert seen[200] and seen[503], f"the database was away under load: {seen}"
        look(running)
        server.start()
        deadline = time.monotonic() + 30
        while chat(running.url, running.admin_key, "counted", max_tokens=20).status_code != 200:
            assert time.monotonic() < deadline, "granted again"
            time.sleep(0.2)
        look(running)
        log = running.log.read_text()
    said = [line for line in log.splitlines() if "connection" in line]
    assert len(said) > 2, log[-3000:]
    caught += [path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    for form, wanted in forms(PASSWORD).items():
        assert not [data[:200] for data in caught if wanted in data], form
