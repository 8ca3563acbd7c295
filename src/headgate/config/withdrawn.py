"""`[withdrawn."provider/model"]`: days on which models end, where the catalogue knows none or another. Pure.

Read next: `catalog.withdrawn`, `drift.outdated`.
"""

from collections.abc import Mapping
from datetime import date

from headgate.catalog.model import Provider
from headgate.catalog.withdrawn import Withdrawal
from headgate.config.document import Document
from headgate.config.problems import Problems
from headgate.config.values import read_date

SOURCE = "headgate.toml"


def withdrawn_of(
    document: Document, providers: Mapping[str, Provider], problems: Problems, today: date
) -> dict[str, Withdrawal]:
    """Return what a document says of models that end, by `provider/model`. Other providers were looked at."""
    found: dict[str, Withdrawal] = {}
    for name, table in document.withdrawn.items():
        provider, _, model = name.partition("/")
        if not model:
            problems.add(("withdrawn", name), 'names no model; write [withdrawn."provider/model"]')
        elif provider in providers:
            found[name] = Withdrawal(
                model=model,
                provider=providers[provider].kind,
                on=read_date(table.on),
                instead=table.instead,
                source=SOURCE,
                written=today,
            )
    return found
