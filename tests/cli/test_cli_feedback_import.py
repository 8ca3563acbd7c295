"""`headgate feedback import`: every line counts or is told, whatever the file."""

import gzip
import io
import json
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main
from headgate.cli.feedback_lines import LINE_CHARACTERS_MAX

Captured = pytest.CaptureFixture[str]


def take(body: dict[str, Any]) -> dict[str, Any]:
    """As the server: what is called `bad` is refused, `known` was there before."""
    items = [
        {"id": None, "code": "invalid_request", "message": f"items[{place}]: it is bad"}
        if item["name"] == "bad"
        else {"id": "x", "code": None, "message": None}
        for place, item in enumerate(body["items"])
    ]
    accepted = sum(item["code"] is None for item in items)
    known = sum(item["name"] == "known" for item in body["items"])
    return {"accepted": accepted, "known": known, "refused": len(items) - accepted, "items": items}


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.on("POST", "/api/v1/feedback/batch", take, status=202)
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


def sent(api: ScriptedApi) -> list[dict[str, Any]]:
    return [item for _, _, _, body in api.asked for item in body["items"]]


def imported(content: str | bytes, *words: str, name: str = "outcomes.csv") -> int:
    file = Path(name)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return main(["feedback", "import", name, *words])


def test_a_file_goes_in_line_by_line(capsys: Captured, api: ScriptedApi) -> None:
    text = (
        '\ufeffname,value,user,comment\nstars,4.5,anna,\nbad,1,eve,\nnote,good,bob,"a, b"\nknown,yes,bob,\n'
    )
    assert imported(text) == 1
    assert sent(api) == [
        {"name": "stars", "value": 4.5, "user": "anna"},
        {"name": "bad", "value": 1.0, "user": "eve"},
        {"name": "note", "value": "good", "user": "bob", "comment": "a, b"},
        {"name": "known", "value": True, "user": "bob"},
    ]
    assert capsys.readouterr().err.splitlines() == [
        "outcomes.csv:3: it is bad",
        "values: 1 numbers, 1 yes or no, 1 texts",
        "3 count (1 of them were there, or stand twice), 1 refused",
    ]


LINES: list[tuple[str, str]] = [
    ("stars,5,", "names no subject; fill one of"),
    (",5,anna", "has no name"),
    ("stars,,anna", "value is empty"),
    ("stars,NaN,anna", "value is 'NaN', which is no number to count with"),
    ("stars,inf,anna", "value is 'inf', which is no number to count with"),
    ('stars,"4,5",anna', "value is '4,5'; write numbers with a point"),
    ("stars,5", "has 2 fields, and the first line 3"),
    ("stars,5,anna,x", "has 4 fields, and the first line 3"),
    ('stars,5,"an"na', "is no CSV"),
    ("stars,5,an\x00na", "user holds the character U+0000"),
    ("stars,5," + "x" * 140_000, "a field has more than 131,072 characters"),
    ("stars,5," + "x" * (LINE_CHARACTERS_MAX + 5), "has more than 1,048,576 characters"),
]


@pytest.mark.parametrize(("line", "why"), LINES, ids=[why[:24] for _, why in LINES])
def test_a_bad_line_is_told_and_the_rest_is_taken(
    capsys: Captured, api: ScriptedApi, line: str, why: str
) -> None:
    assert imported(f"name,value,user\nstars,1,anna\n{line}\nstars,2,bob\n\nstars,3,carl\n") == 1
    assert [item["value"] for item in sent(api)] == [1.0, 2.0, 3.0]
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith("outcomes.csv:3: ") and why in first
    assert last == "3 count, 1 refused"


def test_a_quote_that_is_never_closed_says_where_it_began(capsys: Captured, api: ScriptedApi) -> None:
    assert imported('name,value,user\nstars,1,anna\nstars,2,"bob\nstars,3,carl\n') == 1
    assert [item["value"] for item in sent(api)] == [1.0]
    said = capsys.readouterr().err
    assert "outcomes.csv:3: is no CSV, up to line 4 (a quote is never closed)" in said


