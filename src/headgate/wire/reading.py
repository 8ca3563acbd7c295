"""What policy needs of a call, read without decoding the rest, and the few changes ever made to a body.

What policy reads is what the provider reads: ambiguous bodies are refused (`wire.members`). A body is never
re-encoded: `rewrite` splices bytes and leaves all others alone, so that provider prompt caches stay warm.
Read next: `wire.media`, `wire.multipart_form`.
"""

from collections.abc import Callable, Iterable

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.fields import first_field
from headgate.core.ports import Headers
from headgate.wire.media import WEIGHED, WEIGHTLESS, anthropic_media, google_media, openai_media
from headgate.wire.members import (
    Member,
    Members,
    Watched,
    check_cases,
    check_text,
    count_of,
    flag_of,
    is_null,
    items_of,
    read_members,
    text_of,
)
from headgate.wire.model import NO_MEDIA, CallFacts, Media, Route
from headgate.wire.multipart_form import boundary_of, read_form, with_model

OUTPUT_TOKENS_MAX = 100_000_000
CHOICES_MAX = 1024

_OPENAI = Watched(
    "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "messages", "user",
    "safety_identifier", "metadata", "prompt_cache_key", "service_tier", "tools", "modalities",
    "web_search_options", "plugins", "search_parameters",
)  # fmt: skip
_RESPONSES = Watched(
    "model", "stream", "max_output_tokens", "input", "user", "safety_identifier", "metadata",
    "prompt_cache_key", "service_tier", "tools", "previous_response_id", "conversation", "prompt",
    "background", "reasoning",
)  # fmt: skip
_PLAIN = Watched(
    "model", "stream", "stream_options", "max_tokens", "n", "best_of", "input", "prompt", "user",
    "service_tier", "partial_images",
)  # fmt: skip
_ANTHROPIC = Watched(
    "model", "stream", "max_tokens", "messages", "system", "metadata", "service_tier", "speed", "tools",
    "mcp_servers", "container", "inference_geo",
)  # fmt: skip
_GOOGLE = Watched(
    "model", "contents", "content", "requests", "systemInstruction", "system_instruction",
    "generationConfig", "generation_config", "tools", "cachedContent", "cached_content", "serviceTier",
    "service_tier",
)  # fmt: skip
_WHO = frozenset({"user", "safety_identifier", "metadata", "prompt_cache_key"})
_STREAM_OPTIONS = Watched("include_usage")
_METADATA = Watched("user_id", "session_id")
_GENERATION = Watched(
    "maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count", "responseModalities",
    "response_modalities",
)  # fmt: skip
_REQUEST = Watched("model")
_CHAT_LIMITS = ("max_completion_tokens", "max_tokens")

DEFAULT_MODERATION_MODEL = "omni-moderation-latest"


def read_call(route: Route, headers: Headers, body: bytes) -> CallFacts:
    """Return the facts of a call from its body.

    Raises InvalidRequest, naming the field as `parameter`, for a body that is not what the route's dialect
    says, or that two parsers could read differently.
    """
    return read_with_members(route, headers, body)[0]


def read_with_members(route: Route, headers: Headers, body: bytes) -> tuple[CallFacts, Members | None]:
    """Return the same, with the members of a body that is JSON, for who goes on to change it."""
    if route.operation == "models":
        return CallFacts(route=route, model=route.model or "", body=body), None
    content_type = (route.multipart and first_field(headers, b"content-type")) or b""
    if content_type.lower().startswith(b"multipart/"):
        form = read_form(content_type, body)
        facts = CallFacts(
            route=route, model=form.model, body=body, stream=form.stream, choices=form.choices,
            media=form.media, user=form.user, messages=1,
        )  # fmt: skip
        return facts, None
    check_text(body)
    members = read_members(body, _WATCHED[route.dialect])
    return _READERS[route.dialect](route, body, members, None), members


def reread(
    facts: CallFacts, route: Route, body: bytes, fields: Iterable[str], members: Members | None = None
) -> CallFacts:
    """Return the facts of a call after changes in its body: those fields, by path, and texts of messages.

    What they can't have changed is not looked for again, such as tools and media; the body is not decoded
    again where whoever changed it knows its members. Raises as `read_call`.
    """
    known = None if any(_weighs(field) for field in fields) else facts
    watched = _WATCHED[route.dialect]
    if members is None:
        members = read_members(body, watched)
    else:
        check_cases(members, watched)
    return _READERS[route.dialect](route, body, members, known)


