"""How far back a command looks: 15m, 1h, 1d. Read next: `grounding_run`, `grounding_study`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_SINCE: Final = re.compile(r"(\d{1,4})([mhd])")
_UNITS_S: Final = {"m": 60, "h": 3600, "d": 86400}


def begin_of(since: str) -> str | None:
    """Return the time so far back, as the API takes it; None for what is no such text."""
    found = _SINCE.fullmatch(since)
    if found is None:
        return None
    return (datetime.now(UTC) - timedelta(seconds=int(found[1]) * _UNITS_S[found[2]])).isoformat()
