"""What a label admits is a subset of what was offered, and nothing leaves that it forbids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.catalog.model import ModelFacts, Provider, Target
from headgate.core.faults import NotAllowed, UpstreamError
from headgate.core.labels import UNRESTRICTED, Label
from headgate.core.ports import Answer, Origin, Outgoing
from headgate.policy.egress import GuardedEgress
from headgate.policy.residency import admit, denial, residency_denied

_NAMES = ["eu", "us", "de", "uk"]
_REGIONS = st.frozensets(st.sampled_from(_NAMES))


def target(name: str, regions: frozenset[str]) -> Target:
    provider = Provider(
        name=name,
        kind="mock",
        origin=Origin("mock", name, 0),
        path="",
        regions=regions,
        endpoints=(),
        price_provider=None,
    )
    return Target(provider=provider, model="m", facts=ModelFacts(price=None))


@given(st.lists(_REGIONS, max_size=6), st.one_of(st.none(), _REGIONS))
def test_what_is_admitted_is_a_subset_that_lies_within(
    offered: list[frozenset[str]], permitted: frozenset[str] | None
) -> None:
    targets = [target(f"p{index}", regions) for index, regions in enumerate(offered)]
    admitted = admit(targets, Label(regions=permitted))
    names = [allowed.name for allowed in admitted.allowed]
    assert names == [each.name for each in targets if each.name in names]
    assert {*names, *(excluded.target for excluded in admitted.excluded)} == {each.name for each in targets}
    assert len(names) + len(admitted.excluded) == len(targets)
    if permitted is not None:
        for allowed in admitted.allowed:
            assert allowed.provider.regions and allowed.provider.regions <= permitted
        for excluded in admitted.excluded:
            regions = offered[int(excluded.target[1 : excluded.target.index("/")])]
            assert not regions or regions - permitted


def test_reasons_are_in_plain_words() -> None:
    targets = [
        target("local", frozenset()),
        target("openai", frozenset({"us", "de"})),
        target("de", frozenset({"de"})),
    ]
    admitted = admit(targets, Label(regions=frozenset({"de", "fr"})))
    assert [allowed.name for allowed in admitted.allowed] == ["de/m"]
    assert [(excluded.target, excluded.reason) for excluded in admitted.excluded] == [
        ("local/m", "the regions of local are not known, which counts as nowhere; permitted: de, fr"),
        ("openai/m", "openai processes in us; permitted: de, fr"),
    ]
    assert denial("de", frozenset(), UNRESTRICTED) == ""
    denied = residency_denied(admit(targets, Label(regions=frozenset())).excluded)
    assert denied.code == "residency_denied"
    assert "permitted: nowhere" in denied.message and "local/m" in denied.message


class CountingTransport:
    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.closed = 0

    async def send(self, outgoing: Outgoing) -> Answer:
        self.sent.append(outgoing)
        raise UpstreamError("the stand-in answers nothing")

    async def close(self) -> None:
        self.closed += 1


def outgoing(scheme: str) -> Outgoing:
    origin = Origin(scheme, "host.test", 443)  # type: ignore[arg-type]
    return Outgoing(origin=origin, method="POST", target=b"/", headers=[])


@pytest.mark.parametrize(
    ("label", "regions", "leaves"),
    [
        (UNRESTRICTED, frozenset[str](), True),
        (Label(regions=frozenset({"eu"})), frozenset({"eu"}), True),
        (Label(regions=frozenset({"eu"})), frozenset({"eu", "us"}), False),
        (Label(regions=frozenset({"eu"})), frozenset[str](), False),
        (Label(regions=frozenset()), frozenset({"eu"}), False),
    ],
)
async def test_nothing_leaves_that_the_label_forbids(
    label: Label, regions: frozenset[str], leaves: bool
) -> None:
    transport = CountingTransport()
    egress = GuardedEgress({"https": transport})
    with pytest.raises(UpstreamError if leaves else NotAllowed) as caught:
        await egress.send(outgoing("https"), regions=regions, label=label)
    assert len(transport.sent) == int(leaves)
    if not leaves:
        assert caught.value.code == "residency_denied"


async def test_each_scheme_has_its_transport() -> None:
    plain, local = CountingTransport(), CountingTransport()
    egress = GuardedEgress({"http": plain, "https": plain, "mock": local})
    with pytest.raises(UpstreamError, match="answers nothing"):
        await egress.send(outgoing("mock"), regions=frozenset(), label=UNRESTRICTED)
    assert (len(plain.sent), len(local.sent)) == (0, 1)
    with pytest.raises(UpstreamError, match=r"nothing here speaks replay:// \(served: http, https, mock\)"):
        await egress.send(outgoing("replay"), regions=frozenset(), label=UNRESTRICTED)
    await egress.close()
    assert (plain.closed, local.closed) == (1, 1)
