"""Business systems: how they prove who they are, and what their events say."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.config.compile import compile_file
from headgate.core.faults import InvalidKey, InvalidRequest, Misconfigured
from headgate.core.secret import Secret
from headgate.traces.systems.mapping import mapped
from headgate.traces.systems.model import BusinessSystem, read_path
from headgate.traces.systems.signing import check_signature

NOW_MS = 1_795_305_600_000
NOW_S = NOW_MS // 1000
BODY = b'{"type":"order.paid"}'
SECRET = Secret("a secret of the shop")
STANDARD = Secret("whsec_" + base64.b64encode(b"another secret!!").decode())
"""As standardwebhooks.com writes them."""

HEAD = """
[models.assistant]
targets = ["mock/small"]

[providers.mock]
kind = "mock"

[feedback.shop]
secrets = ["env:SHOP_SECRET"]
"""
OUTCOME = '[[feedback.shop.outcomes]]\nname = "paid"\nvalue = true\nuser = "$.user"\n'


def system(further: str = "", outcomes: str = OUTCOME) -> BusinessSystem:
    return compile_file(f"{HEAD}{further}\n{outcomes}").systems["shop"]


def digest(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def timestamped(sent: int | str = NOW_S, key: bytes = SECRET.reveal().encode()) -> dict[str, str]:
    made = digest(key, f"{sent}.".encode() + BODY).hex()
    return {"x-headgate-signature": f"t={sent}, v0=00, v1={'0' * 64}, v1={made}"}


def standard(sent: int = NOW_S, identity: str = "msg_1") -> dict[str, str]:
    made = base64.b64encode(digest(b"another secret!!", f"{identity}.{sent}.".encode() + BODY)).decode()
    stated = {"webhook-id": identity, "webhook-timestamp": str(sent)}
    return {**stated, "webhook-signature": f"v1a,xyz v1,{base64.b64encode(bytes(32)).decode()} v1,{made}"}


def check(found: BusinessSystem, headers: dict[str, str], body: bytes = BODY, *secrets: Secret) -> None:
    check_signature(found, secrets or (SECRET, STANDARD), headers, body, now_s=NOW_S)


def test_each_way_of_signing_is_known() -> None:
    check(system(), timestamped())
    check(system(), timestamped(NOW_S - 299))
    check(system(), timestamped(NOW_S + 299))
    check(system('header = "Stripe-Signature"'), {"stripe-signature": timestamped()["x-headgate-signature"]})
    check(system('signature = "standard-webhooks"'), standard())
    made = digest(SECRET.reveal().encode(), BODY)
    plain = system('signature = "body"\nheader = "X-Hub-Signature-256"')
    for written in (f"sha256={made.hex()}", made.hex(), base64.b64encode(made).decode()):
        check(plain, {"x-hub-signature-256": written})


def test_the_example_of_the_specification_fits() -> None:
    """The one that standardwebhooks.com's own libraries are tested with."""
    body = b'{"test": 2432232314}'
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    check_signature(system('signature = "standard-webhooks"'), [secret], headers, body, now_s=1614265330)


@pytest.mark.parametrize(
    ("further", "headers", "why"),
    [
        ("", {}, "the header x-headgate-signature is missing"),
        ("", {"x-headgate-signature": "v1=00"}, "has no time in seconds"),
        ("", timestamped("soon"), "has no time in seconds"),
        ("", timestamped("\u0661\u0662"), "has no time in seconds"),
        ("", timestamped(NOW_S - 301), "301 s away from this server's clock, where 300 s are allowed"),
        ("", timestamped(NOW_S + 301), "301 s away"),
        ('tolerance = "10s"', timestamped(NOW_S - 11), "where 10 s are allowed"),
        ("", timestamped(key=b"another"), "fits no secret of shop"),
        ("", timestamped(key=b""), "fits no secret of shop"),
        ('signature = "standard-webhooks"', {**standard(), "webhook-id": "msg_2"}, "fits no secret"),
        ('signature = "standard-webhooks"', standard(NOW_S - 400), "400 s away"),
        ('signature = "body"', {"x-signature": "sha256="}, "fits no secret"),
        ('signature = "body"', {"x-signature": "sha256=" + "é" * 64}, "fits no secret"),
        ('signature = "body"', {"x-signature": base64.b64encode(b"short").decode()}, "fits no secret"),
    ],
)
def test_what_is_not_signed_of_late_is_refused(further: str, headers: dict[str, str], why: str) -> None:
    with pytest.raises(InvalidKey, match=why):
        check(system(further), headers)


