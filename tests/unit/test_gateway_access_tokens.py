"""Access tokens of a service account: asked for once, kept, exchanged in time; what becomes of failures."""

import asyncio
import json
from urllib.parse import parse_qs

import pytest
from tests.unit.test_gateway_signing import key_file, parts_of

from headgate.config.credentials import service_account
from headgate.core.faults import Fault, UpstreamError, UpstreamTimeout
from headgate.core.ports import Answer, Headers, Outgoing
from headgate.gateway.access_tokens import AccessTokens
from headgate.gateway.signing import AssertionSigner
from headgate.policy.egress import GuardedEgress


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def monotonic(self) -> float:
        return self.now_s


class Said:
    """An answer that is there at once."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: Headers = []
        self._body = body
        self.is_closed = False

    def header(self, name: bytes) -> bytes | None:
        del name
        return None

    async def chunk(self) -> bytes:
        return await self.read(1 << 20)

    async def read(self, limit_bytes: int) -> bytes:
        if len(self._body) > limit_bytes:
            raise UpstreamError("the answer is too long")
        body, self._body = self._body, b""
        return body

    def close(self) -> None:
        self.is_closed = True


class Google:
    """A transport at whose end tokens are granted, each with its number, or what is scripted instead."""

    def __init__(self) -> None:
        self.asked: list[Outgoing] = []
        self.said: list[Said] = []
        self.script: list[Said | Fault] = []
        self.life_s = 3600
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, outgoing: Outgoing) -> Answer:
        self.asked.append(outgoing)
        number = len(self.asked)
        await self.gate.wait()
        said = self.script.pop(0) if self.script else self.granted(f"ya29.{number}")
        if isinstance(said, Fault):
            raise said
        self.said.append(said)
        return said

    def granted(self, token: str) -> Said:
        body = {"access_token": token, "expires_in": self.life_s, "token_type": "Bearer"}
        return Said(200, json.dumps(body).encode())

    async def close(self) -> None:
        return


class House:
    """All together."""

    def __init__(self) -> None:
        self.google, self.clock = Google(), Clock()
        account = service_account(key_file())
        egress = GuardedEgress({"https": self.google})
        self.tokens = AccessTokens(account, AssertionSigner(account), egress, self.clock)

    async def token(self) -> str:
        return (await self.tokens.token()).reveal()


@pytest.fixture
def house() -> House:
    return House()


async def test_a_token_is_asked_for_with_a_signed_assertion_and_kept(house: House):
    assert [await house.token() for _ in range(3)] == ["ya29.1"] * 3
    [asked] = house.google.asked
    assert (asked.origin.host, asked.origin.port, asked.method) == ("token.example", 443, "POST")
    assert asked.target == b"/exchange"
    assert isinstance(asked.body, bytes)
    form = parse_qs(asked.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    _, claims, _, _ = parts_of(form["assertion"][0])
    assert claims["iat"] == 1_700_000_000
    assert asked.content_length == len(asked.body)
    assert all(said.is_closed for said in house.google.said)


async def test_many_calls_ask_once(house: House):
    house.google.gate.clear()
    calls = [asyncio.create_task(house.token()) for _ in range(20)]
    await asyncio.sleep(0)
    house.google.gate.set()
    assert set(await asyncio.gather(*calls)) == {"ya29.1"}
    assert len(house.google.asked) == 1


async def test_one_call_exchanges_the_token_in_time_and_the_others_go_on(house: House):
    assert await house.token() == "ya29.1"
    house.clock.now_s += 3299
    assert await house.token() == "ya29.1"
    house.clock.now_s += 2
    house.google.gate.clear()
    first = asyncio.create_task(house.token())
    for _ in range(3):
        await asyncio.sleep(0)
    assert await house.token() == "ya29.1"
    house.google.gate.set()
    assert await first == "ya29.2"
    assert await house.token() == "ya29.2"
    assert len(house.google.asked) == 2


async def test_a_token_that_could_not_be_exchanged_is_used_to_its_end(house: House):
    assert await house.token() == "ya29.1"
    house.clock.now_s += 3400
    house.google.script = [UpstreamTimeout("slow"), Said(503, b"")]
    assert await house.token() == "ya29.1"
    assert await house.token() == "ya29.1"
    assert len(house.google.asked) == 2  # nobody asks again within the pause
    house.clock.now_s += 1.5
    assert await house.token() == "ya29.1"
    assert len(house.google.asked) == 3
    house.clock.now_s += 180
    assert await house.token() == "ya29.4"


async def test_a_failure_is_said_and_not_asked_for_again_at_once(house: House):
    refusal = b'{"error":"invalid_grant","error_description":"Invalid JWT\\n: account not found"}'
    house.google.script = [Said(400, refusal)]
    for _ in range(5):
        with pytest.raises(
            UpstreamError, match=r"400 \(invalid_grant Invalid JWT\?: account not found"
        ) as raised:
            await house.token()
        assert not raised.value.sent
        house.clock.now_s += 0.19
    assert len(house.google.asked) == 1
    house.clock.now_s += 0.1
    assert await house.token() == "ya29.2"


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (Said(200, b"{}"), "holds none"),
        (Said(200, b"<html>"), "holds none"),
        (Said(200, b'{"access_token":7}'), "holds none"),
        (Said(200, b'{"access_token":""}'), "none that a header"),
        (Said(200, b'{"access_token":"a\\r\\nx: y"}'), "none that a header"),
        (Said(200, b" " * 70_000), "too long"),
        (Said(500, b"\xff"), "Google answered 500$"),
        (UpstreamError("no route", sent=False), "no route"),
    ],
)
async def test_what_is_no_token_is_an_error(house: House, said: Said | Fault, match: str):
    house.google.script = [said]
    with pytest.raises(UpstreamError, match=match) as raised:
        await house.token()
    assert raised.value.message.startswith("no access token could be had")


async def test_a_token_of_no_life_is_used_once_and_one_of_a_year_for_an_hour(house: House):
    house.google.life_s = 0
    assert [await house.token(), await house.token()] == ["ya29.1", "ya29.2"]
    house.google.life_s = 40_000_000
    assert await house.token() == "ya29.3"
    house.clock.now_s += 3590
    assert await house.token() == "ya29.4"


async def test_a_token_that_was_refused_is_forgotten(house: House):
    first = await house.tokens.token()
    assert first.reveal() == "ya29.1"
    house.tokens.forget(first)
    assert await house.token() == "ya29.2"
    house.tokens.forget(first)
    assert await house.token() == "ya29.2", "what took its place was not refused"


async def test_a_call_that_goes_away_leaves_the_others_their_token(house: House):
    house.google.gate.clear()
    gone, stays = asyncio.create_task(house.token()), asyncio.create_task(house.token())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    house.google.gate.set()
    assert await stays == "ya29.2"
    with pytest.raises(asyncio.CancelledError):
        await gone
