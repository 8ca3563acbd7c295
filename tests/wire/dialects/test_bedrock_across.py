"""What was recorded with other providers, written for Bedrock; what Bedrock said, heard in other dialects."""

import itertools
import json
from typing import Any

import pytest
from tests.recorded_exchanges import recorded
from tests.wire.dialects.bedrock_rules import check_call
from tests.wire.dialects.bedrock_samples import ASKED, answers, read, stream_of

from headgate.core.call import AnyDialect, Usage
from headgate.core.chat import ChatAnswer, Text, ToolCall
from headgate.core.quirks import Quirks
from headgate.wire.dialects.bedrock.codec import CODEC
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.registry import CODECS

QUIRKS = Quirks(
    temperature_max=1.0, takes_media_in_results=True, thinking="budget", output_limit_default=8192
)
"""Such as those of a model of Anthropic's behind Bedrock."""
CLIENTS: tuple[AnyDialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google")


@pytest.mark.parametrize("dialect", CLIENTS)
def test_every_recorded_call_keeps_amazons_rules(dialect: AnyDialect):
    written = 0
    for exchange, route in recorded():
        if route.dialect != dialect or route.operation != "chat":
            continue
        call = CODECS[dialect].read_call(exchange.body, model=route.model, stream=route.stream)
        body = json.loads(CODEC.write_call(call, QUIRKS, Changes()))
        try:
            check_call(body)
        except AssertionError as error:
            raise AssertionError(f"{exchange.id}: {error}") from None
        roles = [message["role"] for message in body["messages"]]
        assert roles[:1] in ([], ["user"]), exchange.id
        assert all(first != second for first, second in itertools.pairwise(roles)), exchange.id
        written += 1
    assert written > 150


def gist(answer: ChatAnswer) -> tuple[Any, ...]:
    """What a client goes by: text, calls, why it ended."""
    [candidate] = answer.candidates
    text = "".join(part.text for part in candidate.parts if isinstance(part, Text))
    calls = [
        (part.name, json.loads(part.arguments)) for part in candidate.parts if isinstance(part, ToolCall)
    ]
    assert candidate.finish is not None
    reason = candidate.finish.reason
    return text, calls, "content_filter" if reason == "refusal" else reason  # Anthropic has one word for both


def tokens(usage: Usage | None) -> tuple[int, int, int]:
    """What every dialect can say of usage."""
    assert usage is not None
    return usage.total_input, usage.cache_read, usage.total_output


@pytest.mark.parametrize("dialect", CLIENTS)
def test_every_recorded_answer_says_the_same_elsewhere(dialect: AnyDialect):
    codec = CODECS[dialect]
    for name, raw in answers():
        answer = CODEC.read_answer(json.dumps(raw).encode())
        whole = codec.read_answer(codec.write_answer(answer, ASKED, Changes()))
        writer, reader = codec.events_out(ASKED, Changes()), codec.events_in()
        stream = b"".join(writer.write(event) for event in read(stream_of(raw)))
        streamed = fold(reader.feed(stream) + reader.end())
        for heard in (whole, streamed):
            assert gist(heard) == gist(answer), name
            assert tokens(heard.usage) == tokens(answer.usage), name
