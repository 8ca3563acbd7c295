"""Takes a target's own credential out of what its provider says, before that is passed on or recorded. Pure.

Providers quote keys in their errors. Only the exact text is known here; what they have masked in part stays.
Read next: `gateway.attempt`, which asks for it.
"""

from typing import Final

from headgate.core.ports import Headers
from headgate.core.secret import MASK, Secret

LENGTH_MIN: Final = 8
"""A shorter secret, such as the `none` of an engine at home, may be part of any text."""


class Masking:
    """Replaces one credential wherever it appears."""

    __slots__ = ("_secret", "_text")

    def __init__(self, secret: Secret | None) -> None:
        text = secret.reveal() if secret is not None else ""
        self._text = text if len(text) >= LENGTH_MIN else ""
        self._secret = self._text.encode()

    def data(self, data: bytes) -> bytes:
        """Bytes of an answer: the same object where the credential is not in them."""
        if self._secret and self._secret in data:
            return data.replace(self._secret, MASK.encode())
        return data

    def text(self, text: str) -> str:
        """A message."""
        return text.replace(self._text, MASK) if self._text else text

    def headers(self, headers: Headers) -> Headers:
        """Header fields of an answer."""
        return [(name, self.data(value)) for name, value in headers]
