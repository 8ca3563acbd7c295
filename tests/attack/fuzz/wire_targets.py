"""Fuzzes what reads bodies: requests, answers, streams, uploads, and bodies cut into messages."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from tests.attack.fuzz.fuzz_target import Draw, Target

from headgate.core.call import Dialect, Operation
from headgate.core.faults import InvalidRequest
from headgate.wire.answers import classify, google_searches, provider_message, read_answer, retry_after_s
from headgate.wire.errors import error_body, error_event
from headgate.wire.model import CallFacts, Route, StreamReader
from headgate.wire.multipart_form import boundary_of, read_form, with_model
from headgate.wire.reading import read_call, rewrite
from headgate.wire.routes import match
from headgate.wire.segments import join, split
from headgate.wire.streams import reader

FIXTURES: Final = Path(__file__).parents[2] / "fixtures" / "wire"
DIALECTS: Final[tuple[Dialect, ...]] = get_args(Dialect)
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)

PATHS: Final = (
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1beta/models/m:generateContent",
    "/v1beta/models/m:streamGenerateContent",
    "/v1beta/models/m:batchEmbedContents",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
    "/v1/images/generations",
    "/v1/audio/speech",
    "/v1/messages/count_tokens",
)
STREAMS: Final[tuple[tuple[Dialect, Operation], ...]] = (
    ("openai-chat", "chat"),
    ("openai-responses", "chat"),
    ("openai", "completions"),
    ("openai", "images"),
    ("anthropic", "chat"),
    ("google", "chat"),
)


def _route(path: str) -> Route:
    route = match("POST", path)
    assert route is not None, path
    return route


ROUTES: Final = [_route(path) for path in PATHS]
UPLOAD: Final = _route("/v1/audio/transcriptions")


def read_request(data: bytes) -> None:
    """What is read is what any other parser reads, and a rewrite changes nothing else."""
    draw = Draw(data)
    route = ROUTES[draw.number(len(ROUTES))]
    body = draw.rest()
    try:
        facts = read_call(route, [(b"content-type", b"application/json")], body)
    except InvalidRequest:
        return
    first, last = _models(body)
    if route.dialect != "google" and route.operation != "moderations":
        assert first == last == facts.model, (first, last, facts.model)
    _check_rewrite(facts)


def _models(body: bytes) -> tuple[Any, Any]:
    """The model as parsers see it that keep the first and the last of two members."""
    pairs: list[tuple[str, Any]] = json.loads(body, object_pairs_hook=list)
    models = [value for name, value in pairs if name == "model"]
    return (models[0], models[-1]) if models else (None, None)


def _check_rewrite(facts: CallFacts) -> None:
    if facts.route.dialect == "google":
        return  # its model stands in the path, which a rewrite of the body leaves
    changed = rewrite(facts, model="other", ask_usage=facts.route.dialect == "openai-chat")
    again = read_call(facts.route, [(b"content-type", b"application/json")], changed)
    assert again.model == "other", changed
    assert (again.stream, again.max_output, again.choices) == (facts.stream, facts.max_output, facts.choices)
    assert (again.messages, again.user, again.media) == (facts.messages, facts.user, facts.media)
    assert rewrite(facts) == facts.body


def cut_body(data: bytes) -> None:
    """Pieces joined are the body, in every dialect."""
    for dialect in DIALECTS:
        pieces = split(dialect, data)
        assert join(pieces) == data
        assert len(pieces) == 1 or all(pieces)


def read_whole_answer(data: bytes) -> None:
    """Answers and errors of providers never raise, and never say less than nothing."""
    draw = Draw(data)
    dialect, operation = DIALECTS[draw.number(len(DIALECTS))], OPERATIONS[draw.number(len(OPERATIONS))]
    status = 400 + draw.number(200)
    body = draw.rest()
    facts = read_answer(dialect, operation, body)
    if facts.usage is not None:
        counts = msgspec.to_builtins(facts.usage)
        assert all(value >= 0 for value in counts.values() if isinstance(value, int)), counts
        assert all(value >= 0 for value in facts.usage.units.values()), counts
    classify(dialect, status, body)
    provider_message(dialect, body)
    google_searches(body)
    wait_s = retry_after_s([(b"retry-after", body[:40])], body)
    assert wait_s is None or wait_s >= 0
    fault = InvalidRequest(provider_message(dialect, body), parameter=body[:20].decode("latin-1"))
    json.loads(error_body(dialect, fault, "id"))
    event = error_event(dialect, fault, "id")
    assert b"\n\n" not in event.rstrip(b"\n")


def read_stream(data: bytes) -> None:
    """Any chunking gives the same bytes and the same facts; unasked, nothing is taken out."""
    draw = Draw(data)
    dialect, operation = STREAMS[draw.number(len(STREAMS))]
    strips = bool(draw.number(2))
    cutter = Draw(draw.take(8))
    body = draw.rest()
    whole = _fed(reader(dialect, operation, strip_usage=strips), [body])
    cut = _fed(reader(dialect, operation, strip_usage=strips), cutter.cuts(body))
    assert whole == cut
    if not strips:
        assert whole[0] == body


def _fed(stream: StreamReader, pieces: list[bytes]) -> tuple[bytes, object]:
    data = b"".join(stream.feed(piece).data for piece in pieces)
    last = stream.end()
    facts = (
        stream.usage, stream.usage_raw, stream.model, stream.service_tier, stream.response_id,
        stream.finished, stream.error, stream.output_bytes, last.commits,
    )  # fmt: skip
    return data + last.data, facts


def read_upload(data: bytes) -> None:
    """A form with another model reads the same but for the model."""
    draw = Draw(data)
    named = draw.number(4)
    body = draw.rest()
    kind = boundary_of(body) if named else b"multipart/form-data; boundary=" + body[:20]
    try:
        form = read_form(kind, body)
    except InvalidRequest:
        return
    again = read_form(kind, with_model(form, body, "other"))
    assert again.model == "other"
    assert msgspec.structs.replace(again, model=form.model, model_end=form.model_end) == form, (again, form)
    try:
        facts = read_call(UPLOAD, [(b"content-type", kind)], body)
    except InvalidRequest:
        return
    assert facts.model == form.model


def _fixtures(prefix: bytes) -> Iterable[bytes]:
    for path in sorted(FIXTURES.iterdir()):
        if path.is_file() and path.stat().st_size < 20_000:
            yield prefix + path.read_bytes()


def _requests() -> Iterable[bytes]:
    for number in range(len(PATHS)):
        yield bytes([number]) + (
            b'{"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true, "max_tokens": 5'
            b', "n": 2, "stream_options": {"include_usage": false}, "user": "u", "metadata": {"user_id": "u"}'
            b', "input": ["a"], "contents": [{"parts": [{"text": "hi"}]}], "tools": [{"type": "web_search"}],'
            b' "generationConfig": {"maxOutputTokens": 5}}'
        )


def _bodies() -> Iterable[bytes]:
    return [seed[1:] for seed in _requests()]


def _uploads() -> Iterable[bytes]:
    for model in (b"m", b"", b"a\r\nb"):
        yield (
            b'\1--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n' + model + b"\r\n--b\r\n"
            b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n'
            b"\r\nRIFF\r\n--b--\r\n"
        )


JSON_WORDS: Final = (
    b'"model"', b'"Model"', b'"messages"', b'"stream"', b'"stream_options"', b'"include_usage"', b'"usage"',
    b'"n"', b'"max_tokens"', b'"contents"', b'"input"', b'"content"', b'"tools"', b'"type"', b'"user"',
    b"true", b"false", b"null", b"1e400", b"-0", b"99999999999999999999", b"\\u006d", b"\\ud800", b"\xff",
    b"[[[[[[[[", b"{}", b"{", b"}", b"[", b"]", b",", b":", b'"', b"/*", b"//", b"NaN", b"\xef\xbb\xbf",
)  # fmt: skip
_SSE_WORDS: Final = (
    b"data: ", b"data:", b"event: ", b"id: ", b": ", b"\n\n", b"\r\n\r\n", b"\r\r", b"\r", b"\n",
    b"data: [DONE]\n\n", b'"usage":null', b',"usage":{"prompt_tokens":1}', b'"choices":[]', b"\xef\xbb\xbf",
    b'"delta":{"content":"x"}', b'"type":"message_stop"', b'"usageMetadata"', b'"finishReason"',
)  # fmt: skip

TARGETS: Final = (
    Target(name="requests", run=read_request, seeds=_requests, words=JSON_WORDS),
    Target(name="segments", run=cut_body, seeds=_bodies, words=JSON_WORDS),
    Target(
        name="answers",
        run=read_whole_answer,
        seeds=lambda: [
            bytes([number, operation, 0]) + seed
            for number in range(len(DIALECTS))
            for operation in (0, 1)
            for seed in _fixtures(b"")
        ][:120],
        words=JSON_WORDS,
    ),
    Target(
        name="streams",
        run=read_stream,
        seeds=lambda: [
            bytes([number, strips]) + bytes(range(1, 9)) + seed
            for number in range(len(STREAMS))
            for strips in (0, 1)
            for seed in _fixtures(b"")
        ],
        words=_SSE_WORDS + JSON_WORDS,
    ),
    Target(
        name="uploads", run=read_upload, seeds=_uploads, words=(b"--b", b"--b--", b"\r\n", b'name="model"')
    ),
)
