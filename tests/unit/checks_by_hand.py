"""Checks on a target that is a function: what it says to a question, and no network."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from headgate.checks.answering import Said
from headgate.checks.definitions import checks_of
from headgate.checks.judging import JudgedHere
from headgate.checks.marking import Marker
from headgate.checks.model import Check
from headgate.checks.report import Report, report
from headgate.checks.running import Job, Outcome, run
from headgate.datasets.model import Case

HERE = Path(__file__).parent
RIGHT: dict[str, Any] = {"name": "right", "kind": "exact"}


class Scripted:
    """Answers by a function of the body and of how often that body came before: a text, or a whole `Said`."""

    def __init__(
        self, answer: Callable[[dict[str, Any], int], str | Said], cost: str | None = "0.001"
    ) -> None:
        self._answer = answer
        self._cost = cost
        self._lock = threading.Lock()
        self._times: Counter[bytes] = Counter()
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, path: str, body: Mapping[str, Any]) -> Said:
        with self._lock:
            key = msgspec.json.encode(body)
            times = self._times[key]
            self._times[key] += 1
            self.asked.append((path, dict(body)))
            number = len(self.asked)
        said = self._answer(dict(body), times)
        if isinstance(said, Said):
            return said
        return spoken(said, number=number, cost=self._cost)


def spoken(text: str, *, number: int = 1, cost: str | None = "0.001") -> Said:
    """What the gateway says when a model says this."""
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    priced = {} if cost is None else {"x-headgate-cost-usd": cost}
    return Said(
        status=200,
        headers={"x-headgate-request-id": f"request-{number}", "x-headgate-target": "shop/model", **priced},
        content=msgspec.json.encode({"choices": [{"message": message}], "usage": usage}),
        duration_ms=1.0,
    )


def failed(status: int, message: str, *, target: str = "shop/model") -> Said:
    """What the gateway says when something failed; without a target where it refused by itself."""
    headers = {"x-headgate-target": target} if target else {}
    return Said(
        status=status,
        headers=headers,
        content=msgspec.json.encode({"error": {"message": message}}),
        duration_ms=1.0,
    )


def check_of(**fields: Any) -> Check:
    """A check as a file would say it."""
    table = {"name": "one", "dataset": "cases.jsonl", "model": "assistant", "scorers": [RIGHT], **fields}
    return checks_of({"checks": [table]}, "checks.toml")[0]


def cases_of(count: int, **fields: Any) -> list[Case]:
    """So many cases, each with another question; "yes" is expected."""
    return [
        Case(id=f"case-{number:04}", input=f"{number}?", expected="yes", **fields) for number in range(count)
    ]


def question_of(body: Mapping[str, Any]) -> str:
    """What was asked last."""
    return str(body["messages"][-1]["content"])


def outcome_of(check: Check, cases: list[Case], ask: Scripted, **job: Any) -> Outcome:
    """Run a check of its first target."""
    marker = Marker(check.scorers, HERE, ask, JudgedHere())
    return run(Job(check=check, target=check.targets[0], cases=cases, **job), ask, marker)


def report_of(check: Check, cases: list[Case], ask: Scripted, **job: Any) -> Report:
    """Run a check and say what is known."""
    return report(check, check.targets[0], outcome_of(check, cases, ask, **job))
