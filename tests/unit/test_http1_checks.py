"""What a request's head must not be, as a table."""

import msgspec
import pytest

from headgate.core.ports import Headers
from headgate.http1.checks import is_host, refusal_of
from headgate.http1.limits import ServerLimits
from headgate.http1.targets import split_target

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
        error = msgspec.convert(msgspec.json.decode(refusal.body())["error"], dict[str, str | None])
        assert error["message"] == refusal.message
        assert error["type"] == "invalid_request_error"


def test_the_field_that_is_set_twice_is_named() -> None:
    refusal = refusal_of("GET", "1.1", [HOST, (b"x-api-key", b"a"), (b"x-api-key", b"b")], LIMITS)
    assert refusal is not None
    assert refusal.message == "X-Api-Key is set twice; send it once."


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("h", True),
        ("", True),
        ("a.b:80", True),
        ("[::1]:4400", True),
        ("h:", True),
        ("%41", True),
        ("a,b", False),
        ("u@h", False),
        ("h/x", False),
        ("h:x", False),
        ("[::1", False),
        ("h h", False),
        ("h" * 261, False),
    ],
)
def test_hosts(host: str, good: bool) -> None:
    assert is_host(host.encode()) is good
    refusal = refusal_of("GET", "1.1", [(b"host", host.encode())], ServerLimits())
    assert (refusal is None) is good


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity", "chunked, chunked", "", "chunked;q=1"])
def test_codings_other_than_chunked(coding: str) -> None:
    refusal = refusal_of("POST", "1.1", [HOST, (b"transfer-encoding", coding.encode())], LIMITS)
    assert refusal is not None
    assert refusal.status == 400


@pytest.mark.parametrize(
    ("target", "split"),
    [
        ("/a?b=c", ("/a", b"b=c")),
        ("/", ("/", b"")),
        ("//x/..?", ("//x/..", b"")),
        ("/a#b?c", ("/a", b"")),
        ("http://H/a?b", ("/a", b"b")),
        ("HTTPS://h", ("/", b"")),
        ("http://h?b", ("/", b"b")),
        ("http://other/a", None),
        ("http://u@h/a", None),
        ("http://h:80/a", None),
        ("ftp://h/a", None),
        ("h:80", None),
        ("*", None),
        ("a", None),
        ("", None),
        ("/ä", None),
    ],
)
def test_targets(target: str, split: tuple[str, bytes] | None) -> None:
    assert split_target(target.encode("latin-1"), b"GET", b"h") == split
    assert split_target(b"*", b"OPTIONS", b"h") == ("*", b"")
