"""A business system, as headgate.toml describes it: how it signs, and which of its events say what. Pure.

Read next: `systems.signing`, `systems.mapping`.
"""

import re
from typing import Final, Literal

import msgspec

from headgate.traces.scores.model import Source

Signature = Literal["timestamped", "standard-webhooks", "body"]
"""`timestamped`: `t=SECONDS,v1=HEX` over `SECONDS.BODY`, as Headgate's own webhooks and others sign.
`standard-webhooks`: as standardwebhooks.com specifies. `body`: over the body alone, in hex or base64."""

HEADERS: Final[dict[Signature, str]] = {
    "timestamped": "x-headgate-signature",
    "standard-webhooks": "webhook-signature",
    "body": "x-signature",
}
"""Where each stands, unless the file says otherwise."""

Step = str | int
Path = tuple[Step, ...]
"""Where something stands in an event: names of members, and places in lists."""
Plain = bool | int | float | str

ROOT: Final = "$"
_PATH: Final = re.compile(r"\$(?:\.[A-Za-z0-9_@:-]+|\[[0-9]{1,6}\])*")
_STEP: Final = re.compile(r"\.([A-Za-z0-9_@:-]+)|\[([0-9]{1,6})\]")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of event says: fields of feedback, each by where it stands or as it is."""

    when: tuple[tuple[Path, Plain], ...] = ()
    """Only events in which these stand."""
    found: dict[str, Path]
    fixed: dict[str, Plain]


class BusinessSystem(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends, how it proves that, and what it says."""

    name: str
    project: str
    secrets: tuple[str, ...]
    """References, such as `env:SHOP_SECRET`; any of them signs."""
    signature: Signature
    header: str
    tolerance_s: float
    """How old, or how far ahead, the time of a signature may be."""
    items: Path | None
    """Where a list of events stands; None: a body is one event."""
    source: Source
    outcomes: tuple[Outcome, ...]


def read_path(text: str) -> Path:
    """Read `$.data.items[0].id`. Raises ValueError for what is none."""
    if not _PATH.fullmatch(text):
        raise ValueError(
            f"is {text[:100]!r}; write where it stands in the event, such as '$.data.items[0].id'"
        )
    return tuple(name or int(place) for name, place in _STEP.findall(text))
