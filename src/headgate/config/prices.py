"""What is known of a model: from `[prices]` of the file, else from the price table. Pure.

Read next: `catalog.prices`.
"""

from datetime import date
from typing import get_args

from headgate.catalog.model import BucketName, ModelFacts, Price, Provider
from headgate.config.document import PriceTable
from headgate.config.values import read_price
from headgate.core.money import pico_per_unit

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
