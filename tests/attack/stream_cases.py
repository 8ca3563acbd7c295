"""The streams that are sent through a gateway, and what must come out of it: found without its own code.

Every recorded stream, and the project's own, so that a checkout that stands alone has some of each kind.
"""

import json
import re
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import msgspec
from tests.recorded_exchanges import recorded

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "wire"

PROVIDERS = {
    "openai-chat": "chat",
    "openai-completions": "chat",
    "openai-responses": "openai",
    "openai-images": "openai",
    "anthropic-messages": "claude",
    "google-generate": "gemini",
}
"""Which of the gateway's providers answers a kind of call."""

OWN = (
    ("chat_asked.sse", "openai-chat"),
    ("chat_unasked.sse", "openai-chat"),
    ("chat_crlf.sse", "openai-chat"),
    ("chat_groq.sse", "openai-chat"),
    ("chat_on_last_chunk.sse", "openai-chat"),
    ("completions.sse", "openai-completions"),
    ("responses.sse", "openai-responses"),
    ("images.sse", "openai-images"),
    ("anthropic.sse", "anthropic-messages"),
    ("google.sse", "google-generate"),
    ("google_array.json", "google-generate"),
)

NOT_OF_THE_DIALECT = "openllmetry/test_completions/test_writer_async_streaming_completions_legacy#0"
"""A recorded stream of a service's own form, without choices: it is refused, whole, and never half."""

USAGE = '"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}'


class StreamCase(msgspec.Struct, frozen=True, kw_only=True):
    """One stream: what is asked, what the provider sends, and what the client must get."""

    name: str
    kind: str
    model: str
    request: dict[str, Any]
    sent: bytes
    expected: bytes
    content_type: str = "text/event-stream"

    @property
    def provider(self) -> str:
        return PROVIDERS[self.kind]

    @property
    def path(self) -> str:
        model = quote(f"{self.provider}/{self.model}", safe="/")
        query = "?alt=sse" if self.content_type.startswith("text/") else ""
        return {
            "openai-chat": "/v1/chat/completions",
            "openai-completions": "/v1/completions",
            "openai-responses": "/v1/responses",
            "openai-images": "/v1/images/generations",
            "anthropic-messages": "/v1/messages",
            "google-generate": f"/v1beta/models/{model}:streamGenerateContent{query}",
        }[self.kind]

    @property
    def body(self) -> dict[str, Any]:
        if self.kind == "google-generate":
            return self.request
        return {**self.request, "model": f"{self.provider}/{self.model}", "stream": True}


def own_cases() -> list[StreamCase]:
    """The project's own streams, each asked for in every way that matters."""
    cases: list[StreamCase] = []
    for file, kind in OWN:
        sent = (FIXTURES / file).read_bytes()
        content_type = "application/json" if file.endswith(".json") else "text/event-stream"
        cases += _cases(file.partition(".")[0], kind, _plain_request(kind), sent, content_type)
    return cases


def recorded_cases() -> list[StreamCase]:
    """The same of every recorded stream. Skips the test where there are no recordings."""
    cases: list[StreamCase] = []
    for number, (one, _) in enumerate(recorded()):
        if one.stream and one.status == 200 and one.id != NOT_OF_THE_DIALECT:
            name = f"recorded-{number}"
            cases += _cases(name, one.dialect, one.request, one.response.encode(), "text/event-stream")
    return cases


def stream_of_another_form() -> StreamCase:
    """A stream that no dialect of ours describes: no text can be told in it, nor its end."""
    sent = b"".join(b'data: {"value":"%d"}\n\n' % number for number in range(50))
    request = _plain_request("openai-completions")
    return _cases("another-form", "openai-completions", request, sent, "text/event-stream")[0]


def _plain_request(kind: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": "hi"}]
    return {
        "openai-chat": {"messages": messages},
        "openai-completions": {"prompt": "hi"},
        "openai-responses": {"input": "hi"},
        "openai-images": {"prompt": "hi"},
        "anthropic-messages": {"messages": messages, "max_tokens": 100},
        "google-generate": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    }[kind]


def _cases(name: str, kind: str, request: dict[str, Any], sent: bytes, content_type: str) -> list[StreamCase]:
    def case(suffix: str, request: dict[str, Any], sent: bytes, expected: bytes) -> StreamCase:
        return StreamCase(
            name=f"{name}{suffix}",
            kind=kind,
            model=f"{name}{suffix}",
            request=request,
            sent=sent,
            expected=expected,
            content_type=content_type,
        )

    if kind not in ("openai-chat", "openai-completions"):
        return [case("", request, sent, sent)]
    plain = {key: value for key, value in request.items() if key != "stream_options"}
    asking = {**plain, "stream_options": {"include_usage": True}}
    stripped = without_usage(sent)
    cases = [case("-asked", asking, sent, sent), case("-unasked", plain, sent, stripped)]
    if b'"usage"' not in stripped and b"[DONE]" in stripped:
        cases.append(case("-injected", plain, with_usage(stripped), stripped))
    return cases


_EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r|$)", re.DOTALL)
_MEMBER = re.compile(rb'\s*,\s*"usage"\s*:\s*null|"usage"\s*:\s*null\s*,\s*|"usage"\s*:\s*null')


def _chunk_of(event: bytes) -> dict[str, Any] | None:
    data = event.strip().removeprefix(b"data:").strip()
    try:
        chunk: Any = json.loads(data)
    except ValueError:
        return None
    return cast("dict[str, Any]", chunk) if isinstance(chunk, dict) else None


def without_usage(stream: bytes) -> bytes:
    """What would have come, had nobody asked for usage: every way to cut is tried, and JSON decides."""
    kept: list[bytes] = []
    for event in _EVENT.findall(stream):
        chunk = _chunk_of(event)
        if chunk is None or "usage" not in chunk:
            kept.append(event)
        elif chunk["usage"] is None:
            kept.append(_without_member(event, chunk))
        elif chunk.get("choices") != []:
            kept.append(event)
    return b"".join(kept)


def _without_member(event: bytes, chunk: dict[str, Any]) -> bytes:
    wanted = {key: value for key, value in chunk.items() if key != "usage"}
    for found in _MEMBER.finditer(event):
        cut = event[: found.start()] + event[found.end() :]
        if _chunk_of(cut) == wanted:
            return cut
    raise AssertionError(f"no way to cut usage out of {event[:200]!r}")


def with_usage(stream: bytes) -> bytes:
    """The stream of a provider that was asked for usage: null on each chunk, and a last chunk of its own."""
    events: list[bytes] = []
    for event in _EVENT.findall(stream):
        if b"[DONE]" in event:
            events.append(b'data: {"id":"c","choices":[],' + USAGE.encode() + b"}\n\n")
        elif _chunk_of(event):
            last = event.rindex(b"}")
            event = event[:last] + b',"usage":null' + event[last:]
        events.append(event)
    return b"".join(events)
