"""Takes a target's own credential out of what its provider says, before that is passed on or recorded. Pure.

Providers quote keys in their errors: as they are, or as JSON and URLs write them. What they have masked in
part, or cut over two pieces of an answer, stays. Read next: `gateway.attempt`, which asks for it.
"""

import json
from typing import Final
from urllib.parse import quote

from headgate.core.secret import MASK, Secret

_MASK: Final = MASK.encode()
LENGTH_MIN: Final = 8
"""A shorter secret, such as the `none` of an engine at home, may be part of any text."""


class Masking:
    """Replaces one credential wherever it appears."""

    __slots__ = ("_forms", "_texts")

    def __init__(self, secret: Secret | None) -> None:
        text = secret.reveal() if secret is not None else ""
        forms = (text, json.dumps(text)[1:-1], quote(text, safe=""))
        self._texts = tuple(dict.fromkeys(forms)) if len(text) >= LENGTH_MIN else ()
        self._forms = tuple(form.encode() for form in self._texts)

    def data(self, data: bytes) -> bytes:
        """Bytes of an answer: the same object where the credential is not in them."""
        for form in self._forms:
            data = data.replace(form, _MASK)
        return data

    def text(self, text: str) -> str:
        """A message."""
        for form in self._texts:
            text = text.replace(form, MASK)
        return text
