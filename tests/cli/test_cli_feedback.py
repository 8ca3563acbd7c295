"""`headgate feedback`: what it sends, what it shows, and its errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main
from headgate.cli.feedback import read_value

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


def test_a_file_goes_in_row_by_row(
    capsys: pytest.CaptureFixture[str], api: ScriptedApi, tmp_path: Path
) -> None:
    file = tmp_path / "outcomes.csv"
    file.write_text(
        '\ufeffname,value,user,comment\nstars,4.5,anna,\nnote,good,bob,"a, b"\n', encoding="utf-8"
    )
    items = [{"id": "a", "code": None, "message": None}, {"id": None, "code": "x", "message": "items[1]: no"}]
    api.on("POST", "/api/v1/feedback/batch", {"accepted": 1, "refused": 1, "items": items}, status=202)
    assert main(["feedback", "import", str(file)]) == 1
    assert sent(api) == {
        "items": [
            {"name": "stars", "value": 4.5, "user": "anna"},
            {"name": "note", "value": "good", "user": "bob", "comment": "a, b"},
        ]
    }
    said = capsys.readouterr().err
    assert f"{file}:3: items[1]: no\n" in said and "1 count, 1 refused\n" in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,value,colour\na,1,red\n", "no such column as 'colour'"),
        ("value,user\n1,anna\n", "has no column `name`"),
        ("name,value\na,1,2\n", "more or fewer fields"),
        ("name,value\na\n", "more or fewer fields"),
    ],
)
def test_a_file_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "outcomes.csv"
    file.write_text(text, encoding="utf-8")
    assert main(["feedback", "import", str(file)]) == 1
    said = capsys.readouterr().err
    assert why in said and "hint: " in said


def test_values_are_read_as_what_they_are() -> None:
    read = [
        read_value(text) for text in ("yes", "No", "TRUE", "false", "3", "-0.5", "1e3", "nan", "inf", "a b")
    ]
    assert read == [True, False, True, False, 3.0, -0.5, 1000.0, "nan", "inf", "a b"]
