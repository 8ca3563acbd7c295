"""What `--follow` does: shows what is new of a list, again and again, until it is interrupted."""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from headgate.cli.client import Json
from headgate.cli.command import Api

POLL_S: Final = 0.5
PAGE: Final = 100
SEEN_MAX: Final = 10_000


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """A list that is followed: where it is asked for, what a row is known by, and how it is written.

    With `grows` a row is shown again when it has changed.
    """

    path: str
    parameters: dict[str, Any]
    place: Callable[[Json], Any]
    written: Callable[[Json], str]
    grows: bool = False


def follow(api: Api, following: Following) -> None:
    """Show what is new, the oldest first, until interrupted."""
    api.out.say("following; Ctrl-C ends it")
    seen: dict[Any, Json] = {following.place(row): row for row in _newest(api, following)}
    while True:
        time.sleep(POLL_S)
        for row in reversed(_newest(api, following)):
            place = following.place(row)
            if place not in seen or (following.grows and seen[place] != row):
                seen[place] = row
                if api.out.as_json:
                    api.out.line(row)
                else:
                    print(following.written(row), flush=True)
        while len(seen) > SEEN_MAX:
            del seen[next(iter(seen))]


def _newest(api: Api, following: Following) -> list[Json]:
    return api.client.items(following.path, limit=PAGE, **following.parameters)
