"""Google's whole answers, read and written. Nothing that an answer of this dialect says is lost in it.

Pure. Source: Gemini API reference, `GenerateContentResponse`. Read next: `parts`, `finishing`, `streams_in`.
"""

from typing import Final, cast

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import Candidate, ChatAnswer, Fields, Finish, Text, ToolCall
from headgate.core.faults import UpstreamError
from headgate.wire.answers import google_searches, provider_message, tier_of, with_units
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, put_native
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.google.finishing import blocked, finish_of, put_finish, put_unnamed, usage_fields
from headgate.wire.dialects.google.grounding import Grounding, cited_parts
from headgate.wire.dialects.google.parts import PartsOut, read_parts
from headgate.wire.dialects.google.signatures import excused
from headgate.wire.dialects.google.spelling import DIALECT, Members, flags_of, own_fields, value_of
from headgate.wire.dialects.google.streams_in import GoogleEventsIn
from headgate.wire.dialects.google.times import created_of
from headgate.wire.dialects.model import Asked
from headgate.wire.usage import usage_of

_encode = msgspec.json.Encoder().encode

_HARMLESS: Final = frozenset({"object", "system_fingerprint", "service_tier", "type", "role", "stop_details"})


def read_answer(body: bytes) -> ChatAnswer:
    """Read a provider's whole answer. Raises UpstreamError for what is none, or for an error in its place."""
    try:
        if body.lstrip()[:1] == b"[":
            # What streamGenerateContent says without `alt=sse`.
            events = GoogleEventsIn()
            return fold([*events.feed(body), *events.end()])
        return _answer_of(body)
    except RecursionError:
        raise UpstreamError("the provider's answer is nested too deeply") from None
    except ValueError as error:
        raise UpstreamError(f"the provider's answer is no answer of its dialect: {error}") from None


def _answer_of(body: bytes) -> ChatAnswer:
    value = decode(body)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    fields = cast("Fields", value)
    members = Members(fields)
    if "error" in fields and "candidates" not in fields:
        raise UpstreamError(f"the provider answered with an error: {provider_message(DIALECT, body)}")
    usage = usage_in(fields, google_searches(body) if b'"webSearchQueries"' in body else 0)
    given = members.objects("candidates")
    if given is None:
        if fields.get("candidates") is not None:
            raise ValueError("candidates is no list of objects")
        members.flags.append("nocandidates")
    candidates = tuple([_read_candidate(one, place) for place, one in enumerate(given or [])])
    return ChatAnswer(
        dialect=DIALECT,
        id=members.word("responseId") or _unnamed(members, "noid"),
        model=members.word("modelVersion") or _unnamed(members, "nomodel"),
        candidates=candidates or (_no_candidate(fields),),
        usage=usage,
        created_s=created_of(members),
        service_tier=tier_in(fields),
        native=members.shaped(),
    )


def _unnamed(members: Members, flag: str) -> str:
    members.flags.append(flag)
    return ""


def usage_in(fields: Fields, searches: int) -> Usage | None:
    """The usage that an answer tells; `searches` counts what its grounding names."""
    found = fields.get("usageMetadata")
    if not isinstance(found, dict):
        return None
    usage = usage_of(DIALECT, "chat", cast("Fields", found))
    return with_units(usage, {"web_search": searches}) if searches else usage


def tier_in(fields: Fields) -> str | None:
    """The service tier that was served, where it is not the standard one."""
    found = fields.get("usageMetadata")
    return tier_of(cast("Fields", found), None) if isinstance(found, dict) else None


def _no_candidate(fields: Fields) -> Candidate:
    """Stands for an answer that has none: the prompt was refused, or the provider said nothing (trap 22)."""
    finish = blocked(fields) or Finish(reason="error", native="")
    unsaid = Members({})
    unsaid.flags.append("unsaid")
    return Candidate(parts=(), finish=finish, native=unsaid.shaped())


def _read_candidate(fields: Fields, place: int) -> Candidate:
    members = Members(fields)
    content = members.object("content")
    parts = None
    if content is None:
        members.flags.append("nocontent")
    else:
        inner = Members(content)
        parts = read_parts(inner)
        if parts is None:
            inner.flags.append("noparts")
        if inner.left.get("role") == "model":
            del inner.left["role"]
            inner.flags.append("role")
        members.flags.extend(inner.flags)
        if inner.left:
            members.left["content"] = inner.left
    shown = cited_parts(parts or (), fields)
    word = members.word("finishReason")
    has_calls = any(isinstance(part, ToolCall) for part in shown)
    index = members.left.get("index")
    if type(index) is int and index >= 0:
        del members.left["index"]
    else:
        members.flags.append("noindex")
        index = place
    return Candidate(
        parts=shown,
        finish=finish_of(word, has_calls=has_calls) if word else None,
        index=index,
        native=members.shaped(),
    )


def write_answer(answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
    """Write a whole answer to a client."""
    is_own = answer.dialect == DIALECT
    flags = flags_of(answer.native)
    fields: Fields = {}
    candidates = [
        _write_candidate(one, is_own, changes)
        for one in answer.candidates
        if "unsaid" not in flags_of(one.native)
    ]
    if "nocandidates" not in flags:
        fields["candidates"] = candidates
    if answer.usage is not None and not is_own:
        fields["usageMetadata"] = usage_fields(answer.usage)
    if "nomodel" not in flags:
        fields["modelVersion"] = answer.model or asked.model
    if "noid" not in flags:
        fields["responseId"] = answer.id or asked.request_id
    moment = value_of(flags, "time")
    if moment is not None:
        fields["createTime"] = moment
    fields.update(own_fields(answer.native))
    if not is_own:
        put_native({}, answer.native, DIALECT, changes, "", harmless=_HARMLESS)
        if answer.service_tier not in (None, "", "auto", "default", "standard"):
            changes.lose("service_tier", "google has no member for the tier that was served")
    return _encode(fields)


def _write_candidate(candidate: Candidate, is_own: bool, changes: Changes) -> Fields:
    flags = flags_of(candidate.native)
    writing = PartsOut(changes, None)
    fields: Fields = {}
    where = f"candidates[{candidate.index}]"
    grounding = Grounding()
    parts: list[Fields] = []
    is_first = not is_own
    for part in candidate.parts:
        written = writing.part(excused(part) if is_first else part, where)
        is_first = is_first and not isinstance(part, ToolCall)
        if written is None:
            continue
        if not is_own and isinstance(part, Text):
            for citation in part.citations:
                grounding.add(citation, part.text, part=len(parts))
        parts.append(written)
    left = own_fields(candidate.native)
    if "nocontent" not in flags:
        content: Fields = {}
        if not is_own or "role" in flags:
            content["role"] = "model"
        if "noparts" not in flags:
            content["parts"] = parts[0] if "one" in flags and len(parts) == 1 else parts
        beside = left.pop("content", None)
        if isinstance(beside, dict):
            content.update(cast("Fields", beside))
        fields["content"] = content
    if candidate.finish is not None:
        put_finish(fields, candidate.finish, is_own=is_own)
    elif not is_own:
        put_unnamed(fields)
    if "noindex" not in flags:
        fields["index"] = candidate.index
    cited = grounding.fields()
    if cited is not None:
        fields["groundingMetadata"] = cited
    if not is_own:
        put_native({}, candidate.native, DIALECT, changes, where, harmless=_HARMLESS)
    return {**fields, **left}