def _weighs(field: str) -> bool:
    """Whether a field has a say in what bytes do not bound."""
    return field not in WEIGHTLESS and field.partition(".")[0] in WEIGHED


def _read_chat(route: Route, body: bytes, members: Members, known: CallFacts | None) -> CallFacts:
    limit = count_of(members.get("max_tokens"), OUTPUT_TOKENS_MAX)
    if "max_completion_tokens" in members:
        other = count_of(members["max_completion_tokens"], OUTPUT_TOKENS_MAX)
        limit = other if limit is None else max(limit, other or 0)
    if known is not None:
        user, session = known.user, known.session
    else:
        user, session = (None, None) if _WHO.isdisjoint(members) else _openai_user(members)
    return CallFacts(
        route=route,
        model=_model(members),
        model_at=(members["model"].start, members["model"].end),
        body=body,
        stream="stream" in members and flag_of(members["stream"]),
        wants_usage="stream_options" in members and _wants_usage(members),
        max_output=limit,
        choices=count_of(members.get("n"), CHOICES_MAX) or 1,
        messages=_length(members, "messages") if known is None else known.messages,
        media=openai_media(members, "messages", responses=False) if known is None else known.media,
        service_tier=text_of(members.get("service_tier")),
        user=user,
        session=session,
    )


def _read_responses(route: Route, body: bytes, members: Members, known: CallFacts | None) -> CallFacts:
    user, session = _openai_user(members)
    return CallFacts(
        route=route,
        model=_model(members),
        body=body,
        stream=flag_of(members.get("stream")),
        wants_usage=True,
        max_output=count_of(members.get("max_output_tokens"), OUTPUT_TOKENS_MAX),
        messages=1 + _length(members, "input") if known is None else known.messages,
        media=openai_media(members, "input", responses=True) if known is None else known.media,
        service_tier=text_of(members.get("service_tier")),
        user=user,
        session=session,
    )


def _read_plain(route: Route, body: bytes, members: Members, known: CallFacts | None) -> CallFacts:
    del known  # all of it is quick to read
    inputs = max(_length(members, "input"), _length(members, "prompt"), 1)
    choices = max(count_of(members.get(name), CHOICES_MAX) or 1 for name in ("n", "best_of"))
    if route.operation == "completions":
        choices *= inputs
    default = DEFAULT_MODERATION_MODEL if route.operation == "moderations" else None
    return CallFacts(
        route=route,
        model=_model(members, default),
        body=body,
        stream=flag_of(members.get("stream")),
        wants_usage=_wants_usage(members) if route.operation == "completions" else True,
        max_output=count_of(members.get("max_tokens"), OUTPUT_TOKENS_MAX),
        choices=choices,
        messages=inputs,
        media=_plain_media(route),
        service_tier=text_of(members.get("service_tier")),
        user=text_of(members.get("user")),
    )


def _plain_media(route: Route) -> Media:
    if route.operation == "images":
        return Media(images=1)
    return Media(audio=1) if route.operation == "audio" else NO_MEDIA


def _read_anthropic(route: Route, body: bytes, members: Members, known: CallFacts | None) -> CallFacts:
    metadata = _inner(members, "metadata", _METADATA)
    user = text_of(metadata.get("user_id"))
    session = None
    if user is not None and "_session_" in user:
        # Coding agents write account and session into the one field that there is.
        user, _, session = user.partition("_session_")
    return CallFacts(
        route=route,
        model=_model(members),
        body=body,
        stream=flag_of(members.get("stream")),
        wants_usage=True,
        max_output=count_of(members.get("max_tokens"), OUTPUT_TOKENS_MAX),
        messages=1 + _length(members, "messages") if known is None else known.messages,
        media=anthropic_media(members) if known is None else known.media,
        service_tier=text_of(members.get("speed")) or text_of(members.get("service_tier")),
        user=user,
        session=session,
    )