def test_bytes_of_another_encoding_are_one_lines_problem_unless_it_is_named(
    capsys: Captured, api: ScriptedApi
) -> None:
    text = "name,value,user\nnote,1,anna\nnote,2,zoë\nnote,3,bob\n"
    assert imported(text.encode("latin-1"), "--refused", "refused.jsonl") == 1
    assert [item["value"] for item in sent(api)] == [1.0, 3.0]
    assert "outcomes.csv:3: user holds bytes that are no UTF-8" in capsys.readouterr().err
    [refused] = Path("refused.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(refused)["line"] == 3 and json.loads(refused)["row"]["user"] == "zo?"
    api.asked.clear()
    assert imported(text.encode("latin-1"), "--encoding", "latin-1") == 0
    assert [item["user"] for item in sent(api)] == ["anna", "zoë", "bob"]
    api.asked.clear()
    assert imported(text.encode("utf-16"), "--encoding", "utf-16") == 0
    assert [item["user"] for item in sent(api)] == ["anna", "zoë", "bob"]


WHOLE: list[tuple[bytes, list[str], str]] = [
    (b"", [], "is empty"),
    (b"name,value,colour\na,1,red\n", [], "no such field as the column 'colour'"),
    (b"value,user\n1,anna\n", [], "no column `name` is there"),
    (b"name,value\na,1\n", [], "no column says what the feedback is about"),
    (b"name,name,value,user\na,b,1,u\n", [], "the column 'name' is there twice"),
    (b"name,value,user\n", ["--column", "user=who"], "there is no column 'who' for `user`"),
    (b"name,value,user\n", ["--column", "who"], "is not of the form --column FIELD=COLUMN"),
    (b"name,value,user\n", ["--set", "colour=red"], "is not of the form --set FIELD=TEXT"),
    (b"name,value,user\n", ["--set", "user=a", "--column", "user=user"], "has a column and a text"),
    (b"name,value,user\n", ["--query", "select 1"], "name a file, or a query and the database"),
    (b"name,value,user\n", ["--encoding", "klingon"], "there is no encoding 'klingon'"),
    (b"PAR1\x15\x04", [], "is Parquet, which is not read here"),
    (b"PK\x03\x04\x14", [], "is a spreadsheet or an archive"),
    ("name,value,user\n".encode("utf-16"), [], "is written in UTF-16"),
    (b'[{"name": "a"}]', [], "holds one JSON list"),
    (gzip.compress(b"name,value,user\n" + b"a,1,u\n" * 9)[:-9], [], "is packed, and broken"),
]


@pytest.mark.parametrize(("content", "words", "why"), WHOLE, ids=[why[:30] for _, _, why in WHOLE])
def test_a_file_that_is_none_is_refused_whole(
    capsys: Captured, api: ScriptedApi, content: bytes, words: list[str], why: str
) -> None:
    assert imported(content, *words) == 1
    said = capsys.readouterr().err
    assert why in said and "hint: " in said
    assert sent(api) == []


def test_columns_are_mapped_and_the_same_is_said_on_every_line(api: ScriptedApi) -> None:
    text = "customer;order;rating;paid on\n7;o-1;4.5;2026-11-20\n8;o-2;;2026-11-20\n"
    words = ["--column", "user=customer", "--column", "value=rating", "--column", "at=paid on"]
    more = ["--set", "name=csat", "--set", "source=person", "--ignore-others", "--values", "number"]
    assert imported(text, *words, *more) == 1
    assert sent(api) == [
        {"name": "csat", "value": 4.5, "at": "2026-11-20T00:00:00.000Z", "source": "person", "user": "7"}
    ]


def test_json_lines_keep_their_types(capsys: Captured, api: ScriptedApi) -> None:
    lines = [
        '{"name": "paid", "value": true, "user": 7, "at": 1700000000}',
        '{"name": "amount", "value": 19.9, "business_id": "o-1", "comment": null}',
        "",
        '{"name": "amount", "value": [1], "user": "a"}',
        '{"name": "amount", "value": 1, "user": "a", "colour": "red"}',
        "17",
        '{"name": "amount", "value": NaN, "user": "a"}',
        '{"name": "amount", "value": 1e999, "user": "a"}',
        '{"name": "note", "value": "5 stars", "session": "s"}',
    ]
    assert imported("\n".join(lines), name="outcomes.jsonl") == 1
    assert sent(api) == [
        {"name": "paid", "value": True, "at": "2023-11-14T22:13:20.000Z", "user": "7"},
        {"name": "amount", "value": 19.9, "business_id": "o-1"},
        {"name": "note", "value": "5 stars", "session": "s"},
    ]
    told = [line.partition(": ")[0] for line in capsys.readouterr().err.splitlines()]
    assert told[:5] == [f"outcomes.jsonl:{number}" for number in (4, 5, 6, 7, 8)]


def test_a_packed_file_and_standard_input_are_read_too(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"name,value,user\r\na,1,u\r\n"
    assert imported(gzip.compress(text), name="outcomes.csv.gz") == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text))))
    assert main(["feedback", "import", "-"]) == 0
    assert sent(api) == [{"name": "a", "value": 1.0, "user": "u"}] * 2


def test_a_dry_run_asks_the_server_to_keep_nothing(capsys: Captured, api: ScriptedApi) -> None:
    assert imported("name,value,user\na,1,u\nbad,1,u\n", "--dry-run", "--json") == 1
    [(_, _, _, body)] = api.asked
    assert body["dry_run"] is True
    found = json.loads(capsys.readouterr().out)
    assert found == {"lines": 2, "accepted": 1, "known": 0, "refused": 1, "dry_run": True}


