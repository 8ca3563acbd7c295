"""One house of its own, used hard: where it connects, what stays of calls that go wrong, where secrets lie.

Its clients' hang-ups are drained (`on_hangup = "drain"`). The tests run in the order in which they stand; the
last one looks at what the others have left.
"""

import asyncio
import json
import random
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import psutil
import pytest
from demo.running import ADMIN_KEY
from tests.flow.gateway_house import CANARY, House, open_house
from tests.flow.scripted_provider import (
    DONE,
    FINISH,
    Reply,
    answer,
    completion,
    delta,
    error,
    stream,
    usage_chunk,
)
from tests.flow.socket_audit import write_hook

PRICE = Decimal("0.00005")
MESSAGES = [{"role": "user", "content": "hi"}]
GOOD: Reply = stream(delta("Hel"), 0.3, delta("lo"), FINISH, usage_chunk(10, 20), DONE)

KEYS: list[str] = []


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audit")


@pytest.fixture(scope="module")
def house(audit: Path) -> Iterator[House]:
    environment = {"PYTHONPATH": str(write_hook(audit)), "SOCKET_AUDIT": str(audit / "sockets")}
    with open_house("drain", environment=environment) as opened:
        yield opened


def hang_up(house: House, alias: str, *, after_first: bool, streams: bool = True) -> None:
    with house.client(timeout_s=0.15 if not after_first else 20) as client:
        try:
            with client.stream(
                "POST", "/v1/chat/completions", json={"model": alias, "messages": MESSAGES, "stream": streams}
            ) as given:
                next(given.iter_raw())
        except httpx.ReadTimeout:
            assert not after_first


def test_a_stream_that_nobody_reads_any_more_is_drained_for_its_usage(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, GOOD)
    hang_up(house, alias, after_first=True)
    row = house.record_of(alias)
    assert (row["cost_usd"], row["estimated"], row["truncated"]) == (PRICE, False, False)


@pytest.mark.parametrize("streams", [True, False])
def test_so_is_a_call_that_has_not_begun_to_answer(house: House, streams: bool) -> None:
    alias = house.alias("solo")
    late: Reply = (0.4, *(GOOD if streams else answer(completion())))
    house.provider.on("b", alias, late)
    hang_up(house, alias, after_first=False, streams=streams)
    row = house.record_of(alias)
    assert (row["cost_usd"], row["estimated"]) == (PRICE, False)
    assert not house.provider.received("a", alias)


def test_nobody_who_has_gone_is_sent_to_another_target(house: House) -> None:
    alias = house.alias("pair")
    house.provider.on("a", alias, (0.4, *error(500)))
    hang_up(house, alias, after_first=False)
    row = house.record_of(alias)
    assert (row["status"], row["code"], row["cost_usd"]) == (499, "client_closed", 0)
    assert not house.provider.received("b", alias)


