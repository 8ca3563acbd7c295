"""A case as a call, and what its answer says. Pure. Read next: `drift.running`."""

import random
from typing import Any

import msgspec

from headgate.drift.calling import Answered
from headgate.drift.model import Canary, Case, Signal
from headgate.drift.scoring import digest, score
from headgate.drift.watching import Seen
from headgate.statistics.wordings import wording_of

TEXT_CHARACTERS_MAX = 2000
MESSAGE_CHARACTERS_MAX = 300


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of a target, with what it says of itself."""

    case: str
    text: str
    """Its first characters."""
    characters: int
    seen: Seen
    served: str
    fingerprint: str
    call: str


class Unanswered(msgspec.Struct, frozen=True, kw_only=True):
    """A call that says nothing of the model: why."""

    why: str


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message = _Message()
    finish_reason: str | None = None


class _Chat(msgspec.Struct, frozen=True):
    choices: list[_Choice] = []
    model: str | None = None
    system_fingerprint: str | None = None


class _Error(msgspec.Struct, frozen=True):
    message: str = ""


class _Refused(msgspec.Struct, frozen=True):
    error: _Error = _Error()


def drawn(canary: Canary, count: int, seed: str) -> list[Case]:
    """Return so many cases of the suite, drawn with replacement; the same for the same seed."""
    return random.Random(seed).choices(canary.cases, k=count)


def body_of(canary: Canary, target: str, case: Case) -> bytes:
    """Return the body of a chat call."""
    messages: list[Any] = []
    if case.system:
        messages.append({"role": "system", "content": case.system})
    if case.messages:
        messages += msgspec.json.decode(case.messages)
    else:
        messages.append({"role": "user", "content": case.prompt})
    parameters: dict[str, Any] = msgspec.json.decode(canary.parameters)
    return msgspec.json.encode({**parameters, "model": target, "messages": messages})


def read(case: Case, answered: Answered) -> Reply | Unanswered:
    """Return what a call came to. An error, or what is no answer, says nothing of the model."""
    if answered.status != 200:
        return Unanswered(why=_why(answered))
    try:
        chat = msgspec.json.decode(answered.body, type=_Chat)
        choice = chat.choices[0]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, IndexError):
        return Unanswered(why="the answer is none of a chat")
    refusal = choice.message.refusal or ""
    text = choice.message.content or refusal
    values: dict[Signal, float] = {
        "refused": float(bool(refusal) or choice.finish_reason == "content_filter"),
    }
    marked = score(case, text)
    if marked is not None:
        values["score"] = marked
    return Reply(
        case=case.name,
        text=text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()[:TEXT_CHARACTERS_MAX],
        characters=len(text),
        seen=Seen(
            values=values,
            amounts={"length": len(text)},
            case=case.name,
            answer=digest(text),
            wording=wording_of(text),
        ),
        served=chat.model or "",
        fingerprint=chat.system_fingerprint or "",
        call=answered.call,
    )


def _why(answered: Answered) -> str:
    try:
        message = msgspec.json.decode(answered.body, type=_Refused).error.message
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        message = ""
    return f"{answered.status}: {message or 'no reason was given'}"[:MESSAGE_CHARACTERS_MAX]
