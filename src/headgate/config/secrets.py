"""Resolves the credentials that a snapshot refers to, at start and at each swap.

A provider whose secret is missing does not stop the others: calls to it are excluded with the reason, and
/readyz says it. Never puts a secret into a snapshot, a message or a log. Read next: `core.secret`.
"""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from headgate.catalog.model import Provider
from headgate.config.credentials import auths_of, check_credential
from headgate.config.snapshot import Snapshot
from headgate.core.faults import Misconfigured
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
            secret = _resolve(provider, environ)
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


def _resolve(provider: Provider, environ: Mapping[str, str]) -> Secret | str:
    reference = provider.credential
    scheme, _, place = reference.partition(":")
    text = environ.get(place, "") if scheme == "env" else _file_text(Path(place))
    if isinstance(text, OSError):
        return f"the file {place} of its api_key can't be read ({text.strerror})"
    text = text.strip()
    if not text:
        kind = "environment variable" if scheme == "env" else "file"
        return (
            f"the {kind} {place} of its api_key is not set"
            if scheme == "env"
            else f"the {kind} {place} is empty"
        )
    if len(text) > SECRET_BYTES_MAX:
        return f"{reference} holds more than the {SECRET_BYTES_MAX} bytes that any credential has"
    # What no header can carry is a damaged secret, and might smuggle a header of its own. A key file goes
    # into none: it is JSON, of many lines.
    if "service-account" not in auths_of(provider) and not (text.isascii() and text.isprintable()):
        return f"{reference} holds characters that no header can carry"
    secret = Secret(text)
    try:
        check_credential(provider, secret)
    except Misconfigured as fault:
        return f"{reference} does not serve: {fault.message}"
    return secret


def read_reference(reference: str, environ: Mapping[str, str]) -> Secret:
    """Resolve one `env:NAME` or `file:PATH`. Reads a file, and so blocks. Raises Misconfigured."""
    scheme, _, place = reference.partition(":")
    text = environ.get(place, "") if scheme == "env" else _file_text(Path(place))
    if isinstance(text, OSError):
        raise Misconfigured(f"{reference} can't be read ({text.strerror}); correct it in headgate.toml")
    text = text.strip()
    if not text:
        raise Misconfigured(f"{reference} is not set, or empty; set it and start again")
    if len(text) > SECRET_BYTES_MAX or not (text.isascii() and text.isprintable()):
        raise Misconfigured(f"{reference} holds what no header can carry; write one line of ASCII into it")
    return Secret(text)


def read_references(references: Sequence[str], environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """Resolve those of some references that are set. Reads files, and so blocks."""
    found: list[Secret] = []
    for reference in references:
        with contextlib.suppress(Misconfigured):
            found.append(read_reference(reference, environ))
    return tuple(found)


def _file_text(path: Path) -> str | OSError:
    try:
        with path.open("rb") as file:
            return file.read(SECRET_BYTES_MAX + 1).decode("utf-8", "replace")
    except OSError as error:
        return error
