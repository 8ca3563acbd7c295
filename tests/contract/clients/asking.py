"""What all clients are held to, in one way: they hear what the provider's raw answer says, turn by turn.

A client that does not tell something leaves it None; what it tells has to be true. Read next:
`replayed_traffic`.
"""

import json
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec
import pytest
from tests.contract.clients.replayed_errors import ERRORS, SAID, Error
from tests.contract.clients.replayed_providers import Replays
from tests.contract.clients.replayed_traffic import OUTBOUND, Name, Scenario, scenarios

from headgate.core.call import AnyDialect

_FINISHES = {
    **dict.fromkeys(("stop", "end_turn", "STOP", "completed", "stop_sequence"), "stop"),
    **dict.fromkeys(("tool_calls", "tool_use", "tool_call"), "tool_calls"),
    **dict.fromkeys(("length", "max_tokens", "MAX_TOKENS", "incomplete"), "length"),
}
STATUSES: dict[Error, int] = {"refused": 400, "limited": 429, "overloaded": 502}
"""What a caller is told of each refusal: an overloaded provider is a failure of Headgate's own upstream."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as a client has it. `tokens`: all that went in, and all that came out."""

    text: str
    calls: tuple[tuple[str, Any], ...] = ()
    finish: str | None = None
    tokens: tuple[int, int] | None = None
    reasoning: str | None = None


class Asking(Protocol):
    """A client, or a framework, that asks what a scenario is about."""

    def ask(self, scenario: Scenario) -> list[Heard]:
        """Ask as the scenario says, run its tools, and return what was heard in each turn."""
        ...

    def ask_plainly(self, model: str) -> object:
        """Ask for a text."""
        ...


def cases(*names: Name, streamed: Iterable[bool] = (False, True)) -> list[Any]:
    """Those scenarios of every outbound dialect, as parameters of a test."""
    wanted = [one for one in scenarios() if one.name in names and one.streamed in streamed]
    return [pytest.param(one, id=one.alias) for one in wanted]


def hold(scenario: Scenario, heard: list[Heard]) -> None:
    """Fail where a client has not heard what was said."""
    assert len(heard) == len(scenario.answers)
    for answer, one in zip(scenario.answers, heard, strict=True):
        gist = answer.gist
        assert one.calls == gist.calls, one
        if scenario.name == "structured":
            assert json.loads(one.text) == json.loads(gist.text)
        else:
            assert one.text == gist.text, one
        if one.finish is not None:
            word = _FINISHES.get(one.finish, one.finish)
            assert (word if not one.calls or word != "stop" else "tool_calls") == gist.finish, one
        assert one.tokens in (None, answer.tokens), one
        assert one.reasoning in (None, answer.reasoning), one


REFUSALS = [pytest.param(dialect, error, id=f"{dialect}-{error}") for dialect in OUTBOUND for error in ERRORS]


def hold_refusal(client: Asking, replays: Replays, dialect: AnyDialect, error: Error) -> None:
    """Fail where a provider's refusal is not told, or where the client tried more than once."""
    before = replays.provider.calls
    with pytest.raises(Exception) as raised:
        client.ask_plainly(replays.refusing(dialect, error))
    assert replays.provider.calls == before + 1
    assert STATUSES[error] in _statuses(raised.value)
    assert SAID in str(raised.value)


def _statuses(error: BaseException) -> list[object]:
    found: list[object] = []
    link: BaseException | None = error
    while link is not None:
        found += [getattr(link, name, None) for name in ("status_code", "code")]
        link = link.__cause__ or link.__context__
    return found
