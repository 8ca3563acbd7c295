"""The step of the tour about experiments: two arms of an alias, one sentence, one sealed decision."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from demo.running import chat
from demo.stage import CONFIG, Stage

EXPERIMENT = """
[models.helper]
targets = ["cheap/small"]

[[experiments]]
name = "bigger"
alias = "helper"
window = "3s"
arms = [
    {{ name = "small", share = 1 }},
    {{ name = "medium", share = 1, targets = ["cheap/medium"] }},
]
metrics = [
    {{ name = "solved", kind = "event", effect = "0.1" }},
    {{ name = "errors", measure = "errors", role = "guardrail", margin = "0.05" }},
]
"""
USERS = 300
AT_ONCE = 8
SOLVED = {"cheap/small": 0.3, "cheap/medium": 0.8}
SOON_S = 20.0


def experiment(stage: Stage) -> None:
    """Is the bigger model better? Two arms, an interval that holds at every look, and one sentence."""
    house, check = stage.house, stage.claims.check
    house.config_path.write_text((CONFIG + EXPERIMENT).format(**stage.standins.addresses()))
    key = house.make_key("app", may_assert=True)
    _wait(lambda: chat(house.url, key, "helper", user="user-0").status_code == 200)
    users = [f"user-{number}" for number in range(1, USERS + 1)]

    def target_of(user: str) -> str:
        return chat(house.url, key, "helper", user=user).headers["x-headgate-target"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        served = dict(zip(users, pool.map(target_of, users), strict=True))
        again = list(pool.map(target_of, users[:20]))
    check("a user stays in its arm", again == [served[user] for user in users[:20]])
    chance = random.Random(8)
    at = datetime.now(UTC).isoformat()
    said: list[dict[str, Any]] = [
        {"name": "solved", "value": True, "user": user, "at": at}
        for user in users
        if chance.random() < SOLVED[served[user]]
    ]
    house.api.post("/feedback/batch", json={"items": said})
    _wait(lambda: "better on solved" in _report(stage)["sentence"])
    report = _report(stage)
    counts = ", ".join(f"{arm['units']} in {arm['name']}" for arm in report["arms"])
    check("the arms have their shares", report["is_sound"], counts)
    check("a sentence says what is known", "safe to stop" in report["sentence"], report["sentence"])
    house.command("experiments", "stop", "bigger", "--arm", "medium", "--reason", "solves more")
    decision = house.get("/experiments/bigger")["decision"]
    check("the decision is sealed, with the data's digest", decision["intact"], decision["seal"])
    refused = house.api.post("/experiments/bigger/stop", json={}).status_code
    check("and can't be made twice", refused == 409, refused)


def _report(stage: Stage) -> dict[str, Any]:
    return stage.house.get("/experiments/bigger")["report"]


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)


STEPS: tuple[Callable[[Stage], None], ...] = (experiment,)