@given(st.binary(max_size=64))
def test_another_body_never_fits(body: bytes) -> None:
    if body != BODY:
        with pytest.raises(InvalidKey):
            check(system(), timestamped(), body)


def test_no_secret_that_is_empty_signs() -> None:
    """A secret that is no base64 would be an empty key, which everybody knows."""
    found = system('signature = "standard-webhooks"')
    made = base64.b64encode(digest(b"", f"msg_1.{NOW_S}.".encode() + BODY)).decode()
    forged = {**standard(), "webhook-signature": f"v1,{made}"}
    with pytest.raises(InvalidKey, match="fits no secret"):
        check(found, forged, BODY, Secret("whsec_???"), Secret("whsec_"))


EVENTS = """
[[feedback.shop.outcomes]]
when = { "$.type" = "order.paid", "$.test" = false }
name = "paid"
value = true
user = "$.data.customer.id"
at = "$.created"
id = "$.id"

[[feedback.shop.outcomes]]
when = { "$.type" = "order.paid" }
name = "revenue"
value = "$.data.lines[0].amount"
business_id = "$.data.order"
at = "$.created"
id = "$.id"
by = "till"
"""
EVENT: dict[str, Any] = {
    "id": "evt 1",
    "type": "order.paid",
    "test": False,
    "created": NOW_S - 60,
    "data": {"customer": {"id": 7}, "order": "o-1", "lines": [{"amount": "19.90"}, {"amount": "1"}]},
}


def test_an_event_says_what_the_file_makes_of_it() -> None:
    found = mapped(system(outcomes=EVENTS), EVENT, now_ms=NOW_MS)
    assert (found.left_out, found.problems) == (0, [])
    paid, revenue = found.scores
    assert (paid.name, paid.value, paid.kind, paid.subject, paid.user) == (
        "paid",
        1.0,
        "boolean",
        "user",
        "7",
    )
    assert (revenue.name, revenue.value, revenue.business_id) == ("revenue", 19.9, "o-1")
    assert revenue.trace_id is not None
    assert (paid.id, revenue.id) == ("shop:paid:evt%201", "shop:revenue:evt%201")
    assert (paid.key, paid.source, paid.said_by, revenue.said_by) == ("feedback.shop", "code", "shop", "till")
    assert paid.at_ms == NOW_MS - 60_000


def test_other_events_are_left_out_and_lists_are_looked_into() -> None:
    many = system('items = "$.events"', EVENTS)
    tried = {**EVENT, "test": 0}
    body: dict[str, Any] = {"events": [EVENT, tried, {"type": "order.sent"}, 17, None, []]}
    found = mapped(many, body, now_ms=NOW_MS)
    assert [score.name for score in found.scores] == ["paid", "revenue", "revenue"]
    assert found.left_out == 4 and not found.problems


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"created": "9999-01-01"}, "more than a day ahead"),
    ({"created": None}, r"at \(\$.created\) is None"),
    ({"id": None}, r"id \(\$.id\) is empty"),
    ({"id": "x" * 300}, r"`\$.id`"),
    ({"data": {}}, r"user \(\$.data.customer.id\) is empty"),
    ({"data": {"customer": {"id": True}, "order": "o", "lines": [{"amount": 1}]}}, "is yes or no"),
    ({"data": {"customer": {"id": "a\0"}, "order": "o", "lines": [{"amount": 1}]}}, r"U\+0000"),
    (
        {"data": {"customer": {"id": "a"}, "order": "o", "lines": []}},
        r"value \(\$.data.lines\[0\].amount\) is",
    ),
    ({"data": {"customer": {"id": "a"}, "order": "o", "lines": [{"amount": "1,5"}]}}, "with a point"),
    ({"data": {"customer": {"id": "a"}, "order": "o", "lines": [{"amount": "nan"}]}}, "no number to count"),
    ({"data": {"customer": {"id": ""}, "order": "o", "lines": [{"amount": 1}]}}, r"`\$.user`"),
]


