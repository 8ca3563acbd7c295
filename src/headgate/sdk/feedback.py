"""`headgate.feedback`: says something of a trace, span, request, session or user, without waiting.

What is said has an id before it is sent, so that what is sent twice counts once. Read next: `sdk.outbox`;
the server's side: `traces.scores`.
"""

import math
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypedDict, Unpack, cast

import msgspec

from headgate.sdk import installing
from headgate.sdk.border import guarded, say_once
from headgate.sdk.delivering import Delivery
from headgate.sdk.outbox import Outbox, Outcome

SUBJECTS: Final = ("request_id", "trace_id", "span_id", "session", "user", "business_id")


class Said(TypedDict, total=False):
    """What feedback can say beside its name and its value."""

    trace_id: str
    span_id: str
    request_id: str
    session: str
    user: str
    business_id: str
    comment: str
    at: datetime
    id: str
    source: Literal["person", "code", "model"]
    by: str


def feedback(name: str, value: bool | float | str, **said: Unpack[Said]) -> str | None:
    """Say something of a subject: `feedback("helpful", True, session="s1")`; answers its id.

    The subject is one of `trace_id`, `span_id`, `request_id`, `session`, `user` and `business_id`; by default
    it is the current trace. `at` is when it was so, by default now. With an `id` of your own, what is said
    again counts once. None, and a warning, where there is no subject.
    """
    return guarded(_say, name, value, dict(said))


def _say(name: str, value: bool | float | str, said: dict[str, Any]) -> str | None:
    if not any(said.get(subject) is not None for subject in SUBJECTS):
        tracing = installing.tracing()
        here = tracing.current() if tracing is not None else None
        if here is None:
            say_once("headgate.feedback names no subject, and there is no current trace: it is not sent")
            return None
        said["trace_id"] = here[0]
    if isinstance(value, float) and not math.isfinite(value):
        say_once(
            f"headgate.feedback({name!r:.100}) is {value}, which is no number to count with: it is not sent"
        )
        return None
    at = said.get("at") or datetime.now(UTC)
    if isinstance(at, datetime):
        said["at"] = (at if at.tzinfo is not None else at.astimezone()).isoformat()
    identity = said.setdefault("id", uuid.uuid4().hex)
    item = {"name": name, "value": value, **{key: each for key, each in said.items() if each is not None}}
    body = msgspec.json.encode(item)
    if not installing.options().key:
        say_once(installing.NO_KEY)
        return None
    return identity if _outbox().put(body, len(body)) else None


class _Sender:
    """Sends to the server that the process reports to at the time."""

    def __init__(self) -> None:
        self._options: installing.Options | None = None
        self._delivery: Delivery | None = None

    def deliver(self, batch: Sequence[bytes]) -> Outcome:
        options = installing.options()
        if self._delivery is None or options != self._options:
            self._options, self._delivery = options, Delivery(options.url, options.key)
        outcome, said = self._delivery.post(
            "/api/v1/feedback/batch", b'{"items":[' + b",".join(batch) + b"]}"
        )
        items: Any = said.get("items")
        for message in _messages(cast("list[Any]", items)) if isinstance(items, list) else ():
            say_once(f"headgate.feedback was refused: {message[:500]}")
        return outcome


def _messages(items: list[Any]) -> list[str]:
    """What the server says of items that it refuses."""
    answers = [cast("dict[str, Any]", each) for each in items if isinstance(each, dict)]
    return [str(each["message"]) for each in answers if each.get("message")]


_outboxes: list[Outbox[bytes]] = []


def _outbox() -> Outbox[bytes]:
    """The one of this process, made at the first feedback."""
    if not _outboxes:
        made = Outbox("feedback", _Sender().deliver)
        _outboxes.append(made)
        installing.at_flush(made.flush)
    return _outboxes[0]
