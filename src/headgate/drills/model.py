"""The words of drills: what a client saw, what stands on record, what a budget says, and a verdict. Pure."""

from typing import Any, Protocol

import msgspec


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One call as its client saw it. `status` 0: no answer came at all.

    `name` is the client's own, which the call also carries as its user. `whole`: the body came to its end,
    and a stream to its terminator. `cost_usd` is what the answer's header said.
    """

    name: str
    status: int = 0
    call: str = ""
    whole: bool = False
    stream: bool = False
    cost_usd: str | None = None
    took_s: float = 0.0
    ended_s: float = 0.0
    """On the clock of `time.monotonic`."""
    said: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether the client has all that it asked for."""
        return self.whole and 200 <= self.status < 300


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A record, as `GET /requests` lists it, as far as drills look at it."""

    id: str
    user: str | None = None
    status: int
    code: str | None = None
    target: str | None = None
    cost_usd: str | None = None
    estimated: bool = False
    truncated: bool = False
    attempts: int = 0


class BudgetLine(msgspec.Struct, frozen=True, kw_only=True):
    """A budget in its present window, as `GET /budgets` lists it."""

    name: str
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    overrun_usd: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A promise, what was seen of it, and whether it held."""

    promise: str
    seen: str
    kept: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One drill as it went. `done` are its steps, with the second at which each was made."""

    drill: str
    done: list[str]
    verdicts: list[Verdict]
    calls: int
    answered: int

    @property
    def kept(self) -> bool:
        """Whether every promise held."""
        return all(verdict.kept for verdict in self.verdicts)


class Control(Protocol):
    """The control API of the set-up, as the command line's client speaks to it."""

    url: str

    def get(self, path: str, **parameters: Any) -> Any:
        """Read a resource."""
        ...

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Make something."""
        ...

    def delete(self, path: str) -> Any:
        """Take something away."""
        ...

    def items(self, path: str, *, limit: int | None = None, **parameters: Any) -> list[dict[str, Any]]:
        """Read a list, page after page."""
        ...