def _read_google(route: Route, body: bytes, members: Members, known: CallFacts | None) -> CallFacts:
    settings = _inner(members, _one_of(members, "generationConfig", "generation_config"), _GENERATION)
    model = route.model or ""
    for member in _google_models(members):
        if (text_of(member) or model).removeprefix("models/") != model:
            raise InvalidRequest(
                f"{member.path} differs from the model in the path, {model!r}; name the same one",
                parameter=member.path,
            )
    limit = settings.get(_one_of(settings, "maxOutputTokens", "max_output_tokens"))
    choices = settings.get(_one_of(settings, "candidateCount", "candidate_count"))
    contents = max(_length(members, name) for name in ("contents", "requests"))
    return CallFacts(
        route=route,
        model=model,
        body=body,
        stream=bool(route.stream),
        wants_usage=True,
        max_output=count_of(limit, OUTPUT_TOKENS_MAX),
        choices=count_of(choices, CHOICES_MAX) or 1,
        messages=1 + contents,
        media=google_media(members) if known is None else known.media,
        service_tier=text_of(members.get(_one_of(members, "serviceTier", "service_tier"))),
    )


_READERS: dict[str, Callable[[Route, bytes, Members, CallFacts | None], CallFacts]] = {
    "openai-chat": _read_chat,
    "openai-responses": _read_responses,
    "openai": _read_plain,
    "anthropic": _read_anthropic,
    "google": _read_google,
}


def _model(members: Members, default: str | None = None) -> str:
    model = text_of(members.get("model")) or default
    if not model:
        raise InvalidRequest("model is missing; name one, as `GET /v1/models` lists them", parameter="model")
    if not model.isprintable():
        raise InvalidRequest("model has unprintable characters; name one as listed", parameter="model")
    return model


def _wants_usage(members: Members) -> bool:
    options = _inner(members, "stream_options", _STREAM_OPTIONS)
    return flag_of(options.get("include_usage"))


def _openai_user(members: Members) -> tuple[str | None, str | None]:
    metadata = _inner(members, "metadata", _METADATA)
    user = (
        text_of(members.get("safety_identifier"))
        or text_of(members.get("user"))
        or text_of(metadata.get("user_id"))
    )
    return user, text_of(metadata.get("session_id")) or text_of(members.get("prompt_cache_key"))


def _inner(members: Members, name: str, watched: Watched) -> Members:
    member = members.get(name)
    if member is None or is_null(member):
        return {}
    return read_members(member.raw, watched, member.path)


def _one_of(members: Members, name: str, other: str) -> str:
    """The spelling in use of a field that Google reads in camel and in snake case."""
    if name in members and other in members:
        raise InvalidRequest(
            f"{members[name].path} and {members[other].path} are the same field; give it once",
            parameter=members[name].path,
        )
    return other if other in members else name


def _length(members: Members, name: str) -> int:
    """How many items; 1 for a text or for one list of token ids, which the dialects take for one item."""
    member = members.get(name)
    if member is None or is_null(member):
        return 0
    if not member.raw.startswith(b"["):
        return 1
    items = items_of(member)
    if items and bytes(items[0])[:1] in b"-0123456789":
        return 1
    return len(items)


def _google_models(members: Members) -> list[Member]:
    """The members that repeat the model of the path: at the top, and in each of a batch's requests.

    Their spans are those of the whole body.
    """
    found = [members["model"]] if "model" in members else []
    batch = members.get("requests")
    if batch is None or is_null(batch):
        return found
    position = batch.start
    for item in items_of(batch):
        raw = bytes(item)
        position = batch.start + batch.raw.index(raw, position - batch.start)
        inner = read_members(raw, _REQUEST, "requests").get("model")
        if inner is not None:
            found.append(Member(inner.key, inner.path, inner.raw, position + inner.start))
        position += len(raw)
    return found


_WATCHED = {
    "openai-chat": _OPENAI,
    "openai-responses": _RESPONSES,
    "openai": _PLAIN,
    "anthropic": _ANTHROPIC,
    "google": _GOOGLE,
}
_Splice = tuple[int, int, bytes]
"""Replace the bytes from..to of the body."""

_encode = msgspec.json.encode


class _Edits:
    """What is to change in a body: bytes to replace, and members to add at its end."""

    __slots__ = ("additions", "splices")

    def __init__(self) -> None:
        self.splices: list[_Splice] = []
        self.additions: list[bytes] = []


