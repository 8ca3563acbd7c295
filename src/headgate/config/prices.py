"""What is known of a model: its price from `[prices]` of the file, else from the price table. Pure.

Read next: `catalog.prices`.
"""

from datetime import date

import msgspec

from headgate.catalog.model import ModelFacts, Provider
from headgate.catalog.prices import facts_for, override_price
from headgate.config.document import LIMIT_KEYS, PriceTable


def facts_of(provider: Provider, model: str, today: date) -> ModelFacts:
    """Return what the price table knows of a model on a day."""
    return facts_for(provider.price_provider, model, on=today)


def overridden(provider: Provider, model: str, table: PriceTable, today: date) -> ModelFacts:
    """Return what is known of a model that has a checked `[prices."provider/model"]` table of its own."""
    written = {
        name: text
        for name, text in msgspec.structs.asdict(table).items()
        if text is not None and name not in LIMIT_KEYS
    }
    facts = facts_for(provider.price_provider, model, override_price(written), on=today)
    return msgspec.structs.replace(
        facts,
        context_window=table.context_window or facts.context_window,
        max_output=table.max_output or facts.max_output,
    )
