"""Every recorded exchange costs no more than its bound, or is declared Unbounded with a reason.

The bound is made from what a client sent, as the data plane makes it; the cost from what the provider said.
Exchanges in dialects that no route of ours speaks are not counted, nor those that failed or name no usage.
"""

import statistics
from collections import Counter, defaultdict

import msgspec
from tests.attack.conftest import Show
from tests.recorded_exchanges import recorded
from tests.unit.test_bound import TODAY, Judged, judge, said_usage

from headgate.catalog.bound import BoundInput, bound
from headgate.catalog.prices import cost, facts_for
from headgate.core.call import Bounded, ServerTool, Unbounded
from headgate.wire.reading import read_call

UNBOUNDED_SHARE_MAX = 0.15
COMPARED_MIN = 700


class Row:
    """What was found of one dialect."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        """What was spent, as a share of the bound."""
        self.unbounded = 0
        self.server_tools = 0

    @property
    def count(self) -> int:
        return len(self.shares) + self.unbounded + self.server_tools

    def text(self, name: str) -> str:
        shares = sorted(self.shares) or [0.0]
        return (
            f"{name:24}{self.count:6}{len(self.shares) / self.count:9.1%}{self.unbounded / self.count:11.1%}"
            f"{self.server_tools / self.count:15.1%}{statistics.median(shares):14.2%}{shares[-1]:10.2%}"
        )


def all_judged() -> list[tuple[str, str, Judged]]:
    """Dialect, id and verdict of each exchange that a provider has charged for."""
    found: list[tuple[str, str, Judged]] = []
    for one, route in recorded():
        judged = judge(one, route) if one.status == 200 else None
        if judged is not None:
            found.append((one.dialect, one.id, judged))
    return found


def test_every_recorded_exchange_is_within_its_bound_or_says_why_it_has_none(shown: Show) -> None:
    rows: defaultdict[str, Row] = defaultdict(Row)
    reasons: Counter[str] = Counter()
    over: list[str] = []
    for dialect, name, judged in all_judged():
        for row in (rows[dialect], rows["all"]):
            match judged.most:
                case Bounded(pico_usd=most):
                    spent = judged.spent
                    if spent is None or spent > most:
                        over.append(name)
                    row.shares.append((spent or 0) / max(most, 1))
                case Unbounded(reason=reason):
                    assert reason, name
                    row.server_tools += judged.server_tools
                    row.unbounded += not judged.server_tools
        if isinstance(judged.most, Unbounded):
            reasons[judged.most.reason] += 1
    everything = rows.pop("all")
    title = f"{'dialect':24}{'calls':>6}{'bounded':>9}{'unbounded':>11}{'server tools':>15}"
    lines = [title + f"{'median spent':>14}{'most':>10}"]
    lines += [row.text(name) for name, row in sorted(rows.items())]
    lines += [everything.text("all"), "", "why unbounded:"]
    lines += [f"{number:6}  {reason}" for reason, number in reasons.most_common()]
    lines += ["", f"{everything.count} of {len(recorded())} recorded exchanges were compared"]
    shown("\n".join(lines))
    assert not over
    assert everything.count >= COMPARED_MIN
    without_tools = len(everything.shares) + everything.unbounded
    assert everything.unbounded < UNBOUNDED_SHARE_MAX * without_tools


def test_searches_would_have_been_bounded_had_their_number_been_limited() -> None:
    """Recorded searches name no `max_uses`; with the number that was made, their bound holds."""
    compared = 0
    for one, route in recorded():
        if one.dialect != "anthropic-messages" or one.status != 200:
            continue
        facts = read_call(route, [], one.body)
        usage, _ = said_usage(one, route)
        kinds = {tool.kind for tool in facts.media.server_tools}
        if "web_search_20250305" not in kinds or len(kinds) > 1 or usage is None:
            continue
        searches = usage.units.get("web_search", 0)
        parts = BoundInput(
            operation=route.operation,
            body_bytes=len(one.body),
            messages=facts.messages,
            max_output=facts.max_output,
        )
        tool = ServerTool("web_search_20250305", max(searches, 1))
        model = facts_for("anthropic", facts.model, on=TODAY)
        most = bound(msgspec.structs.replace(parts, server_tools=(tool,)), model)
        spent = cost(model, usage)
        assert isinstance(most, Bounded), one.id
        assert spent is not None
        assert spent <= most.pico_usd, one.id
        plain = bound(parts, model)
        assert isinstance(plain, Bounded)
        compared += spent > plain.pico_usd / 2
    assert compared >= 1
