"""What stands in credentials that are more than a key for a header: an access key of Amazon's, a key file of
Google's. Pure.

Never quotes what it reads, and never sends it. Read next: `config.secrets`, `gateway.signing`.
"""

import importlib.util
import re
from typing import Final

import msgspec

from headgate.catalog.model import Auth, Provider
from headgate.config.values import read_url
from headgate.core.faults import Misconfigured
from headgate.core.secret import Secret

TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
NEEDED: Final[dict[Auth, tuple[str, str]]] = {
    "aws": ("botocore", "bedrock"),
    "service-account": ("cryptography", "server"),
}
"""The package that a way to prove a call needs, and the extra that brings it."""

_key_id = re.compile(r"[A-Z0-9]{16,128}").fullmatch


class AwsCredential(msgspec.Struct, frozen=True, kw_only=True):
    """An access key of Amazon's. `session` is there where the key is a temporary one."""

    key_id: str
    secret: Secret
    session: Secret | None = None


def aws_credential(text: Secret) -> AwsCredential | None:
    """Read `KEY_ID:SECRET` or `KEY_ID:SECRET:SESSION_TOKEN`; None for an API key of Bedrock's, which is sent
    as a bearer. Raises Misconfigured for what is neither."""
    key_id, colon, rest = text.reveal().partition(":")
    if not colon:
        return None
    secret, _, session = rest.partition(":")
    if not _key_id(key_id) or not secret:
        raise Misconfigured(
            "it is no KEY_ID:SECRET or KEY_ID:SECRET:SESSION_TOKEN, and no API key of Bedrock's"
        )
    return AwsCredential(key_id=key_id, secret=Secret(secret), session=Secret(session) if session else None)


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A service account of Google's, as its key file says it."""

    client_email: str
    private_key: Secret
    private_key_id: str = ""
    token_uri: str = TOKEN_URL
    project_id: str = ""


class _KeyFile(msgspec.Struct):
    type: str = ""
    client_email: str = ""
    private_key: str = ""
    private_key_id: str = ""
    token_uri: str = TOKEN_URL
    project_id: str = ""


def service_account(text: Secret) -> ServiceAccount:
    """Read the JSON of a key file. Raises Misconfigured, which never quotes it."""
    try:
        file = msgspec.json.decode(text.reveal(), type=_KeyFile)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Misconfigured("it is no JSON of a service account's key file") from None
    if file.type != "service_account":
        raise Misconfigured("its type is not service_account; make a key for a service account")
    if not file.client_email or not file.private_key:
        raise Misconfigured("it has no client_email or no private_key")
    if not file.private_key.lstrip().startswith("-----BEGIN "):
        raise Misconfigured("its private_key is no PEM; give the file as it was downloaded")
    try:
        origin, _ = read_url(file.token_uri)
    except ValueError:
        origin = None
    if origin is None or origin.scheme != "https":
        raise Misconfigured("its token_uri is no https address")
    return ServiceAccount(
        client_email=file.client_email,
        private_key=Secret(file.private_key),
        private_key_id=file.private_key_id,
        token_uri=file.token_uri,
        project_id=file.project_id,
    )


def auths_of(provider: Provider) -> frozenset[Auth]:
    """In which ways a provider's endpoints are shown its credential."""
    return frozenset(endpoint.auth for endpoint in provider.endpoints)


def check_credential(provider: Provider, secret: Secret) -> None:
    """Raise Misconfigured, without its words, for a credential of the wrong form, or one that needs a package
    which is not installed. Loads none."""
    auths = auths_of(provider)
    if "service-account" in auths:
        service_account(secret)
        _check_installed("service-account")
    elif "aws" in auths and aws_credential(secret) is not None:
        _check_installed("aws")


def _check_installed(auth: Auth) -> None:
    package, extra = NEEDED[auth]
    if importlib.util.find_spec(package) is None:
        raise Misconfigured(
            f"{package} is not installed, which this provider needs; install headgate[{extra}]"
        )
