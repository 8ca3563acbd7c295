"""What budgets of the house have spent, and where that leads.

Some calls a day for three weeks are on record and in the ledger. Of the budgets that go on from there one
runs out, others last, and one is used up, so that another target took over.
"""

import random
import time
import uuid
from collections.abc import Iterator, Sequence

from demo.running import Running
from tests.browser.written_calls import write_calls
from tests.contract.made_entries import make_attempt
from tests.flow.test_api_requests import ended

from headgate.core.call import Usage
from headgate.core.entries import End
from headgate.core.money import parse_usd
from headgate.meters.sink import MeterSink
from headgate.prompts.catalogue.traffic import RenderedSink
from headgate.records.sink import RecordSink

DAYS = 21
A_DAY = 24
DAY_MS = 86_400_000


def earlier_days() -> Iterator[End]:
    """Calls of the days before the last one, dearer on some of them than on others."""
    source = random.Random(19)
    now_ms = int(time.time() * 1000)
    for number in range(1, DAYS):
        dear = source.lognormvariate(0, 0.35)
        for _ in range(A_DAY):
            started = now_ms - number * DAY_MS - int(source.random() * DAY_MS)
            name, target = source.choice((("assistant", "mock/small"), ("writer", "claude/sonnet")))
            cost = parse_usd(f"{0.1 * dear * source.lognormvariate(0, 0.3):.6f}")
            usage = Usage(input=source.randint(40_000, 90_000), output=source.randint(2000, 5000))
            yield ended(
                call=uuid.UUID(int=started << 80 | 7 << 76 | 2 << 62 | source.getrandbits(60)).bytes,
                started_ms=started,
                duration_ms=900,
                model=name,
                target=target,
                user=source.choice(("anna", "ben", "chloe")),
                key="k-batch",
                tags=("team:search",),
                session="",
                usage=usage,
                cost_pico_usd=cost,
                attempts=(
                    make_attempt(
                        target=target,
                        started_ms=started + 2,
                        duration_ms=890,
                        reserved_pico_usd=2 * cost,
                        cost_pico_usd=cost,
                        charged_pico_usd=cost,
                        usage=usage,
                    ),
                ),
            )


def write(running: Running, calls: Sequence[End]) -> None:
    """Write calls: on record, the prompts in them, and what they cost in the ledger."""
    write_calls(running, calls, RecordSink(), RenderedSink(), MeterSink())


def write_earlier_days(running: Running) -> None:
    """Write the days, and make the budgets that go on from what they cost."""
    write(running, list(earlier_days()))
    for budget in (
        # A month that ends before this runs out, or has just begun, would say something else of it.
        {"name": "openai-prepaid", "scope": {"provider": "mock"}, "limit": "34 USD", "window": "total"},
        {"name": "everything", "limit": "500 USD"},
        {"name": "anna-monthly", "scope": {"user": "anna"}, "limit": "30 USD"},
    ):
        answer = running.api.post("/budgets", json={"window": "month", **budget})
        assert answer.status_code == 201, answer.text


def use_up(running: Running) -> None:
    """A budget of what the dear target has cost already: the next call of `careful` goes to the other."""
    body = {"name": "large-prepaid", "scope": {"provider": "shaky"}, "limit": "0.3 USD", "window": "total"}
    answer = running.api.post("/budgets", json=body)
    assert answer.status_code == 201, answer.text
