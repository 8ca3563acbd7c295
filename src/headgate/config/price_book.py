"""The prices that calls were settled at: by the configuration that they name, of the day of the call.

A gateway takes the prices of the day (UTC) on which a call begins; in the moment after midnight it may still
go by the day before, and older versions took those of the day on which a snapshot was stored. Where prices of
the call's own day do not come to its cost, one of these may. Implements `records.http.PriceBook`. Read next:
`records.breakdown`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from headgate.catalog.kinds import kinds
from headgate.catalog.prices import SOURCE, price_table_version
from headgate.config.document import Document, from_json
from headgate.config.prices import facts_of, overridden
from headgate.config.problems import NOWHERE, Problems
from headgate.config.providers import provider_of
from headgate.config.snapshots import StoredSnapshot, get_snapshot
from headgate.core.faults import NotFound
from headgate.records.breakdown import PricedFacts
from headgate.store.database import Connection

KEPT_MAX: Final = 256


class PriceBook:
    """Finds what was known of targets' prices; keeps the last 256 answers."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, date], tuple[PricedFacts, ...]] = OrderedDict()

    async def priced(
        self, connection: Connection, snapshot: str, target: str, day: date
    ) -> Sequence[PricedFacts]:
        """Return what may have been known of a target, the likeliest first; nothing without the snapshot."""
        asked = (snapshot, target, day)
        known = self._kept.get(asked)
        if known is None:
            try:
                stored = await get_snapshot(connection, snapshot)
            except NotFound:
                return ()
            # Reading price tables takes its time, so it stays off the loop.
            known = await asyncio.to_thread(_priced, stored, target, day)
            self._kept[asked] = known
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return known


def _priced(stored: StoredSnapshot, target: str, day: date) -> tuple[PricedFacts, ...]:
    try:
        document = from_json(stored.document)
    except msgspec.MsgspecError:
        return ()  # Another version wrote it.
    days = dict.fromkeys((day, stored.created_at.date(), day - timedelta(days=1)))
    return tuple([found for each in days if (found := _on(document, target, each)) is not None])


def _on(document: Document, target: str, day: date) -> PricedFacts | None:
    name, _, model = target.partition("/")
    table = document.providers.get(name)
    if table is None:
        return None
    provider = provider_of(name, table, kinds()[table.kind], Problems(NOWHERE))
    if provider is None:
        return None
    own = document.prices.get(target)
    facts = facts_of(provider, model, day) if own is None else overridden(provider, model, own, day)
    source = "" if facts.price is None else facts.price.source
    is_listed = source == SOURCE
    return PricedFacts(
        facts=facts,
        source=price_table_version() if is_listed else source,
        date=day.isoformat() if is_listed else None,
    )
