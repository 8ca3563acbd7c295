"""A running Headgate with rollouts, in front of scripted providers: `a` serves now, `b` is the candidate."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from demo.running import Running
from tests.flow.scripted_provider import ScriptedProvider

Found = TypeVar("Found")

ROLLOUT = """
[models.{name}]
targets = ["a/{name}"]
retry = {{ attempts = 1 }}

[[rollouts]]
name = "{name}"
alias = "{name}"
targets = ["b/{name}"]
{more}
shares = [0.5]
window = "1s"
units = {units}
guardrails = [{{ name = "errors", measure = "errors", margin = "0.2" }}]
"""
SOON_S = 60.0


class House:
    """Headgate, its callers, and how rollouts are seen to move; `soon_s` is how long a move may take."""

    def __init__(self, running: Running, provider: ScriptedProvider, *, soon_s: float = SOON_S) -> None:
        self.running = running
        self.provider = provider
        self.key = running.make_key("rollouts", may_assert=True)
        self.users = 0
        self.soon_s = soon_s

    def ask(self, model: str, user: str | None = None, **more: Any) -> httpx.Response:
        """Make a call, of a user that nobody was before unless one is named; an empty one is nobody."""
        if user is None:
            self.users += 1
            user = f"user-{self.users}"
        headers = more.pop("headers", {})
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20, **more}
        return httpx.post(
            f"{self.running.url}/v1/chat/completions",
            json={**body, "user": user} if user else body,
            headers={"authorization": f"Bearer {self.key}", **headers},
            timeout=30,
            trust_env=False,
        )

    def target(self, model: str, user: str = "") -> str:
        """Who serves a call; empty where it failed."""
        answer = self.ask(model, user)
        return answer.headers.get("x-headgate-target", "").partition("/")[0] if answer.is_success else ""

    def shown(self, name: str) -> dict[str, Any]:
        return self.running.get(f"/rollouts/{name}")

    def until(self, find: Callable[[], Found | None], or_else: Callable[[], object]) -> Found:
        """Wait until there is something, and return it; fail with what `or_else` gives."""
        deadline = time.monotonic() + self.soon_s
        while not (found := find()):
            assert time.monotonic() < deadline, or_else()
            time.sleep(0.05)
        return found

    def standing_at(self, name: str, stage: str) -> dict[str, Any] | None:
        """A rollout, once it stands at a stage."""
        shown = self.shown(name)
        return shown if shown["rollout"]["stage"] == stage else None

    def wait_for_stage(self, name: str, stage: str) -> dict[str, Any]:
        return self.until(lambda: self.standing_at(name, stage), lambda: self.shown(name))

    def wait_for_target(self, model: str, target: str, user: str = "") -> None:
        self.until(lambda: self.target(model, user) == target, lambda: f"{model} is not served by {target}")

    def wait_for_note(self, name: str, words: str) -> None:
        """Wait until a note of the report has these words."""

        def notes() -> list[str]:
            return self.shown(name)["report"]["notes"]

        self.until(lambda: any(words in each for each in notes()), notes)

    def ask_until(self, name: str, stage: str, user: str | None = None) -> tuple[dict[str, Any], set[str]]:
        """Make calls until a rollout stands at a stage; return it, and who served them."""
        targets: set[str] = set()

        def asked() -> dict[str, Any] | None:
            for _ in range(8):
                answered = self.ask(name, user)
                assert answered.is_success, answered.text
                targets.add(answered.headers["x-headgate-target"].partition("/")[0])
            return self.standing_at(name, stage)

        return self.until(asked, lambda: self.shown(name)), targets

    def begun(self, name: str) -> None:
        """Wait until calls are compared."""

        def is_compared() -> bool:
            if self.provider.received("b", name):
                return True
            assert self.ask(name).is_success
            return False

        self.until(is_compared, lambda: self.shown(name))
