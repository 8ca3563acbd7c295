"""Spans over HTTP: both forms, both encodings, every way to send a key; in the journal before the answer."""

import base64
import gzip
import uuid
import zlib
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.contract.otlp_messages import (
    END_NS,
    NEW_REQUEST,
    NEW_RESPONSE,
    SPAN_ID,
    START_NS,
    TRACE_ID,
    add_span,
    json_of,
    request_of,
    say,
)
from tests.flow.control_app import Api, control

from headgate.core.faults import Unavailable
from headgate.journal.folder import segments
from headgate.journal.format import Entry, entries, seed_of
from headgate.journal.writer import JournalWriter
from headgate.store.database import Database
from headgate.traces.model import SPANS, Span, SpanBatch

PROTOBUF = "application/x-protobuf"
PATH = "/v1/traces"


class Kept:
    """A journal, and what lies in it."""

    def __init__(self, writer: JournalWriter) -> None:
        self.writer = writer

    def batches(self) -> list[SpanBatch]:
        seed = seed_of(self.writer.boot)
        files = [file for file in segments(self.writer.folder) if file.stream == "body"]
        found = [entry for file in files for entry in entries(file.path.read_bytes(), 0, seed, final=False)]
        return [
            msgspec.msgpack.decode(entry.payload, type=SpanBatch)
            for entry in found
            if isinstance(entry, Entry) and entry.kind == SPANS
        ]

    def spans(self) -> list[Span]:
        return [span for batch in self.batches() for span in batch.spans]


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    writer = JournalWriter(tmp_path, uuid.uuid4())
    yield Kept(writer)
    writer.close()


Serving = AbstractAsyncContextManager[Api]


@pytest.fixture
def serving(database: Database, kept: Kept) -> Serving:
    return control(database, journal=kept.writer)


async def key_of(api: Api, **fields: Any) -> str:
    return (await api.post("/keys", {"name": f"exporter-{uuid.uuid4().hex[:8]}", **fields}))["key"]


