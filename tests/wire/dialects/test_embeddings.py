"""Embeddings of all dialects, read, written, and carried across. Recorded ones skip where there are none."""

import base64
import gzip
import os
import struct
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse
from tests.recorded_exchanges import Exchange

from headgate.core.call import Usage
from headgate.core.chat import Text
from headgate.core.embedding import EmbeddingAnswer, EmbeddingCall, EmbeddingDialect, EmbeddingInput, Vector
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.embeddings import (
    read_answer,
    read_call,
    write_answer,
    write_call,
)
from headgate.wire.dialects.embeddings_google import verb_of
from headgate.wire.dialects.vectors import data_of, values_of

DIALECTS: tuple[EmbeddingDialect, ...] = ("openai", "google", "cohere")
VALUES = (0.25, -1.5, 3.0, 0.0)
DATA = base64.b64encode(struct.pack("<4f", *VALUES)).decode()


@cache
def recorded() -> tuple[tuple[Exchange, EmbeddingDialect], ...]:
    named = os.environ.get("HEADGATE_RECORDED")
    folder = Path(named) if named else Path(__file__).resolve().parents[4] / "shared" / "recorded"
    file = folder / "exchanges.jsonl.gz"
    if not file.exists():
        pytest.skip("no recorded exchanges; HEADGATE_RECORDED names the folder of exchanges.jsonl.gz")
    with gzip.open(file) as lines:
        found = [msgspec.json.decode(line, type=Exchange) for line in lines]
    return tuple((one, dialect) for one in found if (dialect := dialect_of(one)) is not None)


def dialect_of(one: Exchange) -> EmbeddingDialect | None:
    if one.dialect == "openai-embeddings":
        return "openai"
    if one.dialect == "google-embed":
        return "google"
    return "cohere" if "/cohere.embed" in one.path else None


def test_every_recorded_call_is_written_back():
    assert sum(dialect != "cohere" for _, dialect in recorded()) >= 23
    assert sum(dialect == "cohere" for _, dialect in recorded()) >= 5
    for one, dialect in recorded():
        call = read_call(dialect, one.body)
        changes = Changes()
        assert msgspec.json.decode(write_call(call, dialect, changes)) == one.request, one.id
        assert not list(changes)
        assert all(item.parts for item in call.inputs)


def test_every_recorded_answer_is_written_back():
    for one, dialect in recorded():
        if one.status != 200:
            with pytest.raises(UpstreamError):
                read_answer(dialect, one.response.encode())
            continue
        call = read_call(dialect, one.body)
        answer = read_answer(dialect, one.response.encode())
        assert len(answer.vectors) == len(call.inputs), one.id
        written = write_answer(answer, call, Changes())
        assert msgspec.json.decode(written) == msgspec.json.decode(one.response), one.id


def test_every_recorded_answer_goes_to_every_client():
    for one, dialect in recorded():
        if one.status != 200:
            continue
        answer = read_answer(dialect, one.response.encode())
        values = [values_of(vector) for vector in answer.vectors]
        assert all(len(row) > 100 and max(map(abs, row)) < 100 for row in values), one.id
        for asked in DIALECTS:
            for encoding in ("float", "base64"):
                client = EmbeddingCall(dialect=asked, model="m", inputs=(), encoding=encoding)
                body = write_answer(msgspec.structs.replace(answer, shape=""), client, Changes())
                if asked == "openai":
                    CreateEmbeddingResponse.model_validate(openai_answer(body, encoding))
                if asked == dialect:
                    continue
                back = read_answer(asked, body)
                for row, vector in zip(values, back.vectors, strict=True):
                    assert values_of(vector) == pytest.approx(row, rel=1e-6, abs=1e-9), one.id
                if answer.usage is not None:
                    assert back.usage is not None
                    assert back.usage.total_input == answer.usage.total_input


def openai_answer(body: bytes, encoding: str) -> Any:
    """What the SDK makes of an answer in base64 before it checks its types."""
    fields = msgspec.json.decode(body)
    for row in fields["data"]:
        if isinstance(row["embedding"], str):
            assert encoding == "base64"
            row["embedding"] = list(values_of(Vector(index=0, data=row["embedding"])))
    fields.setdefault("usage", {"prompt_tokens": 0, "total_tokens": 0})
    fields["usage"].setdefault("prompt_tokens", 0)
    for row in fields["data"]:
        row.setdefault("object", "embedding")
    fields.setdefault("object", "list")
    fields.setdefault("model", "m")
    return fields


