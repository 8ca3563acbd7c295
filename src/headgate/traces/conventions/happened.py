"""What events of a span say: messages, scores, the first token, an exception. Pure.

An event that was read is not kept a second time. Read next: `conventions.resolve`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from headgate.traces.conventions.messages import Message, message_of, messages_of
from headgate.traces.conventions.parts import Fields
from headgate.traces.conventions.scores import score_of
from headgate.traces.conventions.texts import decoded, short_text
from headgate.traces.model import RawEvent, ScoreSaid

DETAILS: Final = "gen_ai.client.inference.operation.details"
"""The event that carries what otherwise stands on the span."""

_ROLES: Final[Mapping[str, str]] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_FIRST_TOKEN: Final = frozenset(
    {"First Token Stream Event", "gen_ai.content.completion.chunk", "llm.content.completion.chunk"}
)
_NESTED: Final = ("tool_calls", "message")
_MESSAGE_MAX: Final = 2_000
_EVENTS_MAX: Final = 10_001


class Happened:
    """What the events of one span say, and those that nobody read."""

    __slots__ = ("details", "exception", "first_token_ns", "input", "kept", "output", "scores")

    def __init__(self) -> None:
        self.input: list[Message] = []
        self.output: list[Message] = []
        self.scores: list[ScoreSaid] = []
        self.details: dict[str, Any] = {}
        self.first_token_ns: int | None = None
        self.exception = ""
        self.kept: list[RawEvent] = []


def happened(events: Sequence[RawEvent]) -> Happened:
    """Read the events of a span."""
    found = Happened()
    for event in events[:_EVENTS_MAX]:
        read = _READERS.get(event.name)
        if read is None:
            if event.name in _FIRST_TOKEN:
                found.first_token_ns = found.first_token_ns or event.at_ns
                if not event.attributes:
                    continue  # one a chunk of a stream, each saying nothing
            found.kept.append(event)
        elif not read(found, event.name, event.attributes):
            found.kept.append(event)
    return found


def told(found: Happened, events: object) -> bool:
    """Read the JSON list of events that pydantic-ai once kept as an attribute; whether it is one."""
    rows = decoded(events)
    if not isinstance(rows, list):
        return False
    read_any = False
    for row in cast("list[object]", rows)[:_EVENTS_MAX]:
        if not isinstance(row, dict):
            continue
        fields = cast("Fields", row)
        name = str(fields.get("event.name"))
        if (read := _READERS.get(name)) is not None:
            read_any = read(found, name, fields) or read_any
    return read_any


def _message(found: Happened, name: str, fields: Fields) -> bool:
    role = _ROLES[name]
    body = _body(fields)
    message = message_of({"role": role, **body, "content": body.get("content", "")}, role)
    if message is None:
        return False
    found.input.append(message)
    return True


def _choice(found: Happened, name: str, fields: Fields) -> bool:
    body = _body(fields)
    inner = decoded(body.get("message"))
    said = cast("Fields", inner) if isinstance(inner, dict) else {"content": body.get("content", inner)}
    finish = body.get("finish_reason")
    message = message_of({"role": "assistant", **said, "finish_reason": finish}, "assistant")
    if message is None:
        return False
    found.output.append(message)
    return True


def _body(fields: Fields) -> dict[str, Any]:
    """An event's fields without the names of telemetry. A text that looks like JSON is what somebody said."""
    body = decoded(fields.get("event_body") or fields.get("body"))
    said = cast("Fields", body) if isinstance(body, dict) else fields
    return {
        name: decoded(value) if name in _NESTED else value
        for name, value in said.items()
        if not name.startswith(("gen_ai.", "event."))
    }


def _plain_prompt(found: Happened, name: str, fields: Fields) -> bool:
    value = fields.get("gen_ai.prompt") or fields.get("gen_ai.completion")
    prompt = name.endswith("prompt")
    role = "user" if prompt else "assistant"
    messages = messages_of(value, role)
    if messages is None:
        if not isinstance(value, str) or not value:
            return False
        messages = [{"role": role, "parts": [{"type": "text", "content": value}]}]
    (found.input if prompt else found.output).extend(messages)
    return True


def _evaluation(found: Happened, name: str, fields: Fields) -> bool:
    score = score_of(fields, "gen_ai.evaluation.")
    if score is None:
        return False
    found.scores.append(score)
    return True


def _details(found: Happened, name: str, fields: Fields) -> bool:
    found.details.update(fields)
    return True


def _exception(found: Happened, name: str, fields: Fields) -> bool:
    message = fields.get("exception.message") or fields.get("exception.type")
    found.exception = found.exception or (short_text(message, _MESSAGE_MAX) or "")
    return False


_READERS: Final[Mapping[str, Callable[[Happened, str, Fields], bool]]] = {
    **dict.fromkeys(_ROLES, _message),
    "gen_ai.choice": _choice,
    "gen_ai.content.prompt": _plain_prompt,
    "gen_ai.content.completion": _plain_prompt,
    "gen_ai.evaluation.result": _evaluation,
    DETAILS: _details,
    "exception": _exception,
    "gen_ai.client.operation.exception": _exception,
}
