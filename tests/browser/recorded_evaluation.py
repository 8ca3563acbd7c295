"""Evaluation whose every answer a real provider gave: two of its models, replayed, asked by every part of it.

An experiment and a rollout send calls to both, a check asks both for cases taken from such calls, a judge and
people mark answers, a canary and the watch of live traffic follow them, a rule holds them against what was
read. Where the recorded exchanges are not there, those that come with Headgate are replayed. Read next:
`recorded_house`, whose calls are those of applications; `house_evaluation`, whose answers are made up.
"""

import contextlib
import functools
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from demo.running import Running, headgate
from tests.browser.console_house import House
from tests.browser.house_evaluation import made, until
from tests.browser.recorded_house import exchanges_at_hand
from tests.browser.written_calls import in_database
from tests.flow.scripted_provider import ScriptedProvider
from tests.recorded_exchanges import Exchange

from headgate.standins.exchanges import RecordedExchange
from headgate.store.database import Connection

CONFIG = """
[providers.first]
kind = "replay"
price_provider = "openai"
file = "{folder}/one.jsonl"

[providers.second]
kind = "replay"
price_provider = "openai"
file = "{folder}/other.jsonl"

[providers.moving]
kind = "replay"
price_provider = "openai"
file = "{folder}/{moving}.jsonl"

[models.one]
targets = ["first/{one}"]

[models.other]
targets = ["second/{other}"]

[models.answers]
targets = ["first/{one}"]

[[experiments]]
name = "models"
alias = "answers"
window = "1s"
arms = [{{ name = "one", share = 1 }}, {{ name = "other", share = 1, targets = ["second/{other}"] }}]

[[experiments.metrics]]
name = "written"
measure = "output_tokens"
better = "lower"

[[experiments.metrics]]
name = "cost"
measure = "cost"
role = "guardrail"
margin = "5%"

[[experiments.metrics]]
name = "liked"
kind = "event"
role = "exploratory"

[models.served]
targets = ["first/{one}"]

[[rollouts]]
name = "other"
alias = "served"
targets = ["second/{other}"]
shares = [0.5]
window = "1s"
units = 5000

[[rollouts.guardrails]]
name = "written"
measure = "output_tokens"
margin = "5%"

[[grounding]]
name = "read"
share = 1.0
models = ["one"]
"""
CANARY = """
[[canaries]]
name = "daily"
targets = ["moving/{one}"]
dataset = "recorded"
scorer = "exact"
cases_a_run = 40
reference = 40
parameters = {{}}
"""
USERS = {"answers": 240, "served": 60}
"""Of each alias. An interval takes a hundred units an arm; the rollout has none yet."""
HOURS, CALLS_AN_HOUR = 4, 6
HOUR_S = 3600
KEPT = 8
MARKED, LEFT, WRONG = 40, 4, 9
"""How many answers the judge marks, how many of them people have not, and every which one wrongly."""
SHORT = 100
CHECK = """
[[checks]]
name = "recorded"
dataset = "recorded"
targets = [{ name = "one", model = "one" }, { name = "other", model = "other" }]
scorers = [{ name = "same", kind = "exact" }, { name = "short", kind = "regex", pattern = "^(?s:.){0,300}$" }]
requirements = [{ scorer = "same", at_least = 0.5 }]
"""
JUDGE: dict[str, Any] = {
    "name": "short",
    "model": "one",
    "scale": "yes_no",
    "rubric": "Is the answer short?",
    "review": {"random": 1.0},
}


class Called(msgspec.Struct, frozen=True):
    """A call as its caller saw it."""

    request: str
    alias: str
    user: str
    text: str
    tokens: int
    at: datetime


class Recorded(msgspec.Struct, frozen=True):
    """What a model was asked and answered, as it was recorded."""

    exchange: Exchange
    messages: list[dict[str, Any]]
    text: str
    tokens: int
    served: str

    @property
    def model(self) -> str:
        """The model that was asked."""
        return str(self.exchange.request["model"])


