"""What a request's head must not be, as a table."""

import msgspec
import pytest

from headgate.core.ports import Headers
from headgate.http1.checks import refusal_of
from headgate.http1.limits import ServerLimits

HOST = (b"host", b"h")
LIMITS = ServerLimits(header_bytes_max=100, header_fields_max=3)


@pytest.mark.parametrize(
    ("method", "version", "headers", "status"),
    [
        ("POST", "1.1", [HOST], None),
        ("GET", "1.0", [], None),
        ("HEAD", "1.1", [HOST, (b"accept", b"a"), (b"accept", b"b")], None),
        ("POST", "1.1", [], 400),
        ("POST", "1.1", [HOST, HOST], 400),
        ("POST", "1.0", [HOST, HOST], 400),
        ("POST", "1.1", [HOST, (b"authorization", b"a"), (b"authorization", b"a")], 400),
        ("POST", "1.1", [HOST, (b"x-api-key", b"a"), (b"x-api-key", b"b")], 400),
        ("POST", "1.1", [HOST, (b"content-type", b"a"), (b"content-type", b"b")], 400),
        ("POST", "1.1", [HOST, (b"upgrade", b"h2c")], 400),
        ("POST", "1.0", [HOST, (b"transfer-encoding", b"chunked")], 400),
        ("POST", "1.1", [HOST, (b"transfer-encoding", b"chunked")], None),
        ("TRACE", "1.1", [HOST], 405),
        ("POST", "1.1", [HOST, (b"a", b"x" * 86)], None),
        ("POST", "1.1", [HOST, (b"a", b"x" * 87)], 431),
        ("POST", "1.1", [HOST, (b"a", b""), (b"b", b""), (b"c", b"")], 431),
    ],
)
def test_heads(method: str, version: str, headers: Headers, status: int | None) -> None:
    refusal = refusal_of(method, version, headers, LIMITS)
    assert (refusal.status if refusal else None) == status
    if refusal:
        error = msgspec.json.decode(refusal.body(), type=dict[str, dict[str, str | None]])["error"]
        assert error["message"] == refusal.message
        assert error["type"] == "invalid_request_error"


def test_the_field_that_is_set_twice_is_named() -> None:
    refusal = refusal_of("GET", "1.1", [HOST, (b"x-api-key", b"a"), (b"x-api-key", b"b")], LIMITS)
    assert refusal is not None
    assert refusal.message == "X-Api-Key is set twice; send it once."
