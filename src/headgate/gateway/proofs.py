"""What proves a call where a key in a header does not: a signature, or a token that a key is exchanged for.

Made when a snapshot is put in force, in a thread: the libraries that it takes block for 300 ms. Kept
from one snapshot to the next for as long as the credential stays, and with it the token. A credential that
does not serve leaves its provider out, with the reason. Read next: `gateway.signing` and
`gateway.access_tokens`.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from headgate.catalog.model import Provider
from headgate.config.credentials import AwsCredential, auths_of, aws_credential, service_account
from headgate.config.secrets import Secrets
from headgate.config.snapshot import Snapshot
from headgate.core.faults import Misconfigured
from headgate.core.labels import Label
from headgate.core.ports import Answer, Clock, Egress, Headers, Outgoing
from headgate.core.secret import Secret
from headgate.gateway.access_tokens import AccessTokens
from headgate.gateway.masking import Masking
from headgate.gateway.signing import AssertionSigner, AwsSigner


class Proof(Protocol):
    """Proves calls to one provider. `masking` takes what it proves them with out of answers."""

    masking: Masking

    async def fields(self, outgoing: Outgoing) -> Headers:
        """The headers that prove a request, of which nothing may change any more. Raises UpstreamError, of
        which nothing was sent, where there is no proof to be had."""
        ...

    def refused(self, fields: Headers) -> bool:
        """A provider has answered that those prove nothing; say whether others would."""
        ...


class Signatures:
    """Amazon's: over all of a request, for the moment at which it is sent."""

    __slots__ = ("_clock", "_signer", "masking")

    def __init__(self, credential: AwsCredential, signer: AwsSigner, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock
        self.masking = Masking(credential.secret, credential.session)

    async def fields(self, outgoing: Outgoing) -> Headers:
        """Sign."""
        return self._signer.sign(outgoing, now_ms=self._clock.now_ms())

    def refused(self, fields: Headers) -> bool:
        """Nothing is gained by signing once more."""
        del fields
        return False


class Tokens:
    """Google's: a token that is good for an hour at any of its services."""

    __slots__ = ("_field", "_token", "_tokens", "masking")

    def __init__(self, private_key: Secret, tokens: AccessTokens) -> None:
        self._tokens = tokens
        self._token: Secret | None = None
        self._field = (b"authorization", b"")
        self.masking = Masking(private_key)

    async def fields(self, outgoing: Outgoing) -> Headers:
        """The token as a bearer."""
        del outgoing
        token = await self._tokens.token()
        if token is not self._token:
            self.masking.learn(token)
            self._token, self._field = token, (b"authorization", b"Bearer " + token.reveal().encode())
        return [self._field]

    def refused(self, fields: Headers) -> bool:
        """Forget the token, unless another has taken its place since."""
        if self._token is not None and self._field in fields:
            self._tokens.forget(self._token)
        return True


class Proofs(msgspec.Struct, frozen=True, kw_only=True):
    """What proves calls to each provider that takes more than a key, or why nothing does."""

    made: Mapping[str, Proof] = {}
    missing: Mapping[str, str] = {}


NO_PROOFS: Final = Proofs()
UNPROVEN: Final = 401
UNFIT: Final = "its credential does not serve"

_Identity = tuple[str, Secret, str, str]


class ProofSource:
    """Makes the proofs of a snapshot's providers, each once for as long as its credential is in force."""

    def __init__(self, egress: Egress, clock: Clock) -> None:
        self._egress = egress
        self._clock = clock
        self._known: dict[_Identity, Proof] = {}

    async def of(self, snapshot: Snapshot, secrets: Secrets) -> Proofs:
        """Return the proofs of all providers whose credential was found."""
        wanted: dict[str, _Identity] = {}
        for name, provider in snapshot.providers.items():
            secret = secrets.get(name)
            identity = _identity(provider, secret) if secret is not None else None
            if identity is not None:
                wanted[name] = identity
        missing: dict[str, str] = {}
        if any(identity not in self._known for identity in wanted.values()):
            missing = await asyncio.to_thread(self._make, wanted)
        self._known = {
            identity: self._known[identity] for identity in wanted.values() if identity in self._known
        }
        made = {name: self._known[identity] for name, identity in wanted.items() if name not in missing}
        return Proofs(made=made, missing=missing)

    def _make(self, wanted: Mapping[str, _Identity]) -> dict[str, str]:
        """Make those that are not known; return the providers for which that fails, and why. Blocks."""
        missing: dict[str, str] = {}
        for name, identity in wanted.items():
            try:
                if identity not in self._known:
                    self._known[identity] = self._proof(identity)
            except Misconfigured as fault:
                missing[name] = f"{UNFIT}: {fault.message}"
        return missing

    def _proof(self, identity: _Identity) -> Proof:
        auth, secret, place, service = identity
        if auth == "service-account":
            account = service_account(secret)
            tokens = AccessTokens(account, AssertionSigner(account), self._egress, self._clock)
            return Tokens(account.private_key, tokens)
        credential = aws_credential(secret)
        assert credential is not None
        return Signatures(credential, AwsSigner(credential, region=place, service=service), self._clock)


def checked(snapshot: Snapshot, secrets: Secrets) -> Secrets:
    """The same without those private keys that sign nothing, for who makes no proof itself. Blocks."""
    wrong: dict[str, str] = {}
    for name, secret in secrets.found.items():
        if "service-account" in auths_of(snapshot.providers[name]):
            try:
                AssertionSigner(service_account(secret))
            except Misconfigured as fault:
                wrong[name] = f"{UNFIT}: {fault.message}"
    found = {name: secret for name, secret in secrets.found.items() if name not in wrong}
    return Secrets(found=found, missing={**secrets.missing, **wrong})


def _identity(provider: Provider, secret: Secret) -> _Identity | None:
    """What a proof depends on; None for a provider that is shown a key. The secret was checked before."""
    auths = auths_of(provider)
    if "service-account" in auths:
        return ("service-account", secret, "", "")
    if "aws" not in auths or aws_credential(secret) is None:
        return None
    signed_as = next(endpoint.signed_as for endpoint in provider.endpoints if endpoint.auth == "aws")
    return ("aws", secret, provider.place, signed_as)


async def send_proven(
    egress: Egress, proof: Proof, outgoing: Outgoing, *, regions: frozenset[str], label: Label
) -> Answer:
    """Send a request, proven last of all: nothing of it changes after. Once more with another proof where the
    provider takes the first for none. Raises what the proof and the egress raise."""
    plain = outgoing.headers
    fields = await proof.fields(outgoing)
    outgoing.headers = [*plain, *fields]
    answer = await egress.send(outgoing, regions=regions, label=label)
    if answer.status != UNPROVEN or not proof.refused(fields) or not isinstance(outgoing.body, bytes):
        return answer
    answer.close()
    outgoing.headers = plain
    outgoing.headers = [*plain, *await proof.fields(outgoing)]
    return await egress.send(outgoing, regions=regions, label=label)
