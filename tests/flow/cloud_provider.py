"""Stand-ins of two clouds: one checks each signature over what arrived, one hands out tokens over TLS.

What they check by is Amazon's own library and the account's public key; nothing of ours.
"""

import asyncio
import base64
import json
import ssl
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import trustme
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.flow.scripted_provider import Received, Reply, ScriptedProvider, answer, whole
from tests.flow.server_thread import ServerThread

SKEW_S = 300
"""What Amazon allows a signature's moment to differ."""
KEY_ID = "AKIACANARY0123456789"
SECRET = "canarysecret/0a1b2c3d4e5f+6071829304aBcD"
SESSION = "canarysession//IQoJb3JpZ2luX2VjEJz0=="
API_KEY = "canarybedrock-api-key-0123456789abcdef=="
REGION = "eu-central-1"
SIGNERS = {"bedrock": "bedrock", "session": "bedrock", "mantle": "bedrock-mantle"}
"""Providers whose calls have to be signed, and the service that a signature has to name."""
TOKEN = "ya29.canarytoken-{number}-0f9e8d7c6b5a"


def signature(request: Received, region: str, service: str) -> str:
    """What Amazon's library makes of a request as it arrived, its own `authorization` left out."""
    given = request.header("authorization") or ""
    named = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: value for name, value in request.headers if name in named}
    url = f"http://{request.header('host')}{request.target}"
    made: Any = AWSRequest(request.method, url, headers, request.body)
    made.context["timestamp"] = request.header("x-amz-date")
    signer: Any = SigV4Auth(Credentials(KEY_ID, SECRET), service, region)
    signed = signer.signature(signer.string_to_sign(made, signer.canonical_request(made)), made)
    scope = f"{KEY_ID}/{(request.header('x-amz-date') or '')[:8]}/{region}/{service}/aws4_request"
    names = ";".join(sorted(named))
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signed}"


def aws_error(status: int, kind: str, message: str, *lines: str) -> Reply:
    """An error as Amazon's services answer one."""
    return answer({"message": message}, status, f"x-amzn-errortype: {kind}:http://internal", *lines)


class CloudProvider(ScriptedProvider):
    """Serves only what is proven, by the first segment of the path: signatures, an API key, or a token."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[str] = set()
        """The tokens that are good now."""

    def refusal(self, request: Received) -> Reply | None:
        name = request.target.split("/")[1]
        if name in SIGNERS:
            return self._unsigned(request, SIGNERS[name], SESSION if name == "session" else None)
        shown = request.header("authorization") or ""
        if name == "bearer" and shown != f"Bearer {API_KEY}":
            return aws_error(403, "AccessDeniedException", "the key is not valid")
        if name.startswith("vertex") and shown.removeprefix("Bearer ") not in self.tokens:
            said = {"code": 401, "message": f"no such token: {shown}", "status": "UNAUTHENTICATED"}
            return answer({"error": said}, 401)
        return None

    def _unsigned(self, request: Received, service: str, session: str | None) -> Reply | None:
        stamp = request.header("x-amz-date") or "19700101T000000Z"
        moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        named = (request.header("authorization") or "").partition("SignedHeaders=")[2]
        if abs(moment.timestamp() - time.time()) > SKEW_S:
            return aws_error(403, "InvalidSignatureException", f"Signature expired: {stamp}")
        if not {"host", "x-amz-date", "content-type"} <= set(named.partition(",")[0].split(";")):
            return aws_error(403, "InvalidSignatureException", f"too little is signed: {named}")
        if request.header("x-amz-security-token") != session:
            return aws_error(403, "UnrecognizedClientException", "the security token is not valid")
        if request.header("authorization") != signature(request, REGION, service):
            return aws_error(403, "InvalidSignatureException", "the signature does not match")
        return None


class Account:
    """A service account: its key, and the file that its owner downloads."""

    def __init__(self, email: str) -> None:
        self.email = email
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def pem(self) -> str:
        """The private key."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def file(self, port: int, **changes: Any) -> str:
        """The key file, of many lines; its tokens are to be had at a port."""
        fields = {
            "type": "service_account",
            "project_id": "my-project",
            "private_key_id": "key-1",
            "private_key": self.pem,
            "client_email": self.email,
            "token_uri": f"https://127.0.0.1:{port}/token",
        }
        return json.dumps({**fields, **changes}, indent=2)


class TokenServer(ServerThread):
    """Exchanges assertions that the account has signed, over TLS; others are told what they sent."""

    def __init__(self, account: Account, cloud: CloudProvider, authority: trustme.CA) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = authority.issue_cert("127.0.0.1")
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
        super().__init__("token server", tls=context)
        self._account = account
        self._cloud = cloud
        self.given: list[str] = []
        self.assertions: list[str] = []
        self.failing = False

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        fields = parse_qs((await reader.readexactly(length)).decode())
        writer.write(self._answer(fields["assertion"][0]))
        await writer.drain()
        return True

    def _answer(self, assertion: str) -> bytes:
        self.assertions.append(assertion)
        if self.failing or not self._is_signed(assertion):
            told = {"error": "invalid_grant", "error_description": f"not taken: {assertion}"}
            return whole(json.dumps(told).encode(), 400)
        token = TOKEN.format(number=len(self.given) + 1)
        self.given.append(token)
        self._cloud.tokens.add(token)
        made = {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}
        return whole(json.dumps(made).encode())

    def _is_signed(self, assertion: str) -> bool:
        head, claims, signed = (text + "=" * (-len(text) % 4) for text in assertion.split("."))
        said = json.loads(base64.urlsafe_b64decode(claims))
        data = ".".join(assertion.split(".")[:2]).encode()
        self._account.key.public_key().verify(
            base64.urlsafe_b64decode(signed), data, padding.PKCS1v15(), hashes.SHA256()
        )
        is_now = abs(said["iat"] - time.time()) < SKEW_S and said["exp"] - said["iat"] == 3600
        is_named = json.loads(base64.urlsafe_b64decode(head))["kid"] == "key-1"
        return is_now and is_named and said["aud"].endswith(f":{self.port}/token")
