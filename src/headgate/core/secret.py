"""A secret that can't be printed: every way of turning it into text or bytes shows `***`, but for one.

Never compared with `==` on its text by callers: use `matches`. Read next: `config.secrets`.
"""

import hmac
from typing import NoReturn

MASK = "***"


class Secret:
    """A credential held in memory. Only `reveal` gives its text; everything else shows `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; to be called where it is sent, and nowhere else."""
        return self._text

    def matches(self, text: str) -> bool:
        """Compare with another text in constant time."""
        return hmac.compare_digest(self._text.encode(), text.encode())

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other.reveal())

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return MASK

    def __format__(self, format_spec: str) -> str:
        return format(MASK, format_spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never pickled or copied to a file")


def mask_secret(value: object) -> str:
    """Encode a Secret as `***`: the `enc_hook` for msgspec, without which encoding one is an error."""
    if isinstance(value, Secret):
        return MASK
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")