def carried(
    fields: dict[str, Any], source: EmbeddingDialect, target: EmbeddingDialect
) -> tuple[Any, Changes]:
    changes = Changes()
    call = read_call(source, msgspec.json.encode(fields), model="m")
    return msgspec.json.decode(write_call(call, target, changes)), changes


OPENAI = {"input": ["a", "b"], "model": "m", "dimensions": 256, "encoding_format": "base64"}


def test_trap_49_dimensions_and_inputs_cross():
    assert carried(OPENAI, "openai", "google")[0] == {
        "requests": [
            {"model": "models/m", "content": {"parts": [{"text": text}]}, "outputDimensionality": 256}
            for text in ("a", "b")
        ]
    }
    found, changes = carried(OPENAI, "openai", "cohere")
    assert found == {
        "model": "m",
        "texts": ["a", "b"],
        "input_type": "search_document",
        "embedding_types": ["float"],
        "output_dimension": 256,
    }
    assert [change.what for change in changes] == ["task"]


@pytest.mark.parametrize(
    ("google", "cohere", "is_told"),
    [
        ("RETRIEVAL_QUERY", "search_query", False),
        ("RETRIEVAL_DOCUMENT", "search_document", False),
        ("CLASSIFICATION", "classification", False),
        ("CLUSTERING", "clustering", False),
        ("QUESTION_ANSWERING", "search_query", True),
        ("SEMANTIC_SIMILARITY", "search_document", True),
    ],
)
def test_trap_49_tasks_cross(google: str, cohere: str, is_told: bool):
    given = {"content": {"parts": [{"text": "a"}]}, "taskType": google, "title": "T"}
    found, changes = carried(given, "google", "cohere")
    assert found["input_type"] == cohere
    assert ("task" in [change.what for change in changes]) == is_told
    found, changes = carried({"texts": ["a"], "model": "m", "input_type": cohere}, "cohere", "google")
    if not is_told:
        assert found["requests"][0]["taskType"] == google
    _, changes = carried(given, "google", "openai")
    assert [(change.what, change.weight) for change in changes] == [("input[0]", "loss"), ("task", "loss")]


def test_trap_49_base64_is_what_the_client_asked_for():
    answer = EmbeddingAnswer(
        dialect="google", model="", vectors=(Vector(index=0, values=VALUES),), usage=Usage(input=7)
    )
    asked = read_call("openai", msgspec.json.encode(OPENAI))
    assert msgspec.json.decode(write_answer(answer, asked, Changes())) == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": DATA}],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    plain = msgspec.structs.replace(asked, encoding=None)
    (row,) = msgspec.json.decode(write_answer(answer, plain, Changes()))["data"]
    assert row["embedding"] == list(VALUES)


def test_trap_49_a_client_of_floats_gets_none_in_base64():
    body = msgspec.json.encode({"data": [{"index": 0, "embedding": DATA}], "model": "m"})
    answer = read_answer("openai", body)
    asked = read_call("google", b'{"content":{"parts":[{"text":"a"}]}}', model="m")
    assert verb_of(asked) == "embedContent"
    assert msgspec.json.decode(write_answer(answer, asked, Changes())) == {
        "embedding": {"values": list(VALUES)}
    }
    floats = EmbeddingCall(dialect="openai", model="m", inputs=(), encoding="float")
    (row,) = msgspec.json.decode(write_answer(answer, floats, Changes()))["data"]
    assert row["embedding"] == list(VALUES)


def test_tokens_are_no_text_to_another_provider():
    body = b'{"input":[[1,2],[3]],"model":"m"}'
    call = read_call("openai", body)
    assert call.inputs == (EmbeddingInput(tokens=(1, 2)), EmbeddingInput(tokens=(3,)))
    assert msgspec.json.decode(write_call(call, "openai", Changes())) == msgspec.json.decode(body)
    for target in ("google", "cohere"):
        with pytest.raises(InvalidRequest) as caught:
            write_call(call, target, Changes())
        assert caught.value.parameter == "input"