def rewrite(
    facts: CallFacts,
    *,
    model: str | None = None,
    ask_usage: bool = False,
    max_output: int | None = None,
    output_field: str = "max_completion_tokens",
) -> bytes:
    """Return the body with another model, asking for usage in the stream, or with another output limit.

    Only those bytes change; a multipart body's are in `wire.multipart_form`. `output_field` is what a chat
    call without a limit of its own is given; some OpenAI-compatible services know only `max_tokens`.
    """
    dialect = facts.route.dialect
    if facts.route.operation == "models" or (model is None and not ask_usage and max_output is None):
        return facts.body
    if facts.route.multipart and facts.body.startswith(b"--"):
        form = read_form(boundary_of(facts.body), facts.body)
        return facts.body if model is None else with_model(form, facts.body, model)
    if facts.model_at is not None and model is not None and not ask_usage and max_output is None:
        start, end = facts.model_at
        return b"%b%b%b" % (facts.body[:start], _encode(model), facts.body[end:])
    members = read_members(facts.body, _WATCHED[dialect])
    edits = _Edits()
    if model is not None:
        _splice_model(facts, members, model, edits)
    if ask_usage:
        _splice_usage(members, edits)
    if max_output is not None:
        _splice_limit(facts, members, max_output, output_field, edits)
    return _spliced(facts.body, members, edits)


def _splice_model(facts: CallFacts, members: Members, model: str, edits: _Edits) -> None:
    if facts.route.dialect == "google":
        name = _encode("models/" + model.removeprefix("models/"))
        edits.splices.extend((member.start, member.end, name) for member in _google_models(members))
        return
    member = members.get("model")
    if member is None:
        edits.additions.append(b'"model":' + _encode(model))
    elif _encode(model) != member.raw:
        edits.splices.append((member.start, member.end, _encode(model)))


def _splice_usage(members: Members, edits: _Edits) -> None:
    member = members.get("stream_options")
    if member is None:
        edits.additions.append(b'"stream_options":{"include_usage":true}')
        return
    if is_null(member):
        edits.splices.append((member.start, member.end, b'{"include_usage":true}'))
        return
    inner = read_members(member.raw, _STREAM_OPTIONS, member.path)
    asked = inner.get("include_usage")
    if asked is not None:
        edits.splices.append((member.start + asked.start, member.start + asked.end, b"true"))
    else:
        edits.splices.append(_appended(member.raw, inner, [b'"include_usage":true'], member.start))


_LIMIT_FIELDS = {
    "openai-responses": ("max_output_tokens",),
    "openai": ("max_tokens",),
    "anthropic": ("max_tokens",),
}


def _splice_limit(
    facts: CallFacts,
    members: Members,
    max_output: int,
    output_field: str,
    edits: _Edits,
) -> None:
    value = str(max_output).encode()
    dialect = facts.route.dialect
    if dialect == "google":
        _splice_google_limit(members, value, edits)
        return
    fields = _LIMIT_FIELDS.get(dialect, _CHAT_LIMITS)
    given = [members[name] for name in fields if not is_null(members.get(name))]
    if given:
        edits.splices.extend((member.start, member.end, value) for member in given)
        return
    name = output_field if dialect == "openai-chat" else fields[0]
    absent = members.get(name)
    if absent is not None:
        edits.splices.append((absent.start, absent.end, value))
    else:
        edits.additions.append(b'"' + name.encode() + b'":' + value)


def _splice_google_limit(members: Members, value: bytes, edits: _Edits) -> None:
    name = _one_of(members, "generationConfig", "generation_config")
    member = members.get(name)
    if member is None:
        edits.additions.append(b'"generationConfig":{"maxOutputTokens":' + value + b"}")
        return
    if is_null(member):
        edits.splices.append((member.start, member.end, b'{"maxOutputTokens":' + value + b"}"))
        return
    inner = read_members(member.raw, _GENERATION, member.path)
    limit = inner.get(_one_of(inner, "maxOutputTokens", "max_output_tokens"))
    if limit is not None:
        edits.splices.append((member.start + limit.start, member.start + limit.end, value))
    else:
        edits.splices.append(_appended(member.raw, inner, [b'"maxOutputTokens":' + value], member.start))


def _appended(text: bytes, members: Members, additions: list[bytes], offset: int = 0) -> _Splice:
    """The splice that adds members at the end of an object, right after its last one."""
    position = offset + (max(member.end for member in members.values()) if members else text.index(b"{") + 1)
    comma = b"," if members else b""
    return position, position, comma + b",".join(additions)


def _spliced(body: bytes, members: Members, edits: _Edits) -> bytes:
    if edits.additions:
        edits.splices.append(_appended(body, members, edits.additions))
    pieces: list[bytes] = []
    position = 0
    for start, end, replacement in sorted(edits.splices):
        pieces += (body[position:start], replacement)
        position = end
    pieces.append(body[position:])
    return b"".join(pieces)
