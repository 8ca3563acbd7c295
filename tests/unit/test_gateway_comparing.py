"""A call and its shadow side by side: what is the same, what failed, and what can't be told."""

import json
from typing import Any

import msgspec
import pytest
from tests.contract.made_entries import make_end, new_call
from tests.rollout_settings import SMALLER

from headgate.config.compile import compile_file
from headgate.config.secrets import Secrets
from headgate.core.entries import Compared
from headgate.gateway.call import Call
from headgate.gateway.comparing import READ_BYTES_MAX, compared
from headgate.gateway.pairing import Pair
from headgate.gateway.plane import Current
from headgate.gateway.recorder import BodyCopy
from headgate.gateway.schema_checker import SchemaChecker
from headgate.wire.reading import read_call
from headgate.wire.routes import match

CONFIG = (
    SMALLER
    + """
users = ["ann"]
shadow = { share = 1.0 }
guardrails = [{ name = "errors", measure = "errors", margin = "0.1" }]
"""
)
SNAPSHOT = compile_file(CONFIG)
CURRENT = Current(SNAPSHOT, Secrets.resolve(SNAPSHOT, {}), (), ())
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
FORM: dict[str, Any] = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
}


def answer(text: str | None = "hello", finish: str = "stop", tools: tuple[str, ...] = ()) -> bytes:
    calls = [
        {"id": f"c{place}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for place, name in enumerate(tools)
    ]
    message = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return json.dumps(body).encode()


def events(*texts: str) -> bytes:
    lines: list[dict[str, Any]] = [
        {"id": "x", "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts
    ]
    end: dict[str, Any] = {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    data = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in (*lines, end))
    return data + b"data: [DONE]\n\n"


def call_with(body: bytes, *, asked: dict[str, Any] | None = None, **ended: Any) -> Call:
    """A chat that was answered with a body."""
    route = match("POST", "/v1/chat/completions")
    assert route is not None
    call = Call(new_call(), route, CURRENT, SNAPSHOT, 0, 0.0)
    question = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}], **(asked or {})}
    call.facts = read_call(route, [], json.dumps(question).encode())
    call.ended = make_end(call.id, stream=call.facts.stream, **ended)
    call.response = BodyCopy(SNAPSHOT.limits.recorded_bytes_max)
    call.response.add(body)
    return call


async def told(one: Call, other: Call, stage: int = 0, *, was_cut: bool = False) -> Compared:
    """Compare a call with its shadow; at the first stage the caller saw the present."""
    (rollout,) = SNAPSHOT.rollouts
    here = rollout.stages[stage]
    checker = SchemaChecker()
    try:
        found = await compared(checker, Pair(here.experiment, here.shown, "u", one), other, was_cut=was_cut)
    finally:
        await checker.stop()
    assert found is not None
    return found


async def test_equal_answers_are_alike_in_all_and_white_space_is_no_difference() -> None:
    found = await told(call_with(answer("a  b\n")), call_with(answer("a b")))
    assert (found.same_finish, found.same_tools, found.same_text) == (True, True, True)
    assert found.keeps_form is None
    assert (found.present.characters, found.candidate.characters) == (5, 3)
    assert not found.present.failed and not found.candidate.failed


async def test_a_stream_is_held_against_another_by_what_it_says() -> None:
    asked = {"stream": True}
    one = call_with(events("he", "llo"), asked=asked, duration_ms=900, first_token_ms=30)
    found = await told(one, call_with(events("hello"), asked=asked, first_token_ms=50))
    assert (found.same_text, found.same_finish) == (True, True)
    assert (found.present.wait_ms, found.candidate.wait_ms) == (30, 50), "to the first token"


@pytest.mark.parametrize(
    ("body", "same"),
    [
        (answer(finish="length"), (False, True, True)),
        (answer("other"), (True, True, False)),
        (answer(None, "tool_calls", ("look",)), (False, False, False)),
    ],
)
async def test_what_differs_is_told_apart(body: bytes, same: tuple[bool, bool, bool]) -> None:
    found = await told(call_with(answer()), call_with(body))
    assert (found.same_finish, found.same_tools, found.same_text) == same


async def test_the_order_of_tools_counts() -> None:
    one, other = ("look", "book"), ("book", "look")
    found = await told(
        call_with(answer(None, "tool_calls", one)), call_with(answer(None, "tool_calls", other))
    )
    assert found.same_tools is False


@pytest.mark.parametrize(
    ("present", "candidate", "keeps"),
    [
        ('{"n": 1}', '{"n": 2}', True),
        ('{"n": 1}', '{"n": "two"}', False),
        ('{"n": 1}', "words", False),
        ("words", "other words", True),
    ],
)
async def test_the_form_that_a_call_prescribes_is_kept_or_not(
    present: str, candidate: str, keeps: bool
) -> None:
    found = await told(call_with(answer(present), asked=FORM), call_with(answer(candidate), asked=FORM))
    assert found.keeps_form is keeps


async def test_who_is_shown_the_candidate_is_compared_the_other_way_round() -> None:
    shown, shadow = call_with(answer("new")), call_with(b"", status=502, code="upstream_error")
    found = await told(shown, shadow, stage=1)
    assert (found.present.failed, found.candidate.failed) == (True, False)
    assert (found.call, found.shadow) == (shown.id, shadow.id)


@pytest.mark.parametrize(
    ("ended", "failed", "refused"),
    [
        ({"status": 500}, True, False),
        ({"status": 200, "truncated": True}, True, False),
        ({"status": 400, "code": "content_policy_violation"}, False, True),
    ],
)
async def test_what_failed_or_was_refused_is_not_read(
    ended: dict[str, Any], failed: bool, refused: bool
) -> None:
    found = await told(call_with(answer()), call_with(answer(), **ended))
    assert (found.candidate.failed, found.candidate.refused) == (failed, refused)
    assert (found.candidate.characters, found.same_text) == (None, None)
    assert (found.candidate.wait_ms is None) == failed


async def test_a_shadow_that_was_cut_failed_however_it_ended() -> None:
    found = await told(call_with(answer()), call_with(answer()), was_cut=True)
    assert (found.candidate.failed, found.present.failed, found.same_text) == (True, False, None)


@pytest.mark.parametrize("body", [b"{", b"no json", answer("x" * READ_BYTES_MAX), b'{"choices": []}'])
async def test_what_can_not_be_read_is_compared_by_what_is_known_of_it(body: bytes) -> None:
    found = await told(call_with(answer()), call_with(body))
    assert (found.same_text, found.same_finish, found.candidate.failed) == (None, None, False)


async def test_a_call_without_a_record_is_compared_with_nothing() -> None:
    shown, shadow = call_with(answer()), call_with(answer())
    shadow.ended = None
    (rollout,) = SNAPSHOT.rollouts
    here = rollout.stages[0]
    pair = Pair(here.experiment, here.shown, "u", shown)
    assert await compared(SchemaChecker(), pair, shadow, was_cut=False) is None
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(await told(shown, call_with(answer()))))
