"""Weeks of live traffic to watch: calls that are as they were, some whose answers grew, some too new to tell.

Written as the shipper writes them; the server's own job looks at the hours. Read next: `house_evaluation`.
"""

import random
import time
from collections.abc import Iterator

import msgspec
from tests.browser.console_house import House, id_at
from tests.browser.house_evaluation import until
from tests.browser.written_calls import write_calls
from tests.contract.made_entries import make_end

from headgate.core.call import Usage
from headgate.core.entries import End, PromptUsed
from headgate.drift.traffic import TrafficSink
from headgate.records.sink import RecordSink

HOUR_MS = 3_600_000
HOURS = 300
GREW_HOURS_AGO = 60
NEW_HOURS = 30
CALLS_AN_HOUR = 6


def trafficked(house: House) -> None:
    """Write the weeks, and wait until all of them were looked at and the change was told."""
    write_calls(house.running, list(_weeks()), RecordSink(), TrafficSink())
    until(lambda: len(house.running.get("/drift/traffic")["items"]) == 3)
    until(lambda: house.running.get("/drift/traffic", phase="alarmed")["items"])


def _weeks() -> Iterator[End]:
    source = random.Random(23)
    present = int(time.time() * 1000) // HOUR_MS * HOUR_MS
    for ago in range(HOURS, 1, -1):
        slot = present - ago * HOUR_MS
        yield from _hour(source, slot, "support-bot", "mock/small", 200)
        yield from _hour(source, slot, "writer", "claude/sonnet", 600 if ago < GREW_HOURS_AGO else 200)
        if ago < NEW_HOURS:
            yield from _hour(source, slot, "careful", "shaky/large", 300)


def _hour(source: random.Random, slot: int, model: str, target: str, tokens: int) -> Iterator[End]:
    for _ in range(CALLS_AN_HOUR):
        started = slot + source.randrange(HOUR_MS)
        output = max(1, int(source.lognormvariate(0, 0.5) * tokens))
        yield msgspec.structs.replace(
            make_end(id_at(started, source)),
            started_ms=started,
            usage=Usage(input=50, output=output),
            duration_ms=5 * output,
            first_token_ms=300,
            cost_pico_usd=10_000_000 * output,
            project="default",
            model=model,
            target=target,
            operation="chat",
            tags=(),
            prompts=(PromptUsed("greeting", 1),) if model == "writer" else (),
            served_model=f"{target.rpartition('/')[2]}-2026-05-01",
        )
