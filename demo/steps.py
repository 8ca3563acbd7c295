"""The steps of the tour, in order. Each docstring is a heading; `Claims.check` states what is shown."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anthropic
import httpx
import openai
import psycopg

from demo.running import chat
from demo.stage import CONFIG, SECRET, Stage

HELLO = [{"role": "user", "content": "Say hello."}]


def clients(stage: Stage) -> None:
    """Unchanged OpenAI and Anthropic clients, with and without streaming."""
    url, key = stage.house.url, stage.key
    messages: Any = HELLO
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key) as client:
        answer = client.chat.completions.create(model="assistant", messages=messages)
        stage.claims.check("openai: chat answers", answer.choices[0].message.content, _tokens(answer.usage))
        chunks = list(client.chat.completions.create(model="assistant", messages=messages, stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        stage.claims.check(
            "openai: a stream comes chunk by chunk", text and len(chunks) > 5, f"{len(chunks)} chunks"
        )
    with anthropic.Anthropic(base_url=url, api_key=key) as client:
        message = client.messages.create(model="claude", max_tokens=100, messages=messages)
        stage.claims.check(
            "anthropic: messages answer", message.content, f"{message.usage.output_tokens} tokens"
        )
        with client.messages.stream(model="claude", max_tokens=100, messages=messages) as stream:
            final = stream.get_final_message()
        stage.claims.check("anthropic: streams too", final.stop_reason == "end_turn", final.stop_reason)


def _tokens(usage: Any) -> str:
    return f"{usage.total_tokens} tokens"


def keys(stage: Stage) -> None:
    """Keys with roles and models; a revoked key is refused within a second."""
    house, check = stage.house, stage.claims.check
    narrow = house.make_key("narrow", models=["assistant"])
    check("a key makes only the calls that it may", chat(house.url, narrow, "paid-only").status_code == 403)
    seen = httpx.get(
        f"{house.url}/api/v1/keys", headers={"authorization": f"Bearer {narrow}"}, trust_env=False
    )
    check("a member sees no keys", seen.status_code == 403, seen.status_code)
    made = house.api.post("/keys", json={"name": "short-lived"}).json()
    check("a new key works at once", chat(house.url, made["key"], "assistant").status_code == 200)
    house.api.delete(f"/keys/{made['id']}")
    began = time.monotonic()
    while chat(house.url, made["key"], "assistant").status_code != 401 and time.monotonic() - began < 5:
        continue
    took = time.monotonic() - began
    check("revoked: every gateway refuses it within a second", took < 1, f"{took * 1000:.0f} ms")


def budget(stage: Stage) -> None:
    """One dollar, fifty clients at once: spent to the cent, never past it, then on to the next provider."""
    check = stage.claims.check
    answers = asyncio.run(stage.many("paid-first", 150, max_tokens=500))
    stage.answered += [answer.headers["x-headgate-request-id"] for answer in answers]
    check("all 150 calls are answered", {answer.status_code for answer in answers} == {200})
    paid = [one for one in answers if one.headers["x-headgate-target"] == "paid/large"]
    rest = len(answers) - len(paid)
    check(
        "when the dollar is used up, calls go on at the next target", paid and rest, f"{len(paid)} + {rest}"
    )
    told = sum((Decimal(answer.headers["x-headgate-cost-usd"]) for answer in paid), Decimal(0))
    shown = _budget_when(stage, told)
    spent = Decimal(shown["spent_usd"])
    check("answers and budget agree to the last digit", spent == told, f"{spent} USD")
    check("not a cent over the limit, and more than 90 % of it spent", Decimal("0.9") <= spent <= 1)
    bill = stage.standins.servers["paid"].bill.usage
    owed = (bill.input * Decimal(10) + bill.output * Decimal(40)) / 1_000_000
    check("and the provider's own books say the same", owed == spent, f"{owed} USD")
    refused = asyncio.run(stage.many("paid-only", 1, max_tokens=500))[0]
    check(
        "with no other target: 402, which names the budget", "one-dollar" in refused.text, refused.status_code
    )


def _budget_when(stage: Stage, spent: Decimal) -> dict[str, Any]:
    """The budget, once everything has settled."""
    deadline = time.monotonic() + 5
    while True:
        shown = next(one for one in stage.house.get("/budgets")["items"] if one["name"] == "one-dollar")
        if Decimal(shown["spent_usd"]) >= spent or time.monotonic() > deadline:
            return shown
        time.sleep(0.1)


def crash(stage: Stage) -> None:
    """kill -9 of a gateway under load: nothing that a client saw answered is lost."""
    house = stage.house
    answered = asyncio.run(_under_load(stage))
    stage.answered += answered
    deadline = time.monotonic() + 15
    recorded: list[str] = []
    while time.monotonic() < deadline and not set(answered) <= set(recorded):
        recorded = [record["id"] for record in house.requests()]
        time.sleep(0.1)
    stage.claims.check(
        "two gateways were killed; calls went on", len(answered) > 50, f"{len(answered)} answered"
    )
    lost = len(set(answered) - set(recorded))
    stage.claims.check(
        "every answered call is on record, once", not lost and len(recorded) == len(set(recorded))
    )


async def _under_load(stage: Stage) -> list[str]:
    answered: list[str] = []
    stop = asyncio.Event()

    async def client(http: httpx.AsyncClient) -> None:
        while not stop.is_set():
            try:
                answer = await http.post(
                    "/v1/chat/completions",
                    json={"model": "assistant", "messages": HELLO},
                    headers={"authorization": f"Bearer {stage.key}"},
                )
            except httpx.TransportError:
                continue
            if answer.status_code == 200:
                answered.append(answer.headers["x-headgate-request-id"])
            await asyncio.sleep(0.02)

    async with httpx.AsyncClient(base_url=stage.house.url, timeout=20, trust_env=False) as http:
        tasks = [asyncio.create_task(client(http)) for _ in range(6)]
        for _ in range(2):
            await asyncio.sleep(1.0)
            os.kill(stage.house.worker_pids("gateway")[0], signal.SIGKILL)
        await asyncio.sleep(1.5)
        stop.set()
        await asyncio.gather(*tasks)
    return answered


def residency(stage: Stage) -> None:
    """Data of a European project stays there, even when Europe is down."""
    house, check, standins = stage.house, stage.claims.check, stage.standins
    key = house.make_key("clinic", project="clinic")
    answer = chat(house.url, key, "regional")
    check("Europe answers", answer.headers.get("x-headgate-target") == "europe/model", answer.status_code)
    standins.servers["europe"].fail_with(503)
    answers = [chat(house.url, key, "regional") for _ in range(5)]
    standins.run(standins.servers["europe"].down())
    answers += [chat(house.url, key, "regional") for _ in range(5)]
    check("Europe fails, then is gone: the calls fail", all(one.status_code >= 500 for one in answers))
    counts = {name: standins.count(name) for name in ("america", "nowhere")}
    check("nothing was sent elsewhere", set(counts.values()) == {0}, counts)
    record = house.wait_for_requests(11, project="clinic")[0]
    excluded = house.get(f"/requests/{record['id']}")["excluded"]
    check("and the record says why", len(excluded) >= 2)
    for item in excluded:
        stage.claims.say(f"        {item['target']}: {item['reason']}")


def configuration(stage: Stage) -> None:
    """A wrong headgate.toml is refused whole; a right one takes effect without a restart."""
    house, check = stage.house, stage.claims.check
    good = CONFIG.format(**stage.standins.addresses())
    before = house.get("/status")["snapshot"]
    house.config_path.write_text(good.replace("[models.regional]\ntargets", "[models.regional]\ntargts"))
    said = ""
    deadline = time.monotonic() + 10
    while not said and time.monotonic() < deadline:
        time.sleep(0.1)
        refused = [line for line in house.log.read_text().splitlines() if "targts" in line]
        said = next((part for line in refused for part in line.split('"') if "headgate.toml:" in part), "")
    shown = (said.partition("force: ")[2] or said).replace("\\n", "; ")
    check("the wrong one is refused, with file and line", said, shown)
    check("and the one before stays in force", house.get("/status")["snapshot"] == before)
    house.config_path.write_text(good.replace("[models.assistant]", "[models.helper]"))
    deadline = time.monotonic() + 10
    while chat(house.url, stage.key, "helper").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    check("the right one serves a new name", chat(house.url, stage.key, "helper").status_code == 200)
    check("the old name is gone", chat(house.url, stage.key, "assistant").status_code == 404)
    house.config_path.write_text(good)
    while chat(house.url, stage.key, "assistant").status_code != 200 and time.monotonic() < deadline + 10:
        time.sleep(0.1)


def fallback(stage: Stage) -> None:
    """A broken and a slow provider: another target takes over before the first token."""
    house = stage.house
    with (
        openai.OpenAI(base_url=f"{house.url}/v1", api_key=stage.key, max_retries=0) as client,
        client.chat.completions.with_streaming_response.create(
            model="shaky", messages=[{"role": "user", "content": "Hello"}], stream=True
        ) as answer,
    ):
        target = answer.headers["x-headgate-target"]
        request = answer.headers["x-headgate-request-id"]
        whole = answer.read().decode()
    stage.claims.check("the client sees one clean stream", whole.rstrip().endswith("[DONE]"), target)
    record: dict[str, Any] = {}
    deadline = time.monotonic() + 5
    while not record and time.monotonic() < deadline:
        found = house.api.get(f"/requests/{request}")
        record = found.json() if found.status_code == 200 else {}
        time.sleep(0.05)
    tried = [f"{one['target']} {one['status']}" for one in record.get("attempts", [])]
    stage.claims.check("the record has every attempt", len(tried) >= 3, ", ".join(tried))


def rates(stage: Stage) -> None:
    """A rate limit answers 429, with when to come back."""
    limit = {"name": "five", "limit": "5 requests", "window": "minute"}
    key = stage.house.make_key("slow-down", rate_limits=[limit])
    answers = [chat(stage.house.url, key, "assistant") for _ in range(12)]
    statuses = [answer.status_code for answer in answers]
    check = stage.claims.check
    check("of twelve calls, no more than the five are let through", 1 <= statuses.count(200) <= 5, statuses)
    refused = [answer for answer in answers if answer.status_code == 429]
    waits = [answer.headers.get("retry-after", "") for answer in refused]
    check("429 says when to come back", waits and all(waits), f"retry-after {waits[0] if waits else None}")


def records(stage: Stage) -> None:
    """Every call on record, and what it came to."""
    house, check = stage.house, stage.claims.check
    asked = chat(house.url, stage.key, "assistant").headers["x-headgate-request-id"]
    began = time.monotonic()
    while house.get("/requests", limit=1)["items"][0]["id"] != asked and time.monotonic() - began < 5:
        time.sleep(0.02)
    took = time.monotonic() - began
    check("a call is on the list within a second", took < 1, f"{took * 1000:.0f} ms")
    listed = house.requests()
    ids = {record["id"] for record in listed}
    check("every answered call of this tour is there", set(stage.answered) <= ids, f"{len(ids)} records")
    rows = house.get("/costs", group_by="target")["items"]
    for row in rows:
        cost = "unknown" if row["cost_usd"] is None else f"{row['cost_usd']} USD"
        stage.claims.say(f"        {row['target'] or 'no target':<26} {row['requests']:>5} calls  {cost}")
    sums = sum((Decimal(row["cost_usd"] or 0) for row in rows), Decimal(0))
    costs = sum((Decimal(record["cost_usd"] or 0) for record in listed), Decimal(0))
    check("costs are the sum of the records, to the last digit", sums == costs, f"{sums} USD")


def secrets(stage: Stage) -> None:
    """No secret in any log, and none in the database."""
    house, check = stage.house, stage.claims.check
    wanted = {"the provider's key": SECRET, "a client's key": stage.key, "the admin key": house.admin_key}
    received = stage.standins.servers["paid"].requests[0].header(b"authorization") or b""
    check("the provider got its own key, not the client's", received == f"Bearer {SECRET}".encode())
    log = house.log.read_text()
    check("the log holds none of them", not [name for name, text in wanted.items() if text in log])
    dumped = _everything(house.database_url())
    check(
        "the database holds none of them",
        not [name for name, text in wanted.items() if text.encode() in dumped],
        f"{len(dumped) / 1e6:.1f} MB searched",
    )


def _everything(database_url: str) -> bytes:
    """Every row of every table, as text."""
    parts: list[bytes] = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        tables = connection.execute(
            "select format('copy (select * from %I.%I) to stdout', schemaname, tablename) from pg_tables "
            "where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (statement,) in tables:
            with connection.cursor().copy(statement) as copy:
                parts += [bytes(part) for part in copy]
    return b"".join(parts)


STEPS: tuple[Callable[[Stage], None], ...] = (
    clients,
    keys,
    budget,
    crash,
    residency,
    configuration,
    fallback,
    rates,
    records,
    secrets,
)