def test_many_lines_go_in_batches_and_on_where_it_broke_off(capsys: Captured, api: ScriptedApi) -> None:
    batches: list[int] = []

    def break_off(body: dict[str, Any]) -> dict[str, Any]:
        batches.append(len(body["items"]))
        if len(batches) == 3:
            raise ConnectionAbortedError
        return take(body)

    text = "name,value,user\n" + "".join(f"a,{number},u\n" for number in range(1700))
    api.on("POST", "/api/v1/feedback/batch", break_off, status=202)
    assert imported(text) == 3
    said = capsys.readouterr().err
    assert "1000 count, 0 refused; go on with --from-line 1002, or begin again" in said
    assert batches == [500, 500, 500]
    api.on("POST", "/api/v1/feedback/batch", take, status=202)
    api.asked.clear()
    assert imported(text, "--from-line", "1002") == 0
    assert [item["value"] for item in sent(api)] == [float(number) for number in range(1000, 1700)]


def test_long_comments_go_in_smaller_batches(api: ScriptedApi) -> None:
    assert imported("name,value,user,comment\n" + ("a,1,u," + "x" * 7900 + "\n") * 300) == 0
    assert [len(body["items"]) for _, _, _, body in api.asked] == [132, 132, 36]


def test_only_so_many_lines_are_told_one_by_one(capsys: Captured) -> None:
    assert imported("name,value,user\n" + "a,,u\n" * 250, "--refused", "r.jsonl") == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 102 and said[-2] == "and 150 more lines are refused"
    assert len(Path("r.jsonl").read_text().splitlines()) == 250


def test_a_large_file_takes_no_memory(tmp_path: Path, api: ScriptedApi) -> None:
    """Twelve million bytes in less than a third of that."""
    file = tmp_path / "large.csv"
    with file.open("w") as written:
        written.write("name,value,user,comment\n")
        for number in range(4_000):
            written.write(f"a,nan,u,{'x' * 3000}\na,{number},u,\n")
    tracemalloc.start()
    try:
        assert main(["feedback", "import", str(file)]) == 1
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert len(sent(api)) == 4_000


QUERY = """
select name, value, at, customer as "user" from (values
    ('csat', 4.5, timestamptz '2026-11-20 08:00+00', 7),
    ('csat', 'NaN'::numeric, timestamptz '2026-11-20 08:00+00', 8),
    ('csat', 3, timestamptz 'infinity', 9),
    ('csat', 2, null, null)
) as outcomes (name, value, at, customer) order by customer;
"""


def asked(api: ScriptedApi, database_url: str, query: str, *words: str) -> int:
    return main(["feedback", "import", "--query", query, "--database", database_url, *words])


def test_a_querys_result_goes_in_row_by_row(
    capsys: Captured, api: ScriptedApi, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE", database_url)
    Path("outcomes.sql").write_text(QUERY)
    words = ["import", "--query", "@outcomes.sql", "--database", "env:WAREHOUSE"]
    assert main(["feedback", *words]) == 1
    assert sent(api) == [{"name": "csat", "value": 4.5, "at": "2026-11-20T08:00:00.000Z", "user": "7"}]
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("row 2: value is Decimal('NaN')") or "row 2: value is" in told[0]
    assert told[1].startswith("row 3: at is 'infinity'")
    assert told[2].startswith("row 4: names no subject")


def test_a_long_result_comes_through_a_cursor(api: ScriptedApi, database_url: str) -> None:
    query = "select 'n' as name, n as value, n % 10 as \"user\" from generate_series(1, 2500) n order by n"
    assert asked(api, database_url, query) == 0
    assert [item["value"] for item in sent(api)] == [float(number) for number in range(1, 2501)]
    api.asked.clear()
    assert asked(api, database_url, query, "--from-line", "2400") == 0
    assert len(sent(api)) == 101


@pytest.mark.parametrize(
    "query",
    [
        "delete from kept returning 'a' as name, 1 as value, 'u' as \"user\"",
        "with gone as (delete from kept returning 1) select 'a' as name, 1 as value from gone",
        "select 1; commit; delete from kept",
        "select 'a' as name, 1 as value, nextval('counted')::text as \"user\"",
        "select nothing from nowhere",
    ],
)
def test_a_query_changes_nothing(capsys: Captured, api: ScriptedApi, database_url: str, query: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table kept as select 1 as one")
        connection.execute("create sequence counted")
        assert asked(api, database_url, query) == 1
        assert "error: the query is refused: " in capsys.readouterr().err
        assert connection.execute("select count(*) from kept").fetchone() == (1,)
        assert connection.execute("select is_called from counted").fetchone() == (False,)
    assert sent(api) == []


def test_a_database_that_is_not_there_is_told_without_its_password(
    capsys: Captured, api: ScriptedApi
) -> None:
    assert asked(api, "postgresql://me:s3cret@127.0.0.1:1/none", "select 1") == 1
    said = capsys.readouterr().err
    assert "the database does not answer" in said and "s3cret" not in said
    assert main(["feedback", "import", "--query", "select 1", "--database", "env:NOT_THERE"]) == 1
    assert "env:NOT_THERE is not set" in capsys.readouterr().err