class Evaluated(msgspec.Struct, frozen=True):
    """A house whose evaluation rests on recorded answers, and these answers."""

    house: House
    one: list[Recorded]
    other: list[Recorded]
    calls: list[Called]


@contextlib.contextmanager
def recorded_evaluation() -> Generator[Evaluated]:
    """Run a Headgate, all of whose evaluation is of recorded answers."""
    one, other = _two_models()
    with tempfile.TemporaryDirectory() as folder, ScriptedProvider() as provider:
        _keep(Path(folder) / "one.jsonl", one, one[0].model)
        _keep(Path(folder) / "other.jsonl", other, other[0].model)
        _keep(Path(folder) / "moved.jsonl", other, one[0].model)
        names = {"folder": folder, "one": one[0].model, "other": other[0].model}
        with headgate(CONFIG.format(**names, moving="one")) as running:
            house = House(running, provider)
            until(lambda: running.get("/rollouts/other")["rollout"]["stage"] == "50 %")
            evaluated = Evaluated(house, one, other, _asked(house, one))
            _spread_over_hours(evaluated)
            _checked(evaluated)
            _judged(evaluated)
            house.put_in_force((CONFIG + CANARY).format(**names, moving="one"))
            until(lambda: running.get("/drift/canaries/daily")["targets"][0]["phase"] == "watching")
            running.command("drift", "run", "daily")
            # From now on the same name answers what another model did.
            house.put_in_force((CONFIG + CANARY).format(**names, moving="moved"))
            until(lambda: "HAS CHANGED" in running.command("drift", "run", "daily"))
            until(lambda: _alarms(running) >= {"canary", "served"})
            yield evaluated


def _alarms(running: Running) -> set[str]:
    """What alarms are of: one who serves is looked at by a job of its own."""
    return {each["kind"] for each in running.get("/drift/alarms")["items"]}


def _two_models() -> tuple[list[Recorded], list[Recorded]]:
    """The two models of which most different answers are at hand."""
    models: defaultdict[str, dict[str, Recorded]] = defaultdict(dict)
    for exchange in exchanges_at_hand():
        if exchange.dialect == "openai-chat" and exchange.status == 200 and not exchange.stream:
            found = _recorded(exchange)
            if found is not None:
                models[found.model].setdefault(found.text, found)
    first, second = sorted(models.values(), key=len, reverse=True)[:2]
    return list(first.values()), list(second.values())


def _recorded(exchange: Exchange) -> Recorded | None:
    answer = msgspec.json.decode(exchange.response)
    choices = answer.get("choices")
    content = choices[0]["message"].get("content") if choices else None
    messages = exchange.request.get("messages")
    if not messages or not isinstance(content, str) or not content:
        return None
    tokens = answer["usage"]["completion_tokens"]
    return Recorded(exchange, messages, content, tokens, str(answer["model"]))


def _keep(file: Path, answers: Sequence[Recorded], model: str) -> None:
    """Write exchanges for a replay: each asked by its messages alone, of a model of that name."""
    lines = [
        msgspec.json.encode(
            RecordedExchange(
                id=each.exchange.id,
                provider="openai",
                dialect="openai-chat",
                path="/v1/chat/completions",
                request={"model": model, "messages": each.messages},
                status=200,
                content_type="application/json",
                response=each.exchange.response,
            )
        )
        for each in answers
    ]
    file.write_bytes(b"\n".join(lines))


def _asked(house: House, one: Sequence[Recorded]) -> list[Called]:
    """Have users ask the aliases of the experiment and the rollout; some say that they like it."""
    calls = [
        call(house, alias, f"{alias}-{user}", one[user % len(one)].messages)
        for alias, users in USERS.items()
        for user in range(users)
    ]
    likes = calls[: USERS["answers"] : 3]
    said = [{"name": "liked", "value": True, "user": each.user, "at": each.at.isoformat()} for each in likes]
    answer = house.running.api.post("/feedback/batch", json={"items": said})
    assert answer.status_code == 202, answer.text
    return calls