def test_requests_that_differ_keep_what_is_their_own():
    requests = [
        {"model": "models/m", "content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING"},
        {"model": "models/m", "content": {"parts": {"text": "b"}}, "task_type": "RETRIEVAL_QUERY"},
    ]
    call = read_call("google", msgspec.json.encode({"requests": requests}), model="m")
    assert call.task is None
    assert msgspec.json.decode(write_call(call, "google", Changes())) == {"requests": requests}
    changes = Changes()
    write_call(call, "openai", changes)
    assert [change.what for change in changes.of_weight("meaning")] == [
        "input[0].taskType",
        "input[1].task_type",
    ]


def test_images_cross_where_they_can():
    image = "data:image/png;base64,AAAA"
    for body in (
        {"model": "m", "images": [image], "input_type": "image"},
        {"model": "m", "input_type": "search_query", "inputs": [
            {"content": [
                {"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": image}}]}]},
    ):  # fmt: skip
        call = read_call("cohere", msgspec.json.encode(body))
        assert msgspec.json.decode(write_call(call, "cohere", Changes())) == body
        changes = Changes()
        found = msgspec.json.decode(write_call(call, "google", changes))
        assert found["requests"][0]["content"]["parts"][-1] == {
            "inlineData": {"mimeType": "image/png", "data": "AAAA"}
        }
        changes = Changes()
        write_call(call, "openai", changes)
        assert changes.of_weight("meaning")


def test_floats_of_eight_bytes_are_known_and_mended():
    numbers = [struct.unpack("<f", struct.pack("<f", number / 7))[0] for number in range(-8, 8)]
    doubles = Vector(index=0, data=base64.b64encode(struct.pack("<16d", *numbers)).decode())
    assert list(values_of(doubles)) == numbers
    assert data_of(doubles) == base64.b64encode(struct.pack("<16f", *numbers)).decode()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_vectors_survive_base64(values: list[float]):
    data = data_of(Vector(index=0, values=tuple(values)))
    assert list(values_of(Vector(index=0, data=data))) == values or not any(values)


HOSTILE: list[Any] = [
    None, 1, 2**70, 1.5, "", "x", [], [None], [[]], [[1], "a"], {}, {"values": [1]}, {"parts": 4}, "AAAA",
    "!!!!",     [{"content": {"parts": []}}], [{"embedding": "x"}], [{"index": 0, "embedding": [None]}],
    {"float": [[1, "a"]]},    [{"index": -1}], {"billed_units": 3}, [1e300], {"base64": ["=", 4]}, [True],
]  # fmt: skip
NAMES = (
    "input", "model", "prompt", "data", "embedding", "embeddings", "requests", "content", "texts", "images",
    "inputs", "usage", "usageMetadata", "meta", "dimensions", "taskType", "encoding_format", "truncate",
    "index",
)  # fmt: skip


@settings(max_examples=200)
@given(fields=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(HOSTILE), max_size=6))
def test_hostile_bodies_are_read_or_refused(fields: dict[str, Any]):
    body = msgspec.json.encode(fields)
    for dialect in DIALECTS:
        try:
            call = read_call(dialect, body)
            assert msgspec.json.decode(write_call(call, dialect, Changes())) == fields
            for target in DIALECTS:
                write_call(call, target, Changes())
        except InvalidRequest as error:
            assert str(error)
        try:
            answer = read_answer(dialect, body)
            for asked in DIALECTS:
                for encoding in ("float", "base64"):
                    client = EmbeddingCall(dialect=asked, model="m", inputs=(), encoding=encoding)
                    write_answer(answer, client, Changes())
        except UpstreamError as error:
            assert str(error)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"input":' + b"[" * 10_000, b"NaN"])
def test_broken_bodies_are_refused(body: bytes):
    for dialect in DIALECTS:
        with pytest.raises(InvalidRequest):
            read_call(dialect, body)
        with pytest.raises(UpstreamError):
            read_answer(dialect, body)


def test_texts_of_one_vector_are_joined_and_told():
    parts = (Text(text="a"), Text(text="b"))
    call = EmbeddingCall(dialect="google", model="m", inputs=(EmbeddingInput(parts=parts),))
    changes = Changes()
    assert msgspec.json.decode(write_call(call, "openai", changes))["input"] == ["a\nb"]
    assert changes.of_weight("meaning")
