"""Seals what the database has to keep and nobody may read there: AES-GCM in an envelope.

Each secret is sealed with a key of its own, and that key with the deployment's, which never stands in the
database. Never logs or returns a key. Source of the parts: NIST SP 800-38D (AES-GCM), RFC 5869 (HKDF).
Read next: `api.webhooks`, which keeps signing secrets so.
"""

import base64
import binascii
import hashlib
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headgate.core.faults import Misconfigured
from headgate.core.secret import Secret

PREFIX: Final = "sealed:1:"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
NAME_CHARACTERS: Final = 12


class Vault:
    """Seals and opens with one key of the deployment, any text of 24 characters or more."""

    def __init__(self, key: Secret) -> None:
        derive = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"headgate vault 1")
        derived = derive.derive(key.reveal().encode())
        self._outer = AESGCM(derived)
        self._name = hashlib.sha256(b"name of " + derived).hexdigest()[:NAME_CHARACTERS]

    @classmethod
    def random(cls) -> "Vault":
        """Make a vault whose key dies with it: for what needs to be opened by this process only."""
        return cls(Secret(secrets.token_hex(KEY_BYTES)))

    def seal(self, secret: Secret, purpose: str) -> str:
        """Return text that only this key opens, and only for the same purpose."""
        key = secrets.token_bytes(KEY_BYTES)
        outer, inner = secrets.token_bytes(NONCE_BYTES), secrets.token_bytes(NONCE_BYTES)
        bound = purpose.encode()
        packed = b"".join(
            (
                outer,
                self._outer.encrypt(outer, key, bound),
                inner,
                AESGCM(key).encrypt(inner, secret.reveal().encode(), bound),
            )
        )
        return f"{self.prefix}{base64.urlsafe_b64encode(packed).decode()}"

    @property
    def name(self) -> str:
        """What tells this key from others, and gives nothing of it away."""
        return self._name

    @property
    def prefix(self) -> str:
        """How all begins that was sealed with this key."""
        return f"{PREFIX}{self._name}:"

    def open(self, sealed: str, purpose: str) -> Secret:
        """Return the secret. Raises Misconfigured where another key has sealed it, or it is damaged."""
        if not sealed.startswith(self.prefix):
            raise Misconfigured(
                "a secret in the database was sealed with another key; start with the vault.key of the data "
                "folder that it was made in, or with the same HEADGATE_VAULT_KEY on all hosts"
            )
        bound = purpose.encode()
        try:
            packed = base64.urlsafe_b64decode(sealed.removeprefix(self.prefix))
            middle = NONCE_BYTES + KEY_BYTES + TAG_BYTES
            key = self._outer.decrypt(packed[:NONCE_BYTES], packed[NONCE_BYTES:middle], bound)
            rest = packed[middle:]
            return Secret(AESGCM(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], bound).decode())
        except (binascii.Error, ValueError, InvalidTag):
            raise Misconfigured("a sealed secret in the database is damaged; make it anew") from None


def is_sealed(text: str) -> bool:
    """Say whether a text was made by `Vault.seal`."""
    return text.startswith(PREFIX)
