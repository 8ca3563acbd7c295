"""Proofs of who sends a call, where a key in a header is not enough: Amazon's signature, Google's assertion.

Pure but for the loading of libraries: botocore (the extra `bedrock`) and cryptography are loaded when a
signer is made, since most gateways need neither. Times are given. Never sends anything, never keeps a call.
Sources: AWS General Reference, "Signature Version 4"; RFC 7523 (assertions), RFC 7515 (JWS). Read next:
`gateway.access_tokens`, which exchanges an assertion.
"""

import base64
import importlib
import time
from types import ModuleType
from typing import Any, Final

import msgspec

from headgate.catalog.model import Auth
from headgate.config.credentials import NEEDED, AwsCredential, ServiceAccount
from headgate.core.faults import Misconfigured
from headgate.core.ports import Headers, Outgoing
from headgate.core.secret import Secret

SERVICE: Final = "bedrock"
SIGNED: Final = ("content-type", "x-amz")
"""How the names of headers begin that are signed beside the host: what no proxy changes."""
STAMP: Final = "%Y%m%dT%H%M%SZ"

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
ASSERTION_S: Final = 3600
"""How long an assertion and what it is exchanged for may be used; the longest that Google grants."""
KEY_BYTES_MIN: Final = 256

_encode = msgspec.json.Encoder().encode


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
        auth = _loaded("botocore.auth", "aws")
        credentials = _loaded("botocore.credentials", "aws")
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


class AssertionSigner:
    """Signs assertions for one service account (RS256).

    Making one loads cryptography and reads the key, which blocks for some milliseconds. Raises Misconfigured
    for a key that can't be read or is too short, and where cryptography is not installed.
    """

    __slots__ = ("_account", "_hash", "_key", "_padding")

    def __init__(self, account: ServiceAccount) -> None:
        primitives = "cryptography.hazmat.primitives"
        serialization = _loaded(f"{primitives}.serialization", "service-account")
        hashes = _loaded(f"{primitives}.hashes", "service-account")
        padding = _loaded(f"{primitives}.asymmetric.padding", "service-account")
        rsa = _loaded(f"{primitives}.asymmetric.rsa", "service-account")
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


def _loaded(module: str, auth: Auth) -> ModuleType:
    package, extra = NEEDED[auth]
    try:
        return importlib.import_module(module)
    except ImportError:
        raise Misconfigured(
            f"{package} is not installed, which this provider needs; install headgate[{extra}]"
        ) from None
