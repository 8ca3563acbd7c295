"""Takes a target's own credentials out of what its provider says, before that is passed on or recorded. Pure.

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
LEARNT_MAX: Final = 4


class Masking:
    """Replaces credentials wherever they appear: those it is made with, and the last ones that it learnt."""

    __slots__ = ("_fixed", "_forms", "_learnt", "_texts")

    def __init__(self, *secrets: Secret | None) -> None:
        self._fixed = tuple([secret for secret in secrets if secret is not None])
        self._learnt: tuple[Secret, ...] = ()
        self._know()

    def learn(self, secret: Secret) -> None:
        """Mask another secret from now on, such as a token that was just given out; four of them are kept."""
        self._learnt = (*self._learnt, secret)[-LEARNT_MAX:]
        self._know()

    def data(self, data: bytes) -> bytes:
        """Bytes of an answer: the same object where no credential is in them."""
        for form in self._forms:
            data = data.replace(form, _MASK)
        return data

    def text(self, text: str) -> str:
        """A message."""
        for form in self._texts:
            text = text.replace(form, MASK)
        return text

    def _know(self) -> None:
        texts = [secret.reveal() for secret in (*self._fixed, *self._learnt)]
        forms = [
            form
            for text in texts
            if len(text) >= LENGTH_MIN
            for form in (text, json.dumps(text)[1:-1], quote(text, safe=""))
        ]
        self._texts = tuple(dict.fromkeys(forms))
        self._forms = tuple([form.encode() for form in self._texts])
