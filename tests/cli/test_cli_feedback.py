"""`headgate feedback`: what it sends, what it shows, and its errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main

ITEM: dict[str, Any] = {
    "id": "content-1",
    "project": "default",
    "name": "helpful",
    "value": True,
    "label": "",
    "comment": "",
    "source": "person",
    "by": "anna",
    "at": "2026-11-20T08:00:00.000Z",
    "received_at": "2026-11-20T08:00:01.000Z",
    "key": "k1",
    "request_id": None,
    "trace_id": "ab" * 16,
    "span_id": None,
    "session": None,
    "user": None,
    "business_id": "order-7",
}


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.items("/api/v1/feedback", ITEM)
    scripted.on("POST", "/api/v1/feedback", {"id": "content-1"}, status=202)
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


def sent(api: ScriptedApi) -> Any:
    (body,) = [body for asked, _, _, body in api.asked if asked == "POST"]
    return body


def test_adding_says_the_subject_and_the_value(capsys: pytest.CaptureFixture[str], api: ScriptedApi) -> None:
    words = ["add", "helpful", "yes", "--business-id", "order-7", "--by", "anna", "--comment", "nice"]
    assert main(["feedback", *words]) == 0
    assert sent(api) == {
        "name": "helpful",
        "value": True,
        "business_id": "order-7",
        "by": "anna",
        "comment": "nice",
    }
    assert capsys.readouterr().err == "feedback content-1 counts\n"


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feedback", "list", "--name", "helpful"]) == 0
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["time", "name", "value", "subject", "source", "by", "comment"]
    assert line.split() == [
        *("2026-11-20", "08:00:00", "helpful", "yes", "business_id=order-7", "person", "anna", "-")
    ]


def test_a_value_that_nobody_can_count_with_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feedback", "add", "stars", "nan", "--user", "anna"]) == 1
    assert capsys.readouterr().err.startswith("error: the value is 'nan', which is no number to count with")
