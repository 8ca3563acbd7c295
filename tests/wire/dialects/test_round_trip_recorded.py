"""Every recorded exchange, whatever its dialect, read and written back in it: the same JSON.

`pytest -s` shows the table. What may be left out stands in `LEFT_OUT`, with its reason, and is at most one in
a hundred. That what was read is what the bytes say, the dialects' own tests prove. Skips without exchanges.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.recorded_exchanges import Exchange, every_exchange
from tests.wire.dialects.returning import Chat, canonical, is_streamed, returning

from headgate.core.call import Dialect
from headgate.core.events import Ended, Event
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.wire.answers import classify, provider_message
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.errors import Said, written

RECORDED = 1_084
ERRORS = 22
STREAMS = 109

LEFT_OUT = {
    "openllmetry/test_assistant/test_existing_assistant#1": "a message put into a thread of OpenAI's "
    "assistants, whose path ends like Anthropic's: the exchange is of no dialect that is spoken here",
    "pydantic-ai/test_openai/test_invalid_response#0": "a web service for tests answered, with no answer of "
    "a model: it is an error, as it has to be (its call is not left out)",
    "openllmetry/test_completions/test_writer_async_streaming_completions_legacy#0": "a stream of objects "
    'with a "value" that only one service ever sent, and never ends (its call is not left out)',
}
"""Exchanges of which a part is not written back, and why not."""
NO_CALL = frozenset({"openllmetry/test_assistant/test_existing_assistant#1"})
SPELLED_OTHERWISE = {
    "pydantic-ai/test_google/test_google_model_top_k#0": "a count spelled 1.0 goes out as 1",
}
"""Bodies that say the same in another canonical form, and how."""
CLIENTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "openai", "anthropic", "google")


def walked() -> Iterator[Exchange]:
    assert len(every_exchange()) == RECORDED
    yield from every_exchange()


def answered() -> Iterator[Exchange]:
    return (one for one in walked() if one.status < 400 and one.id not in LEFT_OUT)


def same(one: Exchange, again: bytes, came: object) -> None:
    found = json.loads(again)
    assert found == came, one.id
    assert one.id in SPELLED_OTHERWISE or canonical(found) == canonical(came), one.id


def test_what_is_left_out_is_little_and_has_a_reason():
    known = {one.id for one in walked()}
    assert known >= set(LEFT_OUT) | set(SPELLED_OTHERWISE)
    assert all(len(reason) > 30 for reason in LEFT_OUT.values())
    assert len(LEFT_OUT) <= RECORDED // 100


def test_what_is_left_out_could_not_be_kept():
    """Each of them is refused by name, or says nothing that could be written."""
    for one in walked():
        if one.id not in LEFT_OUT:
            continue
        spoken, body = returning(one), one.response.encode()
        if one.id in NO_CALL:
            with pytest.raises(InvalidRequest):
                spoken.call(one.body, Changes())
        if is_streamed(one):
            assert isinstance(spoken, Chat) and not spoken.events(body)
            continue
        with pytest.raises(UpstreamError):
            spoken.answer(body, Changes())


def test_every_call_is_written_as_it_came():
    found = 0
    for one in walked():
        if one.id in NO_CALL:
            continue
        changes = Changes()
        spoken = returning(one)
        again = spoken.call(one.body, changes)
        same(one, again, one.request)
        assert not list(changes), one.id
        assert spoken.call(again, changes) == again, one.id
        found += 1
    assert found == RECORDED - len(NO_CALL)


def test_every_answer_is_written_as_it_came():
    found = 0
    for one in answered():
        if is_streamed(one):
            continue
        changes = Changes()
        spoken = returning(one)
        again = spoken.answer(one.response.encode(), changes)
        same(one, again, json.loads(one.response))
        assert not list(changes), one.id
        assert spoken.answer(again, changes) == again, one.id
        found += 1
    streams = sum(is_streamed(one) for one in walked())
    assert found == RECORDED - ERRORS - streams - sum(
        one.id in LEFT_OUT and not is_streamed(one) for one in walked()
    )


def streams() -> Iterator[tuple[Exchange, Chat, list[Event]]]:
    for one in answered():
        if is_streamed(one):
            spoken = returning(one)
            assert isinstance(spoken, Chat), one.id
            yield one, spoken, spoken.events(one.response.encode())


def test_every_stream_written_again_folds_to_the_same_answer():
    found = 0
    for one, spoken, events in streams():
        again = spoken.written(events)
        folded = fold(events)
        assert fold(spoken.events(again)) == folded, one.id
        assert spoken.written(spoken.events(again)) == again, one.id
        same(one, spoken.whole(fold(spoken.events(again))), json.loads(spoken.whole(folded)))
        found += 1
    assert found == STREAMS - 1


def test_cohere_s_streams_are_written_byte_for_byte():
    """It alone spells each event in one way, so that its recorded stream comes back as it was."""
    found = [(one, spoken.written(events)) for one, spoken, events in streams() if spoken.dialect == "cohere"]
    assert [again for _, again in found] == [one.response.encode() for one, _ in found]
    assert found


def test_a_stream_that_ends_with_the_whole_answer_folds_to_it():
    [(one, spoken, events)] = [held for held in streams() if held[1].dialect == "cohere-v1"]
    last = json.loads(one.response.strip().splitlines()[-1])
    assert json.loads(spoken.whole(fold(events))) == last["response"]
    assert isinstance(events[-1], Ended)


def said_in(value: Any) -> str:
    """The message of an error, wherever a provider puts it."""
    error = value.get("error", value)
    return error if isinstance(error, str) else error.get("message") or error["detail"]


def test_every_error_is_read_as_one_and_its_words_reach_every_client():
    found: Counter[str] = Counter()
    for one in walked():
        if one.status < 400:
            continue
        spoken, body = returning(one), one.response.encode()
        with pytest.raises(UpstreamError):
            spoken.answer(body, Changes())
        message = provider_message(spoken.dialect, body)
        assert message and message == said_in(json.loads(body)), one.id
        whose = classify(spoken.dialect, one.status, body)
        is_missing = one.status == 404 or "model identifier" in message
        assert whose == ("target" if is_missing else "request"), one.id
        said = Said(status=one.status, code="upstream_error", message=message, request_id="r")
        for client in CLIENTS:
            assert said_in(json.loads(written(client, said))) == message, one.id
        found[whose] += 1
    assert found.total() == ERRORS
    assert found["target"] >= 5


def test_the_table():
    """What was walked, by dialect: calls, whole answers, streams, errors, and what was left out."""
    columns = ("calls", "answers", "streams", "errors", "left out")
    rows: dict[str, Counter[str]] = {}
    for one in walked():
        spoken = returning(one)
        row = rows.setdefault(
            f"{one.dialect} as {type(spoken).__name__.lower()} of {spoken.dialect}", Counter()
        )
        row["calls"] += one.id not in NO_CALL
        part = "errors" if one.status >= 400 else "streams" if is_streamed(one) else "answers"
        row["left out" if one.id in LEFT_OUT else part] += 1
    total: Counter[str] = Counter()
    for name, row in sorted(rows.items()):
        print(f"{name:55}", *(f"{column} {row[column]:4}" for column in columns))
        total += row
    print(f"{'in all':55}", *(f"{column} {total[column]:4}" for column in columns))
    for identity, reason in {**LEFT_OUT, **SPELLED_OTHERWISE}.items():
        print(f"{identity}: {reason}")
    assert sum(total[column] for column in columns[1:]) == RECORDED
    assert total["left out"] == len(LEFT_OUT)
