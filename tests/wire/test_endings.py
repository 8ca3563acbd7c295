"""Why answers end and which tools they call, read in passing: the same as their dialects' codecs say."""

import msgspec
import pytest
from tests.recorded_exchanges import Exchange, recorded

from headgate.core.call import Dialect
from headgate.core.chat import FinishReason, ToolCall
from headgate.core.events import Finished, PartBegan
from headgate.core.faults import UpstreamError
from headgate.wire.answers import read_answer
from headgate.wire.dialects.registry import codec_of
from headgate.wire.endings import ending_of
from headgate.wire.model import Ending
from headgate.wire.streams import reader

WHOLE: tuple[tuple[Dialect, str, Ending], ...] = (
    ("openai-chat", '{"choices":[{"finish_reason":"stop","message":{"content":"a"}}]}', Ending("stop", 0)),
    ("openai-chat", '{"choices":[{"finish_reason":"length","message":null}]}', Ending("length", 0)),
    (
        "openai-chat",
        '{"choices":[{"finish_reason":"stop","message":{"tool_calls":[{"id":"1"},{"id":"2"}]}}]}',
        Ending("tool_calls", 2),
    ),
    (
        "openai-chat",
        '{"choices":[{"finish_reason":"stop","message":{"refusal":"no"}}]}',
        Ending("refusal", 0),
    ),
    (
        "openai-chat",
        '{"choices":[{"finish_reason":"stop","message":{"content":"a","refusal":""}}]}',
        Ending("stop", 0),
    ),
    ("openai-chat", '{"choices":[{"finish_reason":7}],"model":"m"}', Ending(None, 0)),
    ("openai-chat", '{"choices":null}', Ending(None, 0)),
    (
        "anthropic",
        '{"stop_reason":"tool_use","content":[{"type":"text","text":"{}"},{"type":"tool_use","input":{}}]}',
        Ending("tool_calls", 1),
    ),
    ("anthropic", '{"stop_reason":"refusal","content":[]}', Ending("refusal", 0)),
    ("google", '{"candidates":[{"finishReason":"MAX_TOKENS"}]}', Ending("length", 0)),
    (
        "google",
        '{"candidates":[{"finishReason":"STOP","content":{"parts":[{"functionCall":{"name":"f"}}]}}]}',
        Ending("tool_calls", 1),
    ),
    ("google", '{"promptFeedback":{"blockReason":"SAFETY"}}', Ending("content_filter", 0)),
    (
        "google",
        '[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"candidates":[{"finishReason":"STOP"}]}]',
        Ending("stop", 0),
    ),
    (
        "openai-responses",
        '{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}',
        Ending("length", 0),
    ),
    (
        "openai-responses",
        '{"status":"completed","output":[{"type":"reasoning"},{"type":"function_call","name":"f"}]}',
        Ending("tool_calls", 1),
    ),
)


@pytest.mark.parametrize(("dialect", "body", "expected"), WHOLE)
def test_a_whole_answer_says_how_it_ended(dialect: Dialect, body: str, expected: Ending) -> None:
    assert read_answer(dialect, "chat", body.encode()).ending == expected


def test_what_cannot_be_read_of_an_ending_costs_nothing_else() -> None:
    facts = read_answer(
        "openai-chat",
        "chat",
        b'{"model":"m","choices":{"strange":1},"usage":{"prompt_tokens":3,"completion_tokens":5}}',
    )
    assert (facts.model, facts.usage is not None, facts.ending) == ("m", True, Ending())


def stream(dialect: Dialect, *events: str) -> Ending:
    reading = reader(dialect, "chat", strip_usage=False)
    for event in events:
        reading.feed(f"data: {event}\n\n".encode())
    reading.end()
    return Ending(reading.finish, reading.tool_calls)


def test_a_stream_says_how_it_ended() -> None:
    first = (
        '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}}]}'
    )
    more = '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}'
    other = (
        '{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"f","arguments":""}}]}}]}'
    )
    end = '{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}'
    assert stream("openai-chat", first, more, other, more, end) == Ending("tool_calls", 2)
    text = '{"choices":[{"delta":{"content":"a"}}]}'
    assert stream("openai-chat", text, text, '{"choices":[{"delta":{},"finish_reason":"length"}]}') == Ending(
        "length", 0
    )
    assert stream("openai-chat", text) == Ending()
    stop = '{"choices":[{"delta":{},"finish_reason":"stop"}]}'
    polite = '{"choices":[{"delta":{"content":"a","refusal":""}}]}'
    assert stream("openai-chat", polite, stop) == Ending("stop")
    assert stream("openai-chat", '{"choices":[{"delta":{"refusal":"no"}}]}', stop) == Ending("refusal")
    nameless = '{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}'
    assert stream("openai-chat", nameless, nameless, end).tool_calls == 2


def by_codec(one: Exchange, dialect: Dialect) -> Ending | None:
    """What the dialect's codec, which reads everything, makes of an answer; None where it is none."""
    codec = codec_of(dialect)
    assert codec is not None
    body = one.response.encode()
    try:
        if not one.stream:
            return ending_of(codec.read_answer(body))
        events_in = codec.events_in()
        events = [*events_in.feed(body), *events_in.end()]
    except UpstreamError:
        return None
    finishes: list[FinishReason] = [event.finish.reason for event in events if isinstance(event, Finished)]
    calls = [event for event in events if isinstance(event, PartBegan) and isinstance(event.part, ToolCall)]
    return Ending(finishes[-1] if finishes else None, len(calls))


def in_passing(one: Exchange, dialect: Dialect) -> Ending:
    if not one.stream:
        return read_answer(dialect, "chat", one.response.encode()).ending
    reading = reader(dialect, "chat", strip_usage=False)
    reading.feed(one.response.encode())
    reading.end()
    return Ending(reading.finish, reading.tool_calls)


def test_recorded_answers_ended_as_their_codecs_say() -> None:
    seen: dict[str, int] = {}
    wrong: list[str] = []
    for one, route in recorded():
        if one.status != 200 or route.operation != "chat":
            continue
        expected = by_codec(one, route.dialect)
        if expected is None:
            continue
        found = in_passing(one, route.dialect)
        seen[str(found.finish)] = seen.get(str(found.finish), 0) + 1
        if found != expected:
            wrong.append(f"{one.id}: {msgspec.to_builtins(found)} and not {msgspec.to_builtins(expected)}")
    print(seen)
    assert not wrong, (len(wrong), wrong)
    assert {"stop", "length", "tool_calls"} <= set(seen)