REPLIES: list[Reply] = [
    answer(completion()),
    GOOD,
    error(500, f"your key {CANARY} is known here"),
    error(429),
    error(401, f"wrong key {CANARY}"),
    (0.2, *answer(completion())),
    stream(delta("Hel"), 0.05, "cut", end=False),
    stream(delta("Hel"), 0.05, f'data: {{"error":{{"message":"bad {CANARY}"}}}}\n\n'.encode()),
    answer({"echo": CANARY, "usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
    ("cut",),
]


async def call(client: httpx.AsyncClient, dice: random.Random, alias: str, key: str) -> None:
    body = {"model": alias, "messages": MESSAGES, "stream": dice.random() < 0.5, "max_tokens": 20}
    headers = {"authorization": f"Bearer {key}"}
    patience_s = dice.choice([0.05, 0.12, 0.3, 10.0, 10.0])
    try:
        given = await client.post("/v1/chat/completions", json=body, headers=headers, timeout=patience_s)
        assert CANARY not in given.text and key not in given.text
    except httpx.TransportError:
        return


async def test_after_hundreds_of_mixed_calls_nothing_is_held(house: House) -> None:
    KEYS.extend([house.running.make_key("first"), house.running.make_key("second")])
    aliases = [house.alias(kind) for kind in ("pair", "solo", "money", "again") for _ in range(5)]
    dice = random.Random(7)
    for alias in aliases:
        for provider in ("a", "b"):
            house.provider.on(provider, alias, *[dice.choice(REPLIES) for _ in range(30)])
    slots = asyncio.Semaphore(24)
    async with httpx.AsyncClient(base_url=house.url, trust_env=False) as client:

        async def one() -> None:
            async with slots:
                await call(client, dice, dice.choice(aliases), dice.choice([*KEYS, house.key]))

        await asyncio.gather(*(one() for _ in range(300)))
    held: object = True
    for _ in range(10):
        gauges = await asyncio.to_thread(house.gauges)
        held = {name: value for name, value in gauges.items() if value and is_held(name)}
        held = held or house.query("select request, attempt, target from open_attempts")
        if not held:
            break
    assert not held
    records = house.query("select count(*) as calls, count(distinct id) as ids from requests")[0]
    assert records["calls"] == records["ids"] >= 250
    assert not house.query("select id from meter_windows where spent > 1e12")


def is_held(name: str) -> bool:
    return name.startswith(
        ("headgate_calls_open", "headgate_target_calls_in_flight", "headgate_reserved_usd")
    )


def test_the_ledger_and_the_records_say_the_same(house: House) -> None:
    charged = house.query("select coalesce(sum(pico_usd), 0) as amount from ledger")[0]["amount"]
    recorded = house.query(
        "select coalesce(sum((a->>'charged_usd')::numeric), 0) * 1e12 as amount "
        "from requests, jsonb_array_elements(attempts) a where model like 'money%%'"
    )[0]["amount"]
    windows = house.query("select coalesce(sum(spent), 0) as amount from meter_windows")[0]["amount"]
    assert windows == recorded
    assert charged >= windows


def secrets_in(text: bytes) -> set[str]:
    looked_for = {"provider key": CANARY, **{f"key {number}": key for number, key in enumerate(KEYS)}}
    return {
        name
        for name, secret in looked_for.items()
        if secret.encode() in text or secret.encode().hex().encode() in text
    }


def test_secrets_lie_nowhere_but_where_they_belong(house: House) -> None:
    assert len(KEYS) == 2
    tables = house.query(
        "select format('%%I.%%I', schemaname, tablename) as name from pg_tables "
        "where schemaname not in ('pg_catalog', 'information_schema')"
    )
    assert len(tables) > 10
    for table in tables:
        rows = house.query(f"select t::text as row from {table['name']} t")
        assert not secrets_in("\n".join(row["row"] for row in rows).encode()), table["name"]
    data = house.running.folder / "data"
    for path in house.running.folder.rglob("*"):
        # The database's own files hold what its tables do; the admin key's file is there to be read.
        if path.is_file() and not path.is_symlink() and not path.is_relative_to(data / "postgres-18"):
            assert not secrets_in(path.read_bytes()), path
    assert ADMIN_KEY.encode() not in house.running.log.read_bytes()
    for route in ("/metrics", "/readyz", "/api/v1/keys", "/api/v1/snapshots", "/api/v1/requests?limit=500"):
        with house.client() as client:
            assert not secrets_in(client.get(route).content), route


def test_it_connects_to_nothing_that_the_configuration_does_not_name(house: House, audit: Path) -> None:
    lines = (audit / "sockets").read_text().splitlines()
    assert lines, "the hook was heard"
    allowed = re.compile(
        r"socket\.connect b?'(?:/|\\x00|@)"  # unix sockets
        r"|socket\.connect \('127\.0\.0\.1', \d+\)"
        r"|socket\.(?:getaddrinfo|gethostby\w+) (?:None|b?'(?:127\.0\.0\.1|localhost|::1)')"
    )
    assert [line for line in lines if not allowed.match(line)] == []
    # uvloop connects without telling the hook: so the connections that stand are looked at as well.
    root = psutil.Process(house.running.process.pid)
    peers = {
        (process.pid, connection.raddr.ip)
        for process in [root, *root.children(recursive=True)]
        for connection in process.net_connections("inet")
        if connection.raddr
    }
    assert peers and {address for _, address in peers} == {"127.0.0.1"}


def test_the_records_name_no_secret_in_json(house: House) -> None:
    rows = house.query("select * from requests where attempts::text like '%%***%%'")
    assert rows, "what providers echoed was masked"
    assert CANARY not in json.dumps([row["attempts"] for row in rows])
