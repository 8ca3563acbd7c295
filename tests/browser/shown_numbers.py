"""Numbers as pages show them, to be held against the API's."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator
from tests.browser.console_house import House


def fact(within: Locator, name: str) -> str:
    """What a list of facts says under a name."""
    term = within.locator("dl > div").filter(has=within.page.get_by_text(name, exact=True))
    return term.locator("dd").inner_text()


def number_of(text: str) -> float:
    """The number in a text, with its sign."""
    (digits,) = re.findall(r"[\d.,]+", text)
    value = float(digits.replace(",", ""))
    return -value if text.startswith("−") else value


def in_unit(text: str, value: float) -> float:
    """A time is written in seconds where it is long."""
    return value / 1000 if text.endswith(" s") else value


def counted(house: House, url: str) -> int:
    """How many calls the API lists under the filter in an address of the console."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return len(house.running.requests(**query))
