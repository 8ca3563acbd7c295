"""Everything that was recorded goes through the readers unharmed. Skips where there are no recordings."""

import random
from typing import Any

import msgspec
from tests.recorded_exchanges import recorded

from headgate.wire.answers import classify, provider_message, read_answer
from headgate.wire.reading import read_call, rewrite
from headgate.wire.segments import join, split
from headgate.wire.sse import EventSplitter, data_of
from headgate.wire.streams import reader


def test_every_call_is_read_and_rewritten():
    for one, route in recorded():
        facts = read_call(route, [], one.body)
        assert rewrite(facts) == one.body
        model = None if route.dialect == "google" else "another"
        asks = facts.stream and route.dialect == "openai-chat"
        changed = msgspec.json.decode(rewrite(facts, model=model, ask_usage=asks, max_output=77))
        wanted = dict(one.request)
        if model is not None:
            wanted["model"] = model
        for name in ("stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens"):
            wanted.pop(name, None)
            changed.pop(name, None)
        for name in ("generationConfig", "generation_config"):
            wanted.pop(name, None)
            changed.pop(name, None)
        assert changed == wanted, one.id


def test_every_body_is_put_together_again():
    for one, route in recorded():
        assert join(split(route.dialect, one.body)) == one.body


def test_every_stream_is_relayed_byte_for_byte_however_it_is_cut():
    chance = random.Random(7)
    seen_usage = 0
    streams = [(one, route) for one, route in recorded() if one.stream and one.status == 200]
    assert len(streams) > 50
    for one, route in streams:
        body = one.response.encode()
        whole = reader(route.dialect, route.operation, strip_usage=False)
        assert whole.feed(body).data + whole.end().data == body
        cut = reader(route.dialect, route.operation, strip_usage=False)
        position, out = 0, b""
        while position < len(body):
            size = chance.choice((1, 2, 3, 50, 700))
            out += cut.feed(body[position : position + size]).data
            position += size
        assert out + cut.end().data == body
        assert (cut.usage, cut.finished, cut.error, cut.output_bytes, cut.model) == (
            whole.usage, whole.finished, whole.error, whole.output_bytes, whole.model,
        ), one.id  # fmt: skip
        seen_usage += whole.usage is not None
        if whole.usage is not None:
            assert whole.finished, one.id
    assert seen_usage > len(streams) / 2


def chunks_of(body: bytes) -> list[Any]:
    datas = [data_of(event) for event in EventSplitter().feed(body)]
    return [msgspec.json.decode(data) for data in datas if data.startswith(b"{")]


def unasked(chunks: list[Any]) -> list[Any]:
    """What would have come, had nobody asked for usage: found by decoding, not by bytes."""
    kept = [chunk for chunk in chunks if chunk.get("choices") or not chunk.get("usage")]
    return [{k: v for k, v in chunk.items() if k != "usage" or v is not None} for chunk in kept]


def test_stripping_takes_usage_and_nothing_else():
    stripped = 0
    for one, route in recorded():
        if not one.stream or one.status != 200 or route.dialect != "openai-chat":
            continue
        body = one.response.encode()
        strip = reader("openai-chat", "chat", strip_usage=True)
        out = strip.feed(body).data + strip.end().data
        assert chunks_of(out) == unasked(chunks_of(body)), one.id
        stripped += out != body
    assert stripped > 10


def test_every_answer_s_sums_are_the_provider_s():
    compared = 0
    for one, route in recorded():
        if one.stream or one.status != 200:
            continue
        found = read_answer(route.dialect, route.operation, one.response.encode())
        if found.usage is None or not found.usage_raw or route.dialect == "anthropic":
            continue
        said = msgspec.json.decode(found.usage_raw)
        total = said.get("totalTokenCount", said.get("total_tokens"))
        if isinstance(total, int) and total:
            assert found.usage.total == total, one.id
            compared += 1
    assert compared > 300


def test_every_error_has_a_class_and_a_message():
    errors = [(one, route) for one, route in recorded() if one.status >= 400]
    assert errors
    for one, route in errors:
        body = one.response.encode()
        expected = "target" if one.status in (401, 403, 404) else "request"
        assert classify(route.dialect, one.status, body) == expected, one.id
        assert provider_message(route.dialect, body)
