"""Foreign seals in a dialect's own opaque members, so that clients carry them and give them back. Pure.

A client that speaks one dialect may be answered by providers of others: their signatures and encrypted
reasoning travel in the client's dialect, marked with their maker, and go back to that maker only (traps 33 to
35, 37). What carries no mark is the dialect's own. Read next: any dialect's `parts`.
"""

import base64
from typing import Final

from headgate.core.chat import Seal

MARK: Final = "hgs1."
"""Begins every foreign seal. A body that holds it has been through a translation."""
MARK_IN_BASE64: Final = "aGdzMS"
"""How every marked seal begins in base64, whatever follows the mark."""


def wrapped(seal: Seal, own: str) -> str:
    """The seal as text for a member of the dialect `own`: its own as they are, others marked."""
    if seal.maker == own:
        return seal.data
    name = base64.urlsafe_b64encode(seal.maker.encode()).decode("ascii").rstrip("=")
    return f"{MARK}{name}.{seal.data}"


def unwrapped(text: str, own: str) -> Seal:
    """The seal that a member of the dialect `own` holds; one whose mark is broken counts as its own."""
    if text.startswith(MARK):
        name, dot, data = text[len(MARK) :].partition(".")
        try:
            maker = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
        except ValueError:  # no base64, no ASCII, or no UTF-8 within
            return Seal(own, text)
        seal = Seal(maker, data)
        # Decoding overlooks what is no base64: only what this house writes is a mark.
        if dot and maker and wrapped(seal, own) == text:
            return seal
    return Seal(own, text)


def is_for(seal: Seal | None, maker: str) -> bool:
    """Whether a seal may go back to a provider: only to the one that made it."""
    return seal is not None and seal.maker == maker
