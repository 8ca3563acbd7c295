"""Heads of requests: what is written, and that nothing can be smuggled into one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.faults import InvalidRequest
from headgate.core.ports import Headers, Origin, Outgoing
from headgate.http1.heads import HeadWriter, host_field

ORIGIN = Origin("https", "api.example", 443)


def outgoing(
    *, method: str = "POST", target: bytes = b"/x", headers: Headers | None = None, body: bytes = b"{}"
) -> Outgoing:
    return Outgoing(origin=ORIGIN, method=method, target=target, headers=headers or [], body=body)


def test_a_head_is_written_with_our_own_framing() -> None:
    headers = [
        (b"Content-Type", b"text/plain"),
        (b"Content-Length", b"999"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"x-secret"),
        (b"upgrade", b"h2c"),
    ]
    assert HeadWriter(ORIGIN).write(outgoing(headers=headers)) == (
        b"POST /x HTTP/1.1\r\nhost: api.example\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n"
    )


def test_a_host_that_is_given_replaces_the_origins() -> None:
    head = HeadWriter(ORIGIN).write(outgoing(method="GET", headers=[(b"host", b"other")], body=b""))
    assert head == b"GET /x HTTP/1.1\r\nhost: other\r\n\r\n"
    with pytest.raises(InvalidRequest, match="host is set twice"):
        HeadWriter(ORIGIN).write(outgoing(headers=[(b"host", b"a"), (b"Host", b"b")]))


@pytest.mark.parametrize(
    ("origin", "field"),
    [
        (Origin("http", "h", 80), b"h"),
        (Origin("http", "h", 443), b"h:443"),
        (Origin("https", "h", 443), b"h"),
        (Origin("http", "::1", 8000), b"[::1]:8000"),
        (Origin("http", "bücher.example", 80), b"xn--bcher-kva.example"),
        (Origin("unix", "/run/s", 0), b"localhost"),
    ],
)
def test_the_host_field_of_an_origin(origin: Origin, field: bytes) -> None:
    assert host_field(origin) == field


@pytest.mark.parametrize("host", ["", "a b", "a\r\nx: y", "a\0", "a" * 70 + "é"])
def test_hosts_that_are_none_are_refused(host: str) -> None:
    with pytest.raises(InvalidRequest, match="no host name"):
        HeadWriter(Origin("http", host, 80))


@pytest.mark.parametrize("breaker", [b"\r", b"\n", b"\r\n", b"\0", b"\r\nhost: evil"])
def test_breakers_are_refused_everywhere(breaker: bytes) -> None:
    broken = [
        outgoing(target=b"/a" + breaker),
        outgoing(headers=[(b"x", b"v" + breaker + b"w")]),
        outgoing(headers=[(b"x" + breaker, b"v")]),
        outgoing(headers=[(b"host", b"h" + breaker)]),
        outgoing(method="GET" + breaker.decode()),
    ]
    for request in broken:
        with pytest.raises(InvalidRequest):
            HeadWriter(ORIGIN).write(request)


@pytest.mark.parametrize("name", [b"", b"a b", b"a:b", b" a", b"a\t", b"\xff"])
def test_names_that_are_none_are_refused(name: bytes) -> None:
    with pytest.raises(InvalidRequest, match="no header name"):
        HeadWriter(ORIGIN).write(outgoing(headers=[(name, b"v")]))


@pytest.mark.parametrize("target", [b"", b"x", b"*", b"http://other/", b"/a b", b"/a\x7f"])
def test_targets_that_are_none_are_refused(target: bytes) -> None:
    with pytest.raises(InvalidRequest, match="is no path"):
        HeadWriter(ORIGIN).write(outgoing(target=target))


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "", "GET /x"])
def test_methods_that_are_not_sent_are_refused(method: str) -> None:
    with pytest.raises(InvalidRequest, match="is not sent"):
        HeadWriter(ORIGIN).write(outgoing(method=method))


@given(
    st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=20)), max_size=5),
    st.binary(max_size=20).map(lambda rest: b"/" + rest),
)
def test_whatever_is_given_a_head_is_one_head(headers: Headers, target: bytes) -> None:
    try:
        head = HeadWriter(ORIGIN).write(outgoing(target=target, headers=headers))
    except InvalidRequest:
        return
    assert head.endswith(b"\r\n\r\n")
    lines = head[:-4].split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line or not line for line in lines)
    assert lines[0] == b"POST " + target + b" HTTP/1.1"
    names = [line.split(b":")[0] for line in lines[1:]]
    assert names.count(b"content-length") == 1
    assert names.count(b"host") == 1
    assert b"transfer-encoding" not in names
