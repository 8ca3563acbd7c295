"""Calls a target with a case, through the gateway, and says what came of it.

What is no fault of the target's, such as a key that may not call or a budget that is spent, ends the run
(`Halted`); any other failure is an answer that is wrong. Read next: `checks.running`.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

import msgspec

from headgate.checks.model import Answer, Target
from headgate.core.faults import InvalidRequest
from headgate.core.money import parse_usd
from headgate.datasets.model import Case

CHAT: Final = "/v1/chat/completions"
TRIES: Final = 4
WAIT_S_MAX: Final = 10.0

_ENDS: Final = {
    401: "set HEADGATE_KEY to a key that may make calls, then go on",
    402: "a budget of the gateway is spent; raise it (`headgate budgets list`), then go on",
    403: "take another key, or ask an administrator, then go on",
    404: "correct the model or prompt (`headgate models`, `headgate prompts list`), then begin again",
}


class Halted(Exception):
    """The run can't go on: what happened, and what to do next."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway said: status, headers in lower case, body, and how long it took."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    duration_ms: float

    @property
    def cost_pico_usd(self) -> int | None:
        """What the call cost; None where it is not known."""
        text = self.headers.get("x-headgate-cost-usd")
        return None if text is None else _pico(text)


class Ask(Protocol):
    """The way to the gateway: sends a body to a route. Raises Halted where nobody answers."""

    def __call__(self, path: str, body: Mapping[str, Any]) -> Said:
        """Send and wait for the answer."""
        ...


def body_of(target: Target, case: Case) -> dict[str, Any]:
    """Return what a target is asked for a case. Raises InvalidRequest for a case that does not fit it."""
    messages: list[Any] = []
    if target.system is not None:
        messages.append({"role": "system", "content": target.system})
    body: dict[str, Any] = {}
    if case.body is not None:
        body = {name: value for name, value in case.body.items() if name not in ("stream", "stream_options")}
        messages += cast("list[Any]", body.get("messages") or [])
    elif isinstance(case.input, str):
        messages.append({"role": "user", "content": case.input})
    else:
        messages += case.input or []
    body["messages"] = messages
    if target.model or "model" not in body:
        body["model"] = target.model
    if target.prompt is not None:
        body["prompt"] = _prompt(target.prompt, case.variables)
    elif case.variables is not None:
        raise InvalidRequest(
            f"case {case.id} gives variables, but target {target.name} has no prompt; name one with `prompt`"
        )
    return {**body, **target.parameters}


def answer_of(ask: Ask, body: Mapping[str, Any]) -> Answer:
    """Make a call and return its answer. Raises Halted."""
    said = patiently(ask, CHAT, body)
    told: dict[str, Any] = {
        "request_id": said.headers.get("x-headgate-request-id", ""),
        "target": said.headers.get("x-headgate-target", ""),
        "cost_pico_usd": said.cost_pico_usd,
        "duration_ms": said.duration_ms,
    }
    if said.status != 200:
        return Answer(problem=f"{said.status}: {_message(said.content)}"[:500], **told)
    try:
        whole = msgspec.json.decode(said.content, type=dict[str, Any])
        message = cast("dict[str, Any]", whole["choices"][0]["message"])
        text = message.get("content") or ""
    except (msgspec.DecodeError, RecursionError, LookupError, TypeError, AttributeError):
        return Answer(problem="the answer is no chat completion", **told)
    usage = cast("dict[str, Any]", whole.get("usage") or {})
    return Answer(
        text=text if isinstance(text, str) else msgspec.json.encode(text).decode(),
        message=message,
        input_tokens=int(usage.get("prompt_tokens") or 0),
        output_tokens=int(usage.get("completion_tokens") or 0),
        **told,
    )


def patiently(ask: Ask, path: str, body: Mapping[str, Any]) -> Said:
    """Ask, and again after a while where the gateway says that it is too much. Raises Halted."""
    said = ask(path, body)
    for _ in range(TRIES - 1):
        if said.status != 429:
            break
        time.sleep(min(WAIT_S_MAX, _seconds(said.headers.get("retry-after"))))
        said = ask(path, body)
    if said.status == 429:
        raise Halted(
            f"the gateway says to wait: {_message(said.content)}",
            "lower concurrency, or raise the rate limit, then go on",
        )
    if said.status in _ENDS and not said.headers.get("x-headgate-target"):
        raise Halted(f"the gateway refuses the calls: {_message(said.content)}", _ENDS[said.status])
    return said


def _prompt(name: str, variables: Mapping[str, Any] | None) -> dict[str, Any]:
    name, _, version = name.partition("@")
    chosen: dict[str, Any] = {"version": int(version) if version.isdigit() else version} if version else {}
    return {"name": name, **chosen, "variables": variables or {}}


def _message(content: bytes) -> str:
    try:
        found = msgspec.json.decode(content, type=dict[str, Any])
        fault: Any = found.get("error", found)
        return str(cast("dict[str, Any]", fault).get("message") if isinstance(fault, dict) else fault)
    except (msgspec.DecodeError, RecursionError):
        return content[:200].decode("utf-8", "replace")


def _seconds(text: str | None) -> float:
    try:
        return max(0.1, float(text or 1))
    except ValueError:
        return 1.0


def _pico(text: str) -> int | None:
    try:
        return parse_usd(text)
    except ValueError:
        return None
