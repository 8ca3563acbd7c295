"""Amazon's signature against its published examples and its own library; Google's assertion by its key."""

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from headgate.catalog.kinds import kinds, place_in
from headgate.config.credentials import AwsCredential, ServiceAccount, aws_credential, service_account
from headgate.core.faults import Misconfigured
from headgate.core.ports import Headers, Origin, Outgoing
from headgate.core.secret import Secret
from headgate.gateway.signing import AssertionSigner, AwsSigner

# The credential and the moment of Amazon's own examples.
EXAMPLE = AwsCredential(key_id="AKIDEXAMPLE", secret=Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
MOMENT_MS = int(datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp() * 1000)
HOST = "example.amazonaws.com"


def outgoing(
    method: str = "GET",
    target: bytes = b"/",
    headers: Headers | None = None,
    body: bytes = b"",
    host: str = HOST,
) -> Outgoing:
    fields = headers if headers is not None else [(b"host", host.encode())]
    return Outgoing(
        origin=Origin("https", host, 443), method=method, target=target, headers=fields, body=body
    )


def signer(credential: AwsCredential = EXAMPLE, service: str = "service") -> AwsSigner:
    pytest.importorskip("botocore", reason="botocore is not installed")
    return AwsSigner(credential, region="us-east-1", service=service)


PUBLISHED = [
    ("GET", b"/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ("POST", b"/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    (
        "GET",
        b"/?Param2=value2&Param1=value1",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
]


@pytest.mark.parametrize(("method", "target", "signature"), PUBLISHED)
def test_the_published_examples_are_signed_as_published(method: str, target: bytes, signature: str):
    fields = dict(signer().sign(outgoing(method, target), now_ms=MOMENT_MS))
    assert fields[b"x-amz-date"] == b"20150830T123600Z"
    assert fields[b"authorization"].decode() == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


BODY = b'{"messages":[{"role":"user","content":[{"text":"Gr\xc3\xbc\xc3\x9fe"}]}]}'
TARGET = b"/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream"
BEDROCK = "bedrock-runtime.eu-central-1.amazonaws.com"
FIELDS: Headers = [
    (b"host", BEDROCK.encode()),
    (b"content-type", b"application/json"),
    (b"accept", b"*/*"),
    (b"x-amzn-bedrock-trace", b"ENABLED"),
]


def by_hand(credential: AwsCredential, stamp: str, signed: dict[str, str]) -> str:
    """The signature of the call above, step by step as the reference says."""
    path = quote(TARGET.decode(), safe="/~")
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    digest = hashlib.sha256(BODY).hexdigest()
    canonical = "\n".join(("POST", path, "", lines, names, digest))
    scope = f"{stamp[:8]}/us-east-1/bedrock/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashed))
    key = ("AWS4" + credential.secret.reveal()).encode()
    for part in (stamp[:8], "us-east-1", "bedrock", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


@pytest.mark.parametrize("session", [None, Secret("IQoJb3JpZ2luX2VjEXAMPLE//token==")])
def test_a_call_of_bedrock_is_signed_as_the_reference_says(session: Secret | None):
    credential = AwsCredential(key_id=EXAMPLE.key_id, secret=EXAMPLE.secret, session=session)
    given = outgoing("POST", TARGET, FIELDS, BODY, BEDROCK)
    added = dict(signer(credential, "bedrock").sign(given, now_ms=MOMENT_MS))
    signed = {name.decode(): value.decode() for name, value in FIELDS if name != b"accept"}
    signed["x-amz-date"] = "20150830T123600Z"
    if session is not None:
        signed["x-amz-security-token"] = session.reveal()
        assert added[b"x-amz-security-token"] == session.reveal().encode()
    assert (
        added[b"authorization"]
        .decode()
        .endswith(f"Signature={by_hand(credential, '20150830T123600Z', signed)}")
    )
    assert given.headers == FIELDS  # what is given stays as it was


def test_amazons_own_library_signs_the_same(monkeypatch: pytest.MonkeyPatch):
    auth: Any = pytest.importorskip("botocore.auth", reason="botocore is not installed")
    awsrequest: Any = pytest.importorskip("botocore.awsrequest")
    credentials: Any = pytest.importorskip("botocore.credentials")
    moment = datetime.fromtimestamp(MOMENT_MS / 1000, UTC)

    def now(*_: object, **__: object) -> datetime:
        return moment

    monkeypatch.setattr(auth, "get_current_datetime", now)
    headers = {name.decode(): value.decode() for name, value in FIELDS if name != b"accept"}
    request = awsrequest.AWSRequest("POST", f"https://{BEDROCK}{TARGET.decode()}", headers, BODY)
    key = credentials.Credentials(EXAMPLE.key_id, EXAMPLE.secret.reveal())
    auth.SigV4Auth(key, "bedrock", "us-east-1").add_auth(request)
    added = dict(
        signer(service="bedrock").sign(outgoing("POST", TARGET, FIELDS, BODY, BEDROCK), now_ms=MOMENT_MS)
    )
    assert added[b"authorization"].decode() == request.headers["Authorization"]


@pytest.mark.parametrize(
    "changed",
    [
        outgoing("PUT", TARGET, FIELDS, BODY, BEDROCK),
        outgoing("POST", TARGET + b"x", FIELDS, BODY, BEDROCK),
        outgoing("POST", TARGET + b"?a=b", FIELDS, BODY, BEDROCK),
        outgoing("POST", TARGET, FIELDS, BODY + b" ", BEDROCK),
        outgoing("POST", TARGET, [(b"host", b"other"), *FIELDS[1:]], BODY, BEDROCK),
        outgoing("POST", TARGET, [FIELDS[0], (b"content-type", b"text/plain"), *FIELDS[2:]], BODY, BEDROCK),
    ],
)
def test_whatever_is_changed_has_another_signature(changed: Outgoing):
    amazon = signer(service="bedrock")
    first = dict(amazon.sign(outgoing("POST", TARGET, FIELDS, BODY, BEDROCK), now_ms=MOMENT_MS))
    assert dict(amazon.sign(changed, now_ms=MOMENT_MS))[b"authorization"] != first[b"authorization"]
    later = dict(amazon.sign(outgoing("POST", TARGET, FIELDS, BODY, BEDROCK), now_ms=MOMENT_MS + 1000))
    assert later[b"authorization"] != first[b"authorization"]


def test_a_body_on_its_way_is_not_signed():
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"

    given = outgoing("POST", TARGET, FIELDS, BODY, BEDROCK)
    given.body = pieces()
    with pytest.raises(TypeError, match="on its way"):
        signer().sign(given, now_ms=MOMENT_MS)


def test_a_missing_library_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    with pytest.raises(Misconfigured, match=r"botocore is not installed.*headgate\[bedrock\]"):
        AwsSigner(EXAMPLE, region="us-east-1")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.hashes", None)
    with pytest.raises(Misconfigured, match=r"cryptography is not installed.*headgate\[server\]"):
        AssertionSigner(ServiceAccount(client_email="a@b", private_key=Secret("x")))


def test_a_credential_of_amazons_is_read():
    found = aws_credential(Secret("AKIAIOSFODNN7EXAMPLE:a/b+c"))
    assert found == AwsCredential(key_id="AKIAIOSFODNN7EXAMPLE", secret=Secret("a/b+c"))
    found = aws_credential(Secret("ASIAIOSFODNN7EXAMPLE:a/b+c:to/ken=="))
    assert found is not None
    assert found.session == Secret("to/ken==")
    assert aws_credential(Secret("bedrock-api-key-abc=")) is None
    for broken in ("akia:x", "AKIAIOSFODNN7EXAMPLE:", ":x", "A B:c"):
        with pytest.raises(Misconfigured) as raised:
            aws_credential(Secret(broken))
        assert "SECRET" in raised.value.message
        assert broken not in raised.value.message
    assert "a/b+c" not in repr(found)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("vpce-0a1b.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("BEDROCK-RUNTIME.US-EAST-1.API.AWS", "us-east-1"),
        ("bedrock.example.com", None),
        ("127.0.0.1", None),
    ],
)
def test_a_host_names_its_region(host: str, region: str | None):
    assert place_in(kinds()["bedrock"], host) == region


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def key_file(**changes: Any) -> Secret:
    file = {
        "type": "service_account", "project_id": "p", "private_key_id": "k1", "private_key": pem(KEY),
        "client_email": "gate@p.iam.example", "token_uri": "https://token.example/exchange", "universe": "x",
    }  # fmt: skip
    return Secret(json.dumps({**file, **changes}))


def parts_of(jwt: str) -> tuple[Any, Any, bytes, bytes]:
    head, claims, signature = jwt.split(".")

    def raw(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    return json.loads(raw(head)), json.loads(raw(claims)), raw(signature), f"{head}.{claims}".encode()


def test_an_assertion_is_signed_and_says_who_for_what_and_how_long():
    account = service_account(key_file())
    jwt = AssertionSigner(account).assertion(now_ms=1_700_000_000_999)
    head, claims, signature, signed = parts_of(jwt.reveal())
    assert head == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert claims == {
        "iss": "gate@p.iam.example", "aud": "https://token.example/exchange", "iat": 1_700_000_000,
        "exp": 1_700_003_600, "scope": "https://www.googleapis.com/auth/cloud-platform",
    }  # fmt: skip
    KEY.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        KEY.public_key().verify(signature, signed + b"x", padding.PKCS1v15(), hashes.SHA256())
    assert "=" not in jwt.reveal()
    assert jwt.reveal() not in repr(jwt)


def test_an_account_without_a_key_id_names_none():
    head, _, _, _ = parts_of(
        AssertionSigner(service_account(key_file(private_key_id=""))).assertion(now_ms=0).reveal()
    )
    assert head == {"alg": "RS256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (Secret("not json"), "no JSON"),
        (Secret('{"type":1}'), "no JSON"),
        (key_file(type="authorized_user"), "not service_account"),
        (key_file(client_email=""), "no client_email"),
        (key_file(private_key=""), "no private_key"),
        (key_file(private_key="PRIVATE and no PEM"), "no PEM"),
        (key_file(token_uri="http://token.example"), "no https"),
        (key_file(token_uri="https://token.example:99999/x"), "no https"),
    ],
)
def test_a_key_file_that_does_not_serve_is_refused_without_its_words(text: Secret, said: str):
    with pytest.raises(Misconfigured, match=said) as raised:
        service_account(text)
    assert "PRIVATE" not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("".join(pem(KEY).splitlines(keepends=True)[:3]), "can't be read"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "no RSA key"),
        (pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "no RSA key of 2,048"),
    ],
)
def test_a_key_that_does_not_serve_is_refused(key: str, said: str):
    with pytest.raises(Misconfigured, match=said):
        AssertionSigner(service_account(key_file(private_key=key)))
