"""The corpus of raw HTTP exchanges over every server that we have, bare and relayed, and a whole gateway.

No request is ever read as part of another: after each case a canary gets its own answer, and handlers are
given exactly what was sent.
"""

import time
from collections.abc import Callable

import pytest
from demo.running import headgate
from tests.attack.conformance import Cut, bytewise, cut_at, run_case, splittable, whole
from tests.attack.corpus_cases import Case, load
from tests.attack.echo_server import KINDS, SERVERS, running
from tests.attack.surfaces import EchoSurface, Surface, WholeSurface

CASES_MIN = 700

CONFIG = """
[providers.mock]
kind = "mock"

[projects.default]
models = ["mock/*"]
"""


def wrong(surface: Surface, cases: list[Case], cut: Cut) -> list[str]:
    """What is wrong, case by case; stops when it is clear that much is."""
    found: list[str] = []
    for case in cases:
        found += [f"{case.name} (RFC {case.section}): {problem}" for problem in run_case(surface, case, cut)]
        if len(found) > 30:
            break
    return found


def cases_for(name: str) -> list[Case]:
    return [case for case in load() if name in case.surfaces and not (name != "echo" and _echo_only(case))]


def _echo_only(case: Case) -> bool:
    return any(path in str(case.send) for path in ("/unread", "/slow", "/stream"))


def test_the_corpus_is_large_and_cites() -> None:
    cases = load()
    assert len(cases) >= CASES_MIN
    assert len(cases_for("model")) > 500
    assert all(case.section.startswith(("9110 ", "9112 ", "9113 ")) for case in cases)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kind", "way"),
    [
        *((kind, "whole") for kind in KINDS),
        *((kind, way) for kind in ("own", "relayed-own") for way in ("bytewise", "cut in two")),
    ],
)
def test_every_exchange_ends_as_it_must(kind: str, way: str) -> None:
    cases = cases_for("echo")
    cuts: dict[str, Callable[[int], Cut]] = {
        "whole": lambda number: whole,
        "bytewise": lambda number: bytewise,
        # Another place for each case, so that together they fall on every part of a request. Every place of
        # every case is tried without sockets, in test_attack_splits.py.
        "cut in two": lambda number: cut_at(5 + number * 7 % 60),
    }
    if way != "whole":
        cases = [case for case in cases if splittable(case)]
    found: list[str] = []
    with running(kind) as (_, port):
        surface = EchoSurface(("127.0.0.1", port))
        for number, case in enumerate(cases):
            found += wrong(surface, [case], cuts[way](number))
    assert not found, "\n".join(found[:40])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", SERVERS)
def test_every_exchange_ends_as_it_must_on_a_whole_gateway(server: str) -> None:
    with headgate(CONFIG, environment={"HEADGATE_SERVER": server}) as house:
        surfaces = [
            WholeSurface("model", house.url, house.make_key()),
            WholeSurface("control", house.url, house.admin_key),
        ]
        gateways = house.worker_pids("gateway")
        found = [
            f"{surface.name}: {problem}"
            for surface in surfaces
            for problem in wrong(surface, cases_for(surface.name), whole)
        ]
        assert not found, "\n".join(found[:40])
        assert house.worker_pids("gateway") == gateways, "a gateway has ended"
        # Nothing but the canaries is on record, each of them once and whole.
        records = house.wait_for_requests(len(surfaces[0].marks))
        time.sleep(0.5)
        records = house.requests()
        models = sorted(str(record["model"]).removeprefix("mock/") for record in records)
        assert models == sorted(surfaces[0].marks)
        assert {(record["status"], record["attempts"]) for record in records} == {(200, 1)}


def test_a_server_that_serves_what_is_smuggled_is_caught() -> None:
    """The runner finds what it looks for: here a case claims what does not hold."""
    good = "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"
    lies = [
        Case(name="served", section="9112 1", send=good, answers=[400], line="kept"),
        Case(name="closed", section="9112 1", send=good, answers=["served"], line="closed"),
        Case(name="one more", section="9112 1", send=good * 2, answers=["served"], line="kept"),
        Case(
            name="smuggled",
            section="9112 1",
            send=good.replace("echo", "smuggled"),
            answers=["served"],
            line="kept",
        ),
    ]
    with running("own") as (_, port):
        surface = EchoSurface(("127.0.0.1", port))
        for lie in lies:
            assert run_case(surface, lie), lie.name
        honest = Case(name="good", section="9112 1", send=good, answers=["served"], line="kept")
        assert run_case(surface, honest) == []