def call(house: House, alias: str, user: str, messages: list[dict[str, Any]]) -> Called:
    """Ask, and keep what came: the user in the body makes it no question that was recorded."""
    found = house.call(f"{alias} {user}", alias, messages, user=user)
    assert found.status_code == 200, found.text
    answer = found.json()
    text, tokens = answer["choices"][0]["message"]["content"], answer["usage"]["completion_tokens"]
    return Called(found.headers["x-headgate-request-id"], alias, user, text, tokens, datetime.now(UTC))


def _spread_over_hours(evaluated: Evaluated) -> None:
    """Call for some hours: what is on record of the present one is put into one before, some times."""
    house, one = evaluated.house, evaluated.one
    for ago in range(HOURS + 1, 1, -1):
        # Near its end, they would fall into two hours.
        until(lambda: time.time() % HOUR_S < HOUR_S - 60)
        evaluated.calls.extend(
            call(house, "one", f"hour-{ago}", one[place % len(one)].messages)
            for place in range(CALLS_AN_HOUR)
        )
        until_now = CALLS_AN_HOUR * (HOURS + 2 - ago)
        assert len(house.running.wait_for_requests(until_now, timeout_s=60, model="one")) == until_now
        in_database(house.running, functools.partial(_be_ago, hours=ago))
    until(lambda: house.running.get("/drift/traffic", target=f"first/{one[0].model}")["items"])


async def _be_ago(connection: Connection, hours: int) -> None:
    await connection.execute(
        "update drift_hours set slot = slot - make_interval(hours => %(hours)s) "
        "where model = 'one' and slot > clock_timestamp() - interval '90 minutes'",
        {"hours": hours},
    )


def _checked(evaluated: Evaluated) -> None:
    """Ask both models what one of them was asked, where its own answer is expected; keep calls as cases."""
    running = evaluated.house.running
    cases = [
        {"id": f"case-{place}", "input": each.messages, "expected": each.text}
        for place, each in enumerate(evaluated.one)
    ]
    calls = {"request_ids": [each.request for each in evaluated.calls[:KEPT]]}
    for name, path, body in (("recorded", "cases", {"cases": cases}), ("asked", "calls", calls)):
        made(running.api.post("/datasets", json={"name": name}), 201)
        made(running.api.post(f"/datasets/{name}/{path}", json=body), 201)
    path = running.folder / "checks.toml"
    path.write_text(CHECK, encoding="utf-8")
    done = running.headgate("check", str(path), "--all")
    assert done.returncode in (0, 1, 2), done.stderr
    until(lambda: all(each["verdict"] for each in running.get("/checks/runs")["items"]))


def _judged(evaluated: Evaluated) -> None:
    """Let a judge mark some answers by how long they are, wrongly now and then, and people all but some."""
    api = evaluated.house.running.api
    made(api.post("/judges", json=JUDGE), 201)
    chosen = evaluated.calls[:MARKED]
    items = [
        {"request_id": each.request, "marks": [{"value": is_short(each) ^ (place % WRONG == 0)}]}
        for place, each in enumerate(chosen)
    ]
    made(api.post("/judges/short/marks", json={"items": items}), 201)
    short = {each.request: is_short(each) for each in chosen}
    queue = evaluated.house.running.get("/reviews", judge="short", limit=500)["items"]
    assert len(queue) == MARKED
    for item in queue[:-LEFT]:
        mark = {"value": short[item["request_id"]], "by": "anna"}
        made(api.post(f"/reviews/{item['id']}/marks", json=mark), 201)


def is_short(of: Called) -> bool:
    """Whether an answer is short."""
    return len(of.text) < SHORT
