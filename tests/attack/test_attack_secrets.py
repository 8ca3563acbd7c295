"""Canary secrets, searched for in every sink: as they are, encoded, escaped, turned round.

What may hold them is exempt by name: the environment of Headgate's own processes, `admin.key` and `vault.key`
in the data folder and in backups of it, and the one answer that makes a key or a webhook.
"""

import contextlib
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from demo.running import chat, headgate
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
        drive(opened)
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
    assert len(house.canaries) >= 18
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


def test_the_database_s_password_shows_nowhere(database_url: str, tmp_path: Path) -> None:
    """It is given on the command line, the worst place, and the database goes away under load."""
    canary = "canarypassword0123456789abcdef42"
    parts = urlsplit(database_url)
    url = urlunsplit(parts._replace(netloc=f"postgres:{canary}@"))
    config = '[providers.mock]\nkind = "mock"\n[models.m]\ntargets = ["mock/m"]\n'
    with headgate(config, folder=tmp_path, database_url=url) as running:
        assert chat(running.url, running.admin_key, "m").status_code == 200
        running.wait_for_requests(1)
        pids = [
            running.process.pid,
            *(pid for role in ("gateway", "control", "shipper") for pid in running.worker_pids(role)),
        ]
        lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]
        answers = [running.api.get(path).content for path in ("/status", "/audit", "/leases", "/snapshots")]
        answers += [running.api.get(f"{running.url}{path}").content for path in ("/readyz", "/metrics")]
        for pid in running.worker_pids("shipper"):
            os.kill(pid, 9)
        time.sleep(1.0)
        with contextlib.suppress(AssertionError):
            running.wait_for_requests(1)
    kept = [path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    for wanted in forms(canary).values():
        assert not [data for data in (*lines, *answers, *kept) if wanted in data]
