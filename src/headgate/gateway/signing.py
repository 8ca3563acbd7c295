"""Proofs of who sends a call, where a key in a header is not enough: Amazon's signature, Google's assertion.

Pure but for the loading of libraries: botocore (the extra `bedrock`) and cryptography are loaded when a
signer is made, since most gateways need neither. Times are given. Never sends anything, never keeps a call.
Sources: AWS General Reference, "Signature Version 4"; RFC 7523 (assertions), RFC 7515 (JWS). Read next:
`gateway.access_tokens`, which exchanges an assertion.
"""

import base64
import importlib
import re
import time
from types import ModuleType
from typing import Any, Final

import msgspec

from headgate.config.values import read_url
from headgate.core.faults import Misconfigured
from headgate.core.ports import Headers, Outgoing
from headgate.core.secret import Secret

SERVICE: Final = "bedrock"
SIGNED: Final = ("content-type", "x-amz")
"""How the names of headers begin that are signed beside the host: what no proxy changes."""
STAMP: Final = "%Y%m%dT%H%M%SZ"

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
ASSERTION_S: Final = 3600
"""How long an assertion and what it is exchanged for may be used; the longest that Google grants."""
KEY_BYTES_MIN: Final = 256

_region = re.compile(r"(?:^|\.)([a-z]{2}(?:-[a-z]+)+-\d{1,2})(?:\.|$)").search
_encode = msgspec.json.Encoder().encode


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
    if not re.fullmatch(r"[A-Z0-9]{16,128}", key_id) or not secret:
        raise Misconfigured("the credential is no KEY_ID:SECRET or KEY_ID:SECRET:SESSION_TOKEN")
    return AwsCredential(key_id=key_id, secret=Secret(secret), session=Secret(session) if session else None)


def aws_region(host: str) -> str | None:
    """The region that a host of Amazon's names, such as `eu-central-1`; None where it names none."""
    found = _region(host.lower())
    return found.group(1) if found is not None else None


class _Request:
    """A request as botocore's signer looks at one."""

    def __init__(self, method: str, url: str, headers: dict[str, str], body: bytes, stamp: str) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.params: dict[str, str] = {}
        self.context: dict[str, str] = {"timestamp": stamp}


class AwsSigner:
    """Signs requests with one access key for one region, with botocore's SigV4.

    Making one loads botocore, which blocks. Raises Misconfigured where it is not installed.
    """

    __slots__ = ("_auth", "_credential")

    def __init__(self, credential: AwsCredential, *, region: str, service: str = SERVICE) -> None:
        auth = _loaded("botocore.auth", "botocore", "bedrock")
        credentials = _loaded("botocore.credentials", "botocore", "bedrock")
        self._credential = credential
        key = credentials.Credentials(credential.key_id, credential.secret.reveal())
        self._auth: Any = auth.SigV4Auth(key, service, region)

    def sign(self, outgoing: Outgoing, *, now_ms: int) -> Headers:
        """The headers that prove a request: `x-amz-date`, the session's token, and `authorization`.

        Method, path and query as they are sent, the host, content-type and x-amz headers, and the whole body
        are signed, so nothing of them may change afterwards. The body has to be bytes.
        """
        body = outgoing.body
        if not isinstance(body, bytes):
            raise TypeError("a body that is still on its way can't be signed")
        stamp = time.strftime(STAMP, time.gmtime(now_ms / 1000))
        added: dict[str, str] = {"x-amz-date": stamp}
        if self._credential.session is not None:
            added["x-amz-security-token"] = self._credential.session.reveal()
        signed = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in outgoing.headers
            if name == b"host" or name.decode("latin-1").startswith(SIGNED)
        }
        host = signed.setdefault("host", outgoing.origin.host)
        url = f"{outgoing.origin.scheme}://{host}{outgoing.target.decode('ascii')}"
        request = _Request(outgoing.method, url, {**signed, **added}, body, stamp)
        canonical = self._auth.canonical_request(request)
        signature = self._auth.signature(self._auth.string_to_sign(request, canonical), request)
        names = self._auth.signed_headers(self._auth.headers_to_sign(request))
        added["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._auth.scope(request)}, SignedHeaders={names}, "
            f"Signature={signature}"
        )
        return [(name.encode(), value.encode("latin-1")) for name, value in added.items()]


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
        raise Misconfigured("the credential is no JSON of a service account's key file") from None
    if file.type != "service_account":
        raise Misconfigured("the key file is of another type than service_account; make one for it")
    if not file.client_email or not file.private_key:
        raise Misconfigured("the key file of the service account has no client_email or no private_key")
    try:
        origin, _ = read_url(file.token_uri)
    except ValueError:
        origin = None
    if origin is None or origin.scheme != "https":
        raise Misconfigured("the key file's token_uri is no https address")
    return ServiceAccount(
        client_email=file.client_email,
        private_key=Secret(file.private_key),
        private_key_id=file.private_key_id,
        token_uri=file.token_uri,
        project_id=file.project_id,
    )


class AssertionSigner:
    """Signs assertions for one service account (RS256).

    Making one loads cryptography and reads the key, which blocks for some milliseconds. Raises Misconfigured
    for a key that can't be read or is too short, and where cryptography is not installed.
    """

    __slots__ = ("_account", "_hash", "_key", "_padding")

    def __init__(self, account: ServiceAccount) -> None:
        primitives = "cryptography.hazmat.primitives"
        serialization = _loaded(f"{primitives}.serialization", "cryptography", "server")
        hashes = _loaded(f"{primitives}.hashes", "cryptography", "server")
        padding = _loaded(f"{primitives}.asymmetric.padding", "cryptography", "server")
        rsa = _loaded(f"{primitives}.asymmetric.rsa", "cryptography", "server")
        self._account = account
        try:
            key: Any = serialization.load_pem_private_key(account.private_key.reveal().encode(), None)
        except (ValueError, TypeError):
            raise Misconfigured("the private_key of the service account can't be read") from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_BYTES_MIN * 8:
            raise Misconfigured("the private_key of the service account is no RSA key of 2,048 bits")
        self._key: Any = key
        self._hash: Any = hashes.SHA256()
        self._padding: Any = padding.PKCS1v15()

    def assertion(self, *, now_ms: int) -> Secret:
        """The assertion, as a JWT that is good for an hour from `now_ms` (Unix time)."""
        account, now_s = self._account, now_ms // 1000
        head = {"alg": "RS256", "typ": "JWT"}
        if account.private_key_id:
            head["kid"] = account.private_key_id
        claims = {
            "iss": account.client_email,
            "scope": SCOPE,
            "aud": account.token_uri,
            "iat": now_s,
            "exp": now_s + ASSERTION_S,
        }
        signed = b".".join((_base64(_encode(head)), _base64(_encode(claims))))
        signature: bytes = self._key.sign(signed, self._padding, self._hash)
        return Secret((signed + b"." + _base64(signature)).decode("ascii"))


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _loaded(module: str, package: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise Misconfigured(
            f"{package} is not installed, which this provider needs; install headgate[{extra}]"
        ) from None
