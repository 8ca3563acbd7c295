"""The Vercel AI SDK, unchanged, in a process of Node's, as it asks what a scenario is about.

Each of its providers is one client, named by the dialect in which it calls. Read next: `vercel/ask.mjs`,
`tests.contract.clients.asking`.
"""

import json
import shutil
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from tests.attack.clients.npm_programs import node, vercel
from tests.contract.clients.asking import Asking, Heard
from tests.contract.clients.replayed_traffic import OUTPUT, QUESTION, Scenario
from tests.flow.dialect_clients import PIXEL

PROVIDERS = ("openai-chat", "openai-responses", "openai-compatible", "anthropic", "google")
_WITHOUT_REASONING = ("openai-chat",)
"""Those that leave out what a model thought."""
ANSWER_S_MAX = 60.0
_HERE = Path(__file__).parent / "vercel"


class VercelError(Exception):
    """What the SDK throws."""

    def __init__(self, message: str, status_code: int | None) -> None:
        super().__init__(message)
        self.status_code = status_code


class Vercel:
    """The process of the SDK, which answers one question after another."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, **question: Any) -> list[Heard]:
        """Raises VercelError where the SDK throws."""
        assert self._process.stdin is not None and self._process.stdout is not None
        late = threading.Timer(ANSWER_S_MAX, self._process.kill)
        late.start()
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            late.cancel()
        assert line, "the SDK's process has ended, or took too long"
        heard = json.loads(line)
        if "error" in heard:
            raise VercelError(
                f"{heard['error']['name']}: {heard['error']['message']}", heard["error"]["status"]
            )
        return [_heard(turn) for turn in heard["turns"]]


def _heard(turn: dict[str, Any]) -> Heard:
    return Heard(
        text=turn["text"],
        calls=tuple((name, arguments) for name, arguments in turn["calls"]),
        finish=turn["finish"].replace("-", "_"),
        tokens=(turn["tokens"][0], turn["tokens"][1]),
        reasoning=turn["reasoning"],
    )


class OfProvider:
    """One of the SDK's providers."""

    def __init__(self, sdk: Vercel, provider: str) -> None:
        self._sdk = sdk
        self._provider = provider

    def ask(self, scenario: Scenario) -> list[Heard]:
        heard = self._sdk.ask(
            client=self._provider,
            model=scenario.alias,
            text=QUESTION,
            image=PIXEL if scenario.name == "vision" else None,
            tools=[
                {"name": one.name, "description": one.description, "parameters": one.parameters}
                for one in scenario.tools
            ],
            output=OUTPUT,
            thinking=_measure(scenario),
            schema=scenario.schema,
            streamed=scenario.streamed,
        )
        if self._provider in _WITHOUT_REASONING:
            return [msgspec.structs.replace(one, reasoning=None) for one in heard]
        return heard

    def ask_plainly(self, model: str) -> object:
        return self._sdk.ask(
            client=self._provider, model=model, text=QUESTION, tools=[], streamed=False, thinking="none"
        )


def _measure(scenario: Scenario) -> str:
    if scenario.name != "thinking":
        return "none"
    return "budget" if scenario.model.startswith("gemini-2") else "effort"


@contextmanager
def vercel_clients(url: str, key: str) -> Generator[dict[str, OfProvider]]:
    """All of them by their names, for the length of a `with` block."""
    folder = vercel(_HERE / "package.json")
    for name in ("ask.mjs", "package.json"):
        shutil.copy(_HERE / name, folder / name)
    command = [str(node()), str(folder / "ask.mjs"), url, key]
    # Nothing of this process's environment says where or as whom the SDK calls.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PATH": "/usr/bin:/bin"}
    ) as process:
        try:
            sdk = Vercel(process)
            yield {name: OfProvider(sdk, name) for name in PROVIDERS}
        finally:
            process.kill()


_: type[Asking] = OfProvider