async def post(api: Api, body: bytes, path: str = PATH, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    own = {"authorization": f"Bearer {api.key}"} if api.key else {}
    sent = {
        "content-type": PROTOBUF,
        **own,
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    answer = await api.client.post(path, content=body, headers=sent)
    return answer.status_code, answer.content, dict(answer.headers)


async def test_spans_are_in_the_journal_when_they_are_answered(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        status, answer, headers = await post(api, request_of(3))
        assert (status, answer, headers["content-type"]) == (200, b"", PROTOBUF)
        [batch] = kept.batches()
        assert batch.project == "default"
        assert [span.name for span in batch.spans] == ["chat gpt-5"] * 3
        first = batch.spans[0]
        assert (first.trace_id, first.span_id, first.parent_id) == (TRACE_ID, (1).to_bytes(8, "big"), b"")
        assert (first.start_ns, first.end_ns, first.scope.split()[0]) == (START_NS, END_NS, "instrumentation")


async def test_spans_in_json_are_the_same_as_in_protobuf(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        body = json_of(unheardOf={"deep": [1]}, droppedAttributesCount=3)
        status, answer, headers = await post(api, msgspec.json.encode(body), content_type="application/json")
        assert (status, answer) == (200, b"{}")
        assert headers["content-type"].startswith("application/json")
        await post(api, request_of(1, span_id=SPAN_ID))
        one, other = kept.spans()
        assert one == other


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate", "two members"])
async def test_a_compressed_body_is_taken(serving: Serving, kept: Kept, encoding: str) -> None:
    async with serving as api:
        body = request_of(200)
        raw = zlib.compressobj(wbits=-15)
        packed = {
            "gzip": lambda: gzip.compress(body),
            "two members": lambda: gzip.compress(body[:1000]) + gzip.compress(body[1000:]),
            "deflate": lambda: zlib.compress(body),
            "raw deflate": lambda: raw.compress(body) + raw.flush(),
        }[encoding]()
        name = "deflate" if "deflate" in encoding else "gzip"
        assert (await post(api, packed, content_encoding=name))[0] == 200
        assert len(kept.spans()) == 200


@pytest.mark.parametrize("way", ["authorization", "x-api-key", "x-goog-api-key", "basic", "basic user"])
async def test_a_key_is_taken_wherever_exporters_put_it(serving: Serving, kept: Kept, way: str) -> None:
    async with serving as api:
        key = await key_of(api, project="shop")
        basic = {"basic": f"pk-lf-1:{key}", "basic user": f"{key}:"}
        header = f"Basic {base64.b64encode(basic[way].encode()).decode()}" if way in basic else key
        headers = {"authorization": f"Bearer {key}" if way == "authorization" else header}
        if way.startswith("x-"):
            headers = {way: key}
        answer = await api.client.post(
            PATH, content=request_of(), headers={"content-type": PROTOBUF, **headers}
        )
        assert answer.status_code == 200, answer.content
        assert [batch.project for batch in kept.batches()] == ["shop"]


async def test_langfuse_finds_its_own_path(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        basic = base64.b64encode(f"pk:{api.key}".encode()).decode()
        answer = await api.client.post(
            "/api/public/otel/v1/traces",
            content=request_of(2),
            headers={
                "content-type": PROTOBUF,
                "authorization": f"Basic {basic}",
                "x_langfuse_sdk_name": "python",
                "x_langfuse_public_key": "pk",
            },
        )
        assert answer.status_code == 200
        assert len(kept.spans()) == 2


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("member", 200), ("project_admin", 200)])
async def test_who_may_send_spans(serving: Serving, role: Any, status: int) -> None:
    async with serving as api:
        key = await key_of(api, role=role)
        found, answer, _ = await post(api.as_key(key), request_of())
        assert found == status
        assert (b"traces:write" in answer) == (status == 403)


async def test_without_a_key_nothing_is_taken(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        status, answer, _ = await post(api.as_key(None), b"{}", content_type="application/json")
        assert status == 401
        assert msgspec.json.decode(answer)["code"] == 16
        assert not kept.batches()


async def test_what_is_refused_is_said_and_the_rest_kept(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        request = NEW_REQUEST()
        add_span(request, name="good")
        add_span(request, name="nameless", trace_id=b"")
        add_span(request, name="zeros", span_id=bytes(8))
        add_span(request, name="odd parent", parent_span_id=b"abc")
        status, answer, _ = await post(api, request.SerializeToString())
        assert status == 200
        partial = NEW_RESPONSE.FromString(answer).partial_success
        assert partial.rejected_spans == 3
        assert "'nameless' b7ad6b7169203331 refused: trace_id has 0 bytes" in partial.error_message
        assert "'zeros' 0000000000000000 refused: span_id is all zeros" in partial.error_message
        assert "parent_span_id has 3 bytes" in partial.error_message
        assert [span.name for span in kept.spans()] == ["good"]


async def test_json_says_what_is_wrong_in_json(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        body = json_of(traceId="xyz")
        body["resourceSpans"] += json_of(attributes="none")["resourceSpans"] + json_of()["resourceSpans"]
        status, answer, _ = await post(api, msgspec.json.encode(body), content_type="application/json")
        assert status == 200
        partial = msgspec.json.decode(answer)["partialSuccess"]
        assert partial["rejectedSpans"] == "2"
        assert "traceId is 'xyz'; it must be hex digits" in partial["errorMessage"]
        assert "attributes is a JSON text; it must be a list" in partial["errorMessage"]
        assert len(kept.spans()) == 1


@pytest.mark.parametrize("form", ["protobuf", "json"])
async def test_a_body_cut_short_is_refused_with_a_status(serving: Serving, kept: Kept, form: str) -> None:
    async with serving as api:
        body = request_of() if form == "protobuf" else msgspec.json.encode(json_of())
        for length in range(1, len(body), 7):
            status, answer, _ = await post(api, body[:length], content_type=f"application/{_subtype(form)}")
            assert status == 400
            if form == "json":
                assert msgspec.json.decode(answer)["code"] == 3
            else:
                assert answer[:2] == b"\x08\x03"
        assert not kept.batches()


def _subtype(form: str) -> str:
    return "x-protobuf" if form == "protobuf" else "json"


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"content_type": "text/plain"}, 415, "text/plain"),
        ({"content_encoding": "br"}, 415, "br"),
        ({"content_encoding": "gzip"}, 400, "gzip"),
        ({"content_encoding": "deflate"}, 400, "deflate"),
    ],
)
async def test_a_body_of_another_kind_is_refused(
    serving: Serving, headers: dict[str, str], status: int, words: str
) -> None:
    async with serving as api:
        found, answer, _ = await post(api, b"\xff" + request_of(), **headers)
        assert (found, words.encode() in answer) == (status, True)


async def test_a_body_that_inflates_without_end_is_refused(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        bomb = gzip.compress(bytes(65 * 1024 * 1024), 9)
        status, answer, _ = await post(api, bomb, content_encoding="gzip")
        assert (status, b"inflates to more than" in answer) == (413, True)
        status, answer, _ = await post(api, bytes(16 * 1024 * 1024 + 1))
        assert (status, b"send smaller batches" in answer) == (413, True)


async def test_user_and_tags_of_a_key_win(serving: Serving, kept: Kept) -> None:
    """And what spans say of themselves counts only for keys that may assert it."""
    async with serving as api:
        said = {"user.id": "ann", "session.id": "s-1"}
        for name, fields in {
            "plain": {},
            "asserting": {"may_assert": True},
            "bound": {"may_assert": True, "user": "bob", "tags": ["web"]},
        }.items():
            key = await key_of(api, **fields)
            request = NEW_REQUEST()
            span = add_span(request, name=name)
            for attribute, value in said.items():
                say(span.attributes, attribute, value)
            assert (await post(api.as_key(key), request.SerializeToString()))[0] == 200
        users = {span.name: (span.user, span.tags) for span in kept.spans()}
        assert users["plain"] == ("", ())
        assert users["bound"] == ("bob", ("web",))
        assert users["asserting"][0] in ("ann", "")


class FullJournal:
    """A journal that takes nothing, in one of its ways."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.bodies_dropped = 0

    @property
    def healthy(self) -> bool:
        return self.how != "unhealthy"

    def append_body(self, kind: int, payload: bytes) -> bool:
        del kind, payload
        return self.how != "refusing"

    async def bodies_written(self) -> None:
        if self.how == "stalled":
            raise Unavailable("the disk stalls", retry_after_s=5)
        self.bodies_dropped += self.how == "dropping"


@pytest.mark.parametrize("how", ["unhealthy", "refusing", "stalled", "dropping", "none"])
async def test_exporters_come_again_where_the_journal_takes_nothing(database: Database, how: str) -> None:
    async with control(database, journal=None if how == "none" else FullJournal(how)) as api:
        status, answer, headers = await post(api, request_of())
        assert status == 503
        assert int(headers["retry-after"]) >= 1
        assert answer[:2] == b"\x08\x0e"


async def test_a_large_request_becomes_several_entries(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        request = NEW_REQUEST()
        for number in range(40):
            span = add_span(request, span_id=(number + 1).to_bytes(8, "big"))
            say(span.attributes, "input.value", f"{number} " + "x" * 100_000)
        assert (await post(api, request.SerializeToString()))[:2] == (200, b"")
        sizes = [len(batch.spans) for batch in kept.batches()]
        assert sum(sizes) == 40
        assert len(sizes) >= 4
