"""The step of the tour about checks: one requirement on two models, decided with fewer calls than cases."""

import json
import random
import time
from collections.abc import Callable
from typing import Any

from demo.running import chat
from demo.stage import CONFIG, Stage

RECORDED = """
[providers.shop]
kind = "replay"
file = "shop.jsonl"

[prices."shop/careful"]
input = "1"
output = "4"

[prices."shop/hasty"]
input = "0.1"
output = "0.4"

[models.careful]
targets = ["shop/careful"]

[models.hasty]
targets = ["shop/hasty"]
"""
CHECKS = """
[[checks]]
name = "orders"
dataset = "orders.jsonl"
budget = "1 USD"
scorers = [{ name = "right", kind = "contains" }]
requirements = [{ at_least = 0.9, error = 0.05 }]
targets = [{ name = "careful", model = "careful" }, { name = "hasty", model = "hasty" }]
"""
CASES = 200
RIGHT = {"careful": 0.99, "hasty": 0.7}
STATES = ("in transit", "delivered", "waiting for payment")
SOON_S = 20.0


def check(stage: Stage) -> None:
    """Is it good enough to go out? At least 90 % right at 5 % error, and not a call more than it takes."""
    house, claim = stage.house, stage.claims.check
    chance = random.Random(5)
    questions = {f"Where is order {1000 + number}?": chance.choice(STATES) for number in range(CASES)}
    folder = house.folder
    (folder / "orders.jsonl").write_text(
        "".join(json.dumps({"input": asked, "expected": state}) + "\n" for asked, state in questions.items())
    )
    (folder / "shop.jsonl").write_text(
        "".join(
            json.dumps(_recorded(model, asked, state if chance.random() < share else "lost")) + "\n"
            for model, share in RIGHT.items()
            for asked, state in questions.items()
        )
    )
    (folder / "checks.toml").write_text(CHECKS)
    house.config_path.write_text(CONFIG.format(**stage.standins.addresses()) + RECORDED)
    key = house.make_key("ci")
    _wait(lambda: chat(house.url, key, "careful", next(iter(questions))).status_code == 200)
    done = house.headgate("check", str(folder / "checks.toml"), "--json")
    assert done.stdout, done.stderr
    (checked,) = json.loads(done.stdout)
    careful, hasty = (each["report"] for each in checked["targets"])
    claim("the careful model passes", careful["verdict"] == "met", careful["requirements"][0]["sentence"])
    claim("the hasty one fails", hasty["verdict"] == "not met", hasty["requirements"][0]["sentence"])
    claim("and so does the command, for CI to see", done.returncode == 1, f"status {done.returncode}")
    made = careful["calls"] + hasty["calls"]
    claim("neither asked all cases", made < CASES, f"{made} calls in place of {2 * CASES}")
    spent = f"{careful['cost_usd']} and {hasty['cost_usd']} USD"
    claim("each call is on record, with its cost", careful["unpriced"] == 0, spent)


def _recorded(model: str, asked: str, state: str) -> dict[str, Any]:
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1767225600,
        "model": model,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": f"Your order is {state}."},
            }
        ],
        "usage": {"prompt_tokens": 14, "completion_tokens": 6, "total_tokens": 20},
    }
    return {
        "id": f"{model}: {asked}",
        "provider": "shop",
        "dialect": "openai-chat",
        "path": "/v1/chat/completions",
        "request": {"model": model, "messages": [{"role": "user", "content": asked}]},
        "status": 200,
        "content_type": "application/json",
        "response": json.dumps(answer),
    }


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)


STEPS: tuple[Callable[[Stage], None], ...] = (check,)
