"""Resolves the credentials that a snapshot refers to, at start and at each swap.

A provider whose secret is missing does not stop the others: calls to it are excluded with the reason, and
/readyz says it. Never puts a secret into a snapshot, a message or a log. Read next: `core.secret`.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from headgate.config.snapshot import Snapshot
from headgate.core.secret import Secret

SECRET_BYTES_MAX = 16 * 1024


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What was resolved, by provider: its secret, or why there is none."""

    found: dict[str, Secret]
    missing: dict[str, str]

    @classmethod
    def resolve(cls, snapshot: Snapshot, environ: Mapping[str, str]) -> "Secrets":
        """Resolve `env:NAME` and `file:PATH` of all providers. Reads files, and so blocks."""
        found: dict[str, Secret] = {}
        missing: dict[str, str] = {}
        for name, provider in snapshot.providers.items():
            if not provider.credential:
                continue
            secret = _resolve(provider.credential, environ)
            if isinstance(secret, Secret):
                found[name] = secret
            else:
                missing[name] = secret
        return cls(found=found, missing=missing)

    def get(self, provider: str) -> Secret | None:
        """Return a provider's secret; None where it needs none or it is missing."""
        return self.found.get(provider)

    def reason_missing(self, provider: str) -> str | None:
        """Return why calls to a provider are excluded, or None where they are not."""
        return self.missing.get(provider)

    def readiness(self) -> list[str]:
        """Return a line for each provider that has no credential, for /readyz and the log."""
        return [f"provider {name} is left out: {reason}" for name, reason in sorted(self.missing.items())]


def _resolve(reference: str, environ: Mapping[str, str]) -> Secret | str:
    scheme, _, place = reference.partition(":")
    text = environ.get(place, "") if scheme == "env" else _file_text(Path(place))
    if isinstance(text, OSError):
        return f"the file {place} of its api_key can't be read ({text.strerror})"
    if not text.strip():
        kind = "environment variable" if scheme == "env" else "file"
        return (
            f"the {kind} {place} of its api_key is not set"
            if scheme == "env"
            else f"the {kind} {place} is empty"
        )
    # What no header can carry is a damaged secret, and might smuggle a header of its own.
    if not text.strip().isascii() or not text.strip().isprintable():
        return f"{reference} holds characters that no header can carry"
    return Secret(text.strip())


def _file_text(path: Path) -> str | OSError:
    try:
        with path.open("rb") as file:
            return file.read(SECRET_BYTES_MAX).decode("utf-8", "replace")
    except OSError as error:
        return error
