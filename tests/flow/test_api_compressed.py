"""Large answers of the control API as gzip, for who takes it and only for them."""

import gzip
from typing import Any

import msgspec
import pytest
from tests.contract.traces_by_hand import at, new_trace, put_spans, put_trace
from tests.flow.control_app import Api, control

from headgate.store.database import Database

MANY = 500


async def large(database: Database) -> str:
    trace = await put_trace(database, new_trace(), spans=MANY)
    rows = [
        {
            "span_id": place + 1,
            "name": f"step {place}",
            "started_at": at(place),
            "parent_id": 1 if place else None,
        }
        for place in range(MANY)
    ]
    await put_spans(database, trace, *rows)
    return trace


async def raw(api: Api, path: str, accepted: str | None) -> tuple[dict[str, str], bytes]:
    """Return the headers and the bytes as they came."""
    headers = {"authorization": f"Bearer {api.key}"}
    if accepted is None:
        api.client.headers.pop("accept-encoding", None)
    else:
        headers["accept-encoding"] = accepted
    async with api.client.stream("GET", f"/api/v1{path}", headers=headers) as answer:
        assert answer.status_code == 200
        return dict(answer.headers), b"".join([piece async for piece in answer.aiter_raw()])


async def test_a_large_answer_is_a_fraction_for_who_takes_gzip(database: Database) -> None:
    async with control(database) as api:
        trace = await large(database)
        headers, packed = await raw(api, f"/traces/{trace}", "br, gzip;q=0.5")
        assert headers["content-encoding"] == "gzip"
        assert headers["vary"] == "accept-encoding"
        assert headers["content-length"] == str(len(packed))
        _, plain = await raw(api, f"/traces/{trace}", "identity")
        assert gzip.decompress(packed) == plain
        assert len(packed) * 5 < len(plain)
        found: Any = msgspec.json.decode(plain)
        assert len(found["spans"]) == MANY


@pytest.mark.parametrize("accepted", [None, "identity", "br", "gzip;q=0", "gzip; q=0.000"])
async def test_who_does_not_take_gzip_gets_none(database: Database, accepted: str | None) -> None:
    async with control(database) as api:
        trace = await large(database)
        headers, plain = await raw(api, f"/traces/{trace}", accepted)
        assert "content-encoding" not in headers
        assert len(msgspec.json.decode(plain)["spans"]) == MANY


async def test_what_is_small_or_streamed_goes_as_it_is(database: Database) -> None:
    async with control(database) as api:
        trace = await large(database)
        for path in ("/traces?limit=1", f"/traces/{trace}/export?format=jsonl"):
            headers, _ = await raw(api, path, "gzip")
            assert "content-encoding" not in headers, path


async def test_the_first_page_of_a_large_trace_is_small(database: Database) -> None:
    async with control(database) as api:
        trace = await large(database)
        _, whole = await raw(api, f"/traces/{trace}", "identity")
        _, first = await raw(api, f"/traces/{trace}/spans?limit=50", "identity")
        found: Any = msgspec.json.decode(first)
        assert len(found["items"]) == 50
        assert len(first) * 10 < len(whole)
        second = await api.get(f"/traces/{trace}/spans", limit=500, next=found["next"])
        assert [line["name"] for line in second["items"]] == [f"step {place}" for place in range(50, MANY)]
        assert second["next"] is None
