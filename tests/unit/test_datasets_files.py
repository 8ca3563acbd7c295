"""Cases come from files; what is no case is refused with its line."""

from pathlib import Path

import pytest

from headgate.core.faults import InvalidRequest
from headgate.datasets.files import read_cases
from headgate.datasets.model import CASE_BYTES_MAX, Case, digest_of


def written(folder: Path, text: str, name: str = "cases.jsonl") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_lines_of_json(tmp_path: Path) -> None:
    text = '{"input": "one?", "expected": 1, "tags": ["a"]}\n\n{"id": "b", "variables": {"n": 2}}\n'
    one, other = read_cases(written(tmp_path, text))
    assert (one.input, one.expected, one.tags, len(one.id)) == ("one?", 1, ("a",), 16)
    assert (other.id, other.variables) == ("b", {"n": 2})


def test_rows_of_csv_and_columns_that_are_variables(tmp_path: Path) -> None:
    text = 'id,input,expected,tags\na,"one, two?",yes,"x, y"\n'
    (case,) = read_cases(written(tmp_path, text, "cases.csv"))
    assert case == Case(id="a", input="one, two?", expected="yes", tags=("x", "y"))
    (case,) = read_cases(written(tmp_path, "id,name,expected\na,Ada,Hello Ada\n", "more.csv"))
    assert case == Case(id="a", variables={"name": "Ada"}, expected="Hello Ada")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no case"),
        ("{", "cases.jsonl:1: this is no case"),
        ('{"input": "a"}\n{"inputs": "b"}', "cases.jsonl:2: this is no case: .*`inputs`"),
        ('{"expected": "a"}', "cases.jsonl:1: it asks nothing"),
        ('{"input": "a", "variables": {}}', "has input and variables"),
        ('{"input": ""}', "its input is empty"),
        ('{"input": "a"}\n{"input": "a"}', "cases.jsonl:2: this is the case of cases.jsonl:1 again"),
        ('{"id": "1", "input": "a"}\n{"id": "1", "input": "b"}', "the id '1' is that of cases.jsonl:1"),
        ('{"input": "' + "x" * CASE_BYTES_MAX + '"}', "a case has at most"),
        ('{"input": "a", "tags": ["' + '","'.join("abcdefghijklmnopq") + '"]}', "tags"),
    ],
)
def test_what_is_no_case_is_refused_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        read_cases(written(tmp_path, text))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="can't be read"):
        read_cases(tmp_path / "nothing.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"input": "\xe9"}')
    with pytest.raises(InvalidRequest, match="no UTF-8"):
        read_cases(tmp_path / "latin.jsonl")
    with pytest.raises(InvalidRequest, match="fields"):
        read_cases(written(tmp_path, "id,input\na\n", "short.csv"))
    with pytest.raises(InvalidRequest, match="unknown beside input"):
        read_cases(written(tmp_path, "input,name\na,b\n", "both.csv"))


def test_a_version_is_its_cases_in_whatever_order() -> None:
    one, other = Case(id="a", input="1"), Case(id="b", input="2")
    assert digest_of([one, other]) == digest_of([other, one]) != digest_of([one])
    assert digest_of([one]) != digest_of([Case(id="a", input="1", expected="x")])
