"""Targets of a snapshot by name: `provider/model`, with prices from the file or the price table. Pure.

Read next: `catalog.prices`, where prices come from; `config.compile`, which makes the aliases' targets.
"""

import difflib
from datetime import date
from typing import get_args

from headgate.catalog.model import BucketName, ModelFacts, Price, Provider, Target
from headgate.config.document import PriceTable
from headgate.config.snapshot import Snapshot
from headgate.config.values import read_price
from headgate.core.faults import NotFound
from headgate.core.money import pico_per_unit

NEAREST_SHOWN = 3
BUCKETS: tuple[BucketName, ...] = get_args(BucketName)


def override_of(table: PriceTable, today: date) -> ModelFacts:
    """Read a checked `[prices."provider/model"]` table."""
    written: dict[BucketName, str | None] = {name: getattr(table, name) for name in BUCKETS}
    buckets: dict[BucketName, int] = {
        name: pico_per_unit(read_price(text)) for name, text in written.items() if text is not None
    }
    price = Price(buckets=buckets, source="headgate.toml", date=today.isoformat())
    return ModelFacts(price=price, context_window=table.context_window, max_output=table.max_output)


def facts_of(provider: Provider, model: str, today: date) -> ModelFacts:
    """Return what the price table knows of a model on a day."""
    return ModelFacts(price=None)


def resolve_target(snapshot: Snapshot, name: str) -> Target:
    """Return the target that `provider/model` names; any model of a provider that there is.

    Costs some microseconds, so a gateway keeps a bounded table of them a snapshot. Raises NotFound
    (`model_not_found`) with the nearest names.
    """
    provider_name, slash, model = name.partition("/")
    provider = snapshot.providers.get(provider_name)
    if provider is None or not slash or not model:
        raise model_not_found(snapshot, name)
    facts = snapshot.price_overrides.get(name)
    if facts is None:
        facts = facts_of(provider, model, date.fromisoformat(snapshot.priced_on))
    return Target(provider=provider, model=model, facts=facts)


def model_not_found(snapshot: Snapshot, name: str) -> NotFound:
    """Return the refusal for a name that is neither an alias nor `provider/model`, with the nearest names."""
    known = [*snapshot.aliases, *(f"{provider}/MODEL" for provider in snapshot.providers)]
    close = difflib.get_close_matches(name, known, n=NEAREST_SHOWN, cutoff=0.4) or known[:NEAREST_SHOWN]
    shown = name if len(name) <= 100 else f"{name[:97]}..."
    nearest = f"; nearest are {', '.join(close)}" if close else ""
    return NotFound(f"there is no model {shown!r}{nearest}", code="model_not_found")