@pytest.mark.parametrize(("change", "why"), WRONG)
def test_an_event_that_does_not_say_it_is_told(change: dict[str, Any], why: str) -> None:
    many = system('items = "$.events"', EVENTS)
    found = mapped(many, {"events": [EVENT, {**EVENT, **change}]}, now_ms=NOW_MS)
    with pytest.raises(AssertionError, match="event 2: .*" + why):
        assert not found.problems, found.problems[0]
    assert len(found.scores) >= 2


def test_a_body_without_its_list_is_refused() -> None:
    many = system('items = "$.events"', EVENTS)
    bodies: list[Any] = [{}, [], None, {"events": {}}]
    for body in bodies:
        with pytest.raises(InvalidRequest, match=r"no list at \$.events"):
            mapped(many, body, now_ms=NOW_MS)
    with pytest.raises(InvalidRequest, match="1001 events"):
        mapped(many, {"events": [None] * 1001}, now_ms=NOW_MS)
    with pytest.raises(InvalidRequest, match="says 1002 things"):
        mapped(many, {"events": [EVENT] * 501}, now_ms=NOW_MS)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inside: (
        st.lists(inside) | st.dictionaries(st.sampled_from(["type", "data", "id", "lines"]), inside)
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_body_breaks_it(body: object) -> None:
    found = mapped(system(outcomes=EVENTS), body, now_ms=NOW_MS)
    assert found.left_out or found.scores or found.problems


def test_places_are_read() -> None:
    assert read_path("$") == ()
    assert read_path("$.a.b-c[0][12].@id") == ("a", "b-c", 0, 12, "@id")
    for wrong in ("", "a", "$.", "$a", "$.a[", "$.a[x]", "$..a", "$.a[-1]"):
        with pytest.raises(ValueError, match="write where it stands"):
            read_path(wrong)


@pytest.mark.parametrize(
    ("further", "outcomes", "why"),
    [
        ("", "", "has no outcomes"),
        ("", OUTCOME.replace("$.user", "anna"), "is 'anna' for every event"),
        ("", OUTCOME.replace("$.user", "$..user"), "write where it stands"),
        ("", OUTCOME.replace('user = "$.user"\n', ""), "is about nothing; name one of"),
        ("", OUTCOME + 'session = "$.session"\n', "is about session and user"),
        ("", OUTCOME.replace("true", "nan"), "no number to count with"),
        ("", OUTCOME + 'when = { "type" = "a" }\n', "write where it stands"),
        ("", OUTCOME + 'colour = "red"\n', "colour is unknown"),
        ('signature = "md5"', OUTCOME, "signature can't be"),
        ('signature = "body"\ntolerance = "5m"', OUTCOME, "which `body` does not"),
        ('signature = "standard-webhooks"\nheader = "x"', OUTCOME, "names its headers"),
        ('header = "a b"', OUTCOME, "is no name of a header"),
        ('project = "a b"', OUTCOME, "project"),
    ],
)
def test_a_system_that_is_described_wrongly_is_refused(further: str, outcomes: str, why: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        system(further, outcomes)
    assert why in str(refused.value)


def test_a_secret_that_stands_in_the_file_is_never_shown() -> None:
    for written in ('["hunter2 hunter2"]', '"hunter2"', "[17]"):
        with pytest.raises(Misconfigured) as refused:
            compile_file(HEAD.replace('["env:SHOP_SECRET"]', written) + OUTCOME)
        assert "hunter2" not in str(refused.value) and "17" not in str(refused.value)
