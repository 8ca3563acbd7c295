"""What a drill leaves behind when the server is away at its end."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest

from headgate.core.faults import Unavailable
from headgate.drills.conduct import Options, conduct
from headgate.drills.model import Verdict
from headgate.drills.plans import Drill, Stage


class Gone:
    """A control API that goes away once it has made a key."""

    url = "http://127.0.0.1:1"

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Make the key."""
        self.made = body
        return {"id": "1", "key": "hg_drill"}

    def get(self, path: str, **parameters: Any) -> NoReturn:
        """Be away."""
        raise Unavailable("away")

    def delete(self, path: str) -> NoReturn:
        """Be away."""
        raise Unavailable("away")

    def items(self, path: str, *, limit: int | None = None, **parameters: Any) -> NoReturn:
        """Be away."""
        raise Unavailable("away")


def test_a_key_that_cannot_be_taken_away_ends_by_itself_and_hides_no_error() -> None:
    async def trouble(stage: Stage) -> Sequence[Verdict]:
        raise RuntimeError("the first error")

    control, notes = Gone(), list[str]()
    drill = Drill(name="torn", does="", promises="", trouble=trouble, answers=False)
    options = Options(seconds=60.0, clients=1, model="mock/mock")
    with pytest.raises(RuntimeError, match="the first error"):
        conduct(control, drill, options, None, note=notes.append)
    ends = datetime.fromisoformat(control.made["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=5) < ends < timedelta(minutes=15)
    assert control.made["expires_at"] in notes[-1]
    assert "away" in notes[-1]
