"""Names of parameters as people write them in rules: canonical, a dialect's own, or a path into the body.

Never touches a body: that is `releases.applying`. Read next: `wire.parameters`, the one table of names.
"""

import difflib
import re
from typing import Final

from headgate.core.call import Dialect, Operation
from headgate.core.faults import InvalidRequest
from headgate.wire.parameters import CONTENT, NAMES, PARAMETERS, Place, path_of, place_of

OWN: Final = "body."
"""What a path begins with that is the body's own, for members that no table here knows."""

NAME_CHARACTERS_MAX: Final = 200
DEPTH_MAX: Final = 8
_PATH: Final = re.compile(r"[\w$@-]+(?:\.[\w$@-]+)*")


def known_names() -> tuple[str, ...]:
    """Return every name that needs no `body.` before it: canonical ones, then the dialects' own."""
    own = {path for names in NAMES.values() for path in names}
    return (*PARAMETERS, *sorted(own - set(PARAMETERS)))


def check_name(name: str, where: str) -> None:
    """Raise InvalidRequest, with the nearest names, for what names no parameter; `where` is the field."""
    path = name.removeprefix(OWN)
    if len(name) > NAME_CHARACTERS_MAX or not _PATH.fullmatch(path) or path.count(".") >= DEPTH_MAX:
        raise InvalidRequest(
            f"{where} has {name[:80]!r}, which is no name of a parameter; write such as `temperature` or "
            "`generationConfig.topK`",
            parameter=where,
        )
    first = path.partition(".")[0]
    if first in CONTENT:
        how = "write `model` of the rule" if first == "model" else "use `replace` for text"
        raise InvalidRequest(f"{where} has {name!r}, which is no parameter; {how}", parameter=where)
    if name.startswith(OWN) or name in known_names() or _is_within_known(path):
        return
    near = difflib.get_close_matches(name, known_names(), n=3, cutoff=0.6)
    listed = f"; the nearest are {', '.join(near)}" if near else ""
    raise InvalidRequest(
        f"{where} has {name!r}, which Headgate does not know{listed}. "
        f"Write `{OWN}{name}` if the provider does",
        parameter=where,
    )


def _is_within_known(path: str) -> bool:
    """Whether a path leads on from an object that holds parameters, such as `generationConfig.x`."""
    first, dot, _ = path.partition(".")
    return bool(dot) and any(own.startswith(first + ".") for names in NAMES.values() for own in names)


def place_for(name: str, dialect: Dialect, operation: Operation) -> Place | None:
    """Return where a rule's parameter stands in a call's body; None where the dialect or operation has none.

    A name that another dialect alone has is none here: `generationConfig.topK` is nothing to OpenAI.
    """
    if name.startswith(OWN):
        return path_of(name.removeprefix(OWN), dialect)
    if name in PARAMETERS:
        return place_of(name, dialect, operation)
    canonical = NAMES[dialect].get(name)
    if canonical is not None:
        return path_of(name, dialect) if operation in PARAMETERS[canonical].operations else None
    if any(name in names for names in NAMES.values()):
        return None
    first = name.partition(".")[0]
    if any(own.startswith(first + ".") for own in NAMES[dialect]):
        return path_of(name, dialect)
    return None
