"""`[[exporters]]`: what it compiles to, what is refused, what `headgate doctor` says of one that fails."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headgate.cli.evidence import Evidence
from headgate.cli.judgements import State, exporters_deliver
from headgate.config.compile import compile_file
from headgate.config.secrets import read_reference
from headgate.core.faults import Misconfigured
from headgate.core.ports import Origin

PROVIDERS = """
[providers.main]
kind = "openai"
api_key = "env:KEY"

[providers.seek]
kind = "openai-compatible"
base_url = "https://api.deepseek.com/v1"
service = "deepseek"

[providers.trial]
kind = "mock"
"""
WHOLE = """
[[exporters]]
name = "all"
endpoint = "https://collector.example:4318/otlp/"
headers = { Authorization = "env:TOKEN" }
content = true
metrics = false
projects = ["shop"]
regions = ["eu"]
"""


def test_an_exporter_is_compiled_with_who_its_providers_are() -> None:
    (exporter,) = compile_file(PROVIDERS + WHOLE).exporters
    assert (exporter.origin, exporter.path) == (Origin("https", "collector.example", 4318), "/otlp")
    assert (exporter.headers, exporter.content) == ({"authorization": "env:TOKEN"}, True)
    assert (exporter.signals, exporter.projects) == (("traces",), ("shop",))
    assert exporter.regions == {"eu"}
    assert {name: sender.name for name, sender in exporter.providers.items()} == {
        "main": "openai",
        "seek": "deepseek",
        "trial": "trial",
    }
    assert (exporter.providers["main"].address, exporter.providers["main"].port) == ("api.openai.com", 443)
    assert exporter.providers["trial"].address == ""


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('endpoint = "collector:4318"', "write an address"),
        ('endpoint = "http://c"\nheaders = { authorization = "Bearer x" }', "holds no reference"),
        ('endpoint = "http://c"\nheaders = { host = "env:A" }', "can't be set"),
        ('endpoint = "http://c"\nheaders = { "a b" = "env:A" }', "can't be set"),
        ('endpoint = "http://c"\ntraces = false\nmetrics = false', "sends nothing"),
        ('endpoint = "http://c"\nregions = ["atlantis"]', "no known region"),
        ('endpoint = "http://c"\ncontents = true', "content"),
        ('endpoint = "http://c"\n[[exporters]]\nname = "x"\nendpoint = "http://d"', "a second time"),
        ("", "has no endpoint"),
    ],
)
def test_what_is_wrong_with_an_exporter_is_named(lines: str, says: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        compile_file(PROVIDERS + f'[[exporters]]\nname = "x"\n{lines}\n')
    assert says in str(refused.value)


def test_a_header_s_value_is_read_and_never_shown() -> None:
    assert read_reference("env:A", {"A": " Bearer x\n"}).reveal() == "Bearer x"
    for environ in ({}, {"A": ""}, {"A": "two\nlines"}):
        with pytest.raises(Misconfigured, match="env:A") as refused:
            read_reference("env:A", environ)
        assert "two" not in str(refused.value)
    with pytest.raises(Misconfigured, match="nowhere"):
        read_reference("file:/nowhere/at/all", {})


@pytest.mark.parametrize(
    ("differs", "state", "says"),
    [
        ({}, "ok", "all"),
        ({"failures": 3, "last_error": "it answered 401"}, "failing", "takes no traces: it answered 401"),
        ({"dropped": 2}, "warning", "2 dropped"),
        ({"withheld": 2}, "warning", "regions"),
    ],
)
def test_doctor_names_an_exporter_that_fails(differs: dict[str, Any], state: State, says: str) -> None:
    sound: dict[str, Any] = {"name": "all", "signal": "traces", "failures": 0, "waiting": 0}
    evidence = Evidence(url="", now=datetime.now(UTC), status={"exporters": [{**sound, **differs}]})
    finding = exporters_deliver(evidence)
    assert finding.state == state and says in finding.detail


def test_doctor_says_nothing_of_what_it_has_not_heard() -> None:
    assert exporters_deliver(Evidence(url="", now=datetime.now(UTC), status={})).state == "unknown"
    none = Evidence(url="", now=datetime.now(UTC), status={"exporters": []})
    assert exporters_deliver(none).detail == "none is configured"
