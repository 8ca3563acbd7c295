"""What proves calls: made once for a credential, kept over snapshots, left out with a reason, masked."""

import json

import pytest
from tests.unit.test_gateway_access_tokens import Clock, Google, Said
from tests.unit.test_gateway_signing import key_file

from headgate.config.compile import compile_snapshot, resolve_target
from headgate.config.load import load
from headgate.config.secrets import Secrets
from headgate.config.snapshot import CallTimeouts, Snapshot
from headgate.core.labels import UNRESTRICTED
from headgate.core.ports import Origin, Outgoing
from headgate.core.secret import Secret
from headgate.gateway.masking import LEARNT_MAX, Masking
from headgate.gateway.proofs import NO_PROOFS, Proofs, ProofSource, Signatures, Tokens, send_proven
from headgate.gateway.way import Way
from headgate.policy.egress import GuardedEgress
from headgate.wire.routes import match

FILE = """
[providers.pair]
kind = "bedrock"
region = "eu-central-1"
api_key = "env:PAIR"

[providers.same]
kind = "bedrock"
region = "eu-central-1"
api_key = "env:PAIR"

[providers.elsewhere]
kind = "bedrock-mantle"
region = "eu-central-1"
api_key = "env:PAIR"

[providers.shown]
kind = "bedrock"
region = "eu-central-1"
api_key = "env:SHOWN"

[providers.account]
kind = "vertex"
project = "p"
location = "europe-west4"
api_key = "env:ACCOUNT"

[providers.openai]
kind = "openai"
api_key = "env:SHOWN"
"""
PAIR = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG"


def snapshot_of(text: str = FILE) -> Snapshot:
    return compile_snapshot(load(text))


class Place:
    """A source of proofs, and what is in the environment."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.google = Google()
        self.egress = GuardedEgress({"https": self.google})
        self.source = ProofSource(self.egress, self.clock)
        self.environment = {"PAIR": PAIR, "SHOWN": "sk-shown-01234", "ACCOUNT": key_file().reveal()}

    async def proofs(self, snapshot: Snapshot) -> Proofs:
        return await self.source.of(snapshot, Secrets.resolve(snapshot, self.environment))


@pytest.fixture
def place() -> Place:
    return Place()


async def test_each_credential_has_one_proof_and_keys_that_are_shown_have_none(place: Place) -> None:
    proofs = await place.proofs(snapshot_of())
    assert set(proofs.made) == {"pair", "same", "elsewhere", "account"} and not proofs.missing
    assert isinstance(proofs.made["account"], Tokens)
    assert isinstance(proofs.made["pair"], Signatures)
    assert proofs.made["same"] is proofs.made["pair"]
    assert proofs.made["elsewhere"] is not proofs.made["pair"], "its signature names another service"
    assert await place.proofs(snapshot_of('[providers.m]\nkind = "mock"\n')) == NO_PROOFS


async def test_a_proof_stays_while_its_credential_does(place: Place) -> None:
    """So that a change of anything else asks for no other token."""
    before = (await place.proofs(snapshot_of())).made
    changed = snapshot_of(FILE.replace('kind = "openai"', 'kind = "openai"\nmax_queued = 7'))
    after = (await place.proofs(changed)).made
    assert after["account"] is before["account"] and after["pair"] is before["pair"]
    place.environment["PAIR"] = PAIR + "x"
    rotated = (await place.proofs(changed)).made
    assert rotated["pair"] is not before["pair"] and rotated["account"] is before["account"]
    await place.proofs(snapshot_of('[providers.m]\nkind = "mock"\n'))
    assert (await place.proofs(changed)).made["account"] is not before["account"], "what is gone is not kept"


async def test_what_does_not_serve_leaves_its_provider_out_and_no_other(place: Place) -> None:
    broken = json.loads(place.environment["ACCOUNT"])
    broken["private_key"] = "\n".join(broken["private_key"].splitlines()[:3])
    place.environment["ACCOUNT"] = json.dumps(broken)
    proofs = await place.proofs(snapshot_of())
    assert set(proofs.made) == {"pair", "same", "elsewhere"}
    assert "private_key of the service account can't be read" in proofs.missing["account"]
    place.environment["ACCOUNT"] = key_file().reveal()
    assert "account" in (await place.proofs(snapshot_of())).made, "once it is mended"


def outgoing(host: str = "aiplatform.googleapis.com") -> Outgoing:
    return Outgoing(
        origin=Origin("https", host, 443), method="POST", target=b"/x", headers=[(b"host", host.encode())]
    )


async def test_a_token_is_masked_from_the_moment_that_it_is_used(place: Place) -> None:
    proof = (await place.proofs(snapshot_of())).made["account"]
    place.google.script = [place.google.granted(f"ya29.longer.{number}") for number in (1, 2)]
    fields = await proof.fields(outgoing())
    assert fields == [(b"authorization", b"Bearer ya29.longer.1")]
    assert proof.masking.text("who are you, ya29.longer.1?") == "who are you, ***?"
    assert proof.refused(fields)
    assert await proof.fields(outgoing()) == [(b"authorization", b"Bearer ya29.longer.2")]
    assert proof.refused(fields), "another took its place in the meantime"
    assert await proof.fields(outgoing()) == [(b"authorization", b"Bearer ya29.longer.2")]
    assert proof.masking.data(b"ya29.longer.1 ya29.longer.2") == b"*** ***"


async def test_a_signature_is_sent_once(place: Place) -> None:
    """A provider that does not take it would not take another."""
    proof = (await place.proofs(snapshot_of())).made["pair"]
    place.google.script = [Said(401, b"")]
    request = outgoing()
    answer = await send_proven(place.egress, proof, request, regions=frozenset(), label=UNRESTRICTED)
    assert answer.status == 401 and len(place.google.asked) == 1
    assert [name for name, _ in request.headers] == [b"host", b"x-amz-date", b"authorization"]


def test_the_last_ones_that_were_learnt_are_masked() -> None:
    masking = Masking(Secret("fixed-secret"), None)
    for number in range(LEARNT_MAX + 2):
        masking.learn(Secret(f"learnt-secret-{number}"))
    assert masking.text("fixed-secret learnt-secret-5 learnt-secret-2") == "*** *** ***"
    assert masking.text("learnt-secret-1") == "learnt-secret-1", "they are bounded"


async def test_a_way_is_checked_for_where_its_model_may_be_answered(place: Place) -> None:
    """By the egress, right before anything leaves, though admission has looked before."""
    snapshot = snapshot_of()
    secrets = Secrets.resolve(snapshot, place.environment)
    target = resolve_target(snapshot, "pair/global.anthropic.claude-haiku-4-5")
    route = match("POST", "/v1/messages")
    assert route is not None
    way = Way(target, route, secrets, CallTimeouts(), proofs=await place.source.of(snapshot, secrets))
    assert way.regions == {"eu-central-1", "global"}
    assert way.proof is not None and way.missing is None
    unproven = Way(resolve_target(snapshot, "account/gemini"), route, secrets, CallTimeouts())
    assert unproven.missing == "nothing proves calls to it"
