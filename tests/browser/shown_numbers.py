"""Numbers as pages show them, to be held against the API's."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect
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


def compact(value: int) -> str:
    """As the console writes counts in tables: 12.3K from ten thousand on."""
    if value < 10_000:
        return f"{value:,}"
    size, letter = (1_000_000, "M") if value >= 999_950 else (1000, "K")
    return f"{_rounded(value / size, '0.1'):f}".removesuffix(".0") + letter


def duration(ms: float) -> str:
    """As the console writes what is shorter than a minute."""
    if ms < 1000:
        return f"{_rounded(ms, '1')} ms"
    return f"{_rounded(ms / 1000, '0.01' if ms < 10_000 else '0.1')} s"


def _rounded(value: float, digit: str) -> Decimal:
    return Decimal(value).quantize(Decimal(digit), ROUND_HALF_UP)


def highest(line: str, values: list[int]) -> re.Pattern[str]:
    """What a chart says of itself of a line with these values."""
    return re.compile(rf"[.;] {re.escape(line)}: ([0-9,.]+ in all, )?at most {max(values):,}[.;,]")


# The texts with digits within an element that stand in nothing that leads on.
BARE = """
const bareIn = (element, leads) => {
  const found = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (/[0-9]/.test(data) && !parentElement.closest(leads)) found.push(data);
  }
  return found;
};
"""
EVERY_BARE = """
() => {
  BARE
  const places = 'main table td, main [role=cell], main .hg-legend li, main .hg-total, main .hg-versions li';
  return [...document.querySelectorAll(places)].flatMap((place) =>
    bareIn(place, 'a, button, time, [data-fact]').map((text) => `${text} in ${place.textContent}`));
}
""".replace("BARE", BARE)
UNLINKED = """
() => {
  BARE
  const main = document.querySelector('main');
  const found = [];
  const heads = new RegExp('^(calls|traces|requests|cost|errors|failed|failed steps|served by another arm'
    + '|unpriced|tokens in|tokens out|tokens|in|out|spans)$', 'i');
  const counts = /(^|[^a-z0-9#.,-])[0-9][0-9.,]*[KM]? (calls?|traces?|requests?|sessions?)\\b(?! an )/i;
  const leads = 'a, button, time, [data-fact], option';
  for (const table of main.querySelectorAll('table, [role=table]')) {
    // All of it is of one call, or is what a message says.
    if (table.closest('.hg-call, .hg-message')) continue;
    const titles = [...table.querySelectorAll('thead th, [role=columnheader]')]
      .map((each) => each.innerText.replace(/[↑↓]/g, '').trim());
    for (const row of table.querySelectorAll('tbody tr, .hg-table-body [role=row]')) {
      // What is said of one call leads to it.
      if (row.querySelector('a[href^="/requests/"]')) continue;
      [...row.children].forEach((cell, place) => {
        const isBare = heads.test(titles[place] ?? '') && bareIn(cell, leads).length > 0;
        if (isBare) found.push(`${titles[place]}: ${row.innerText}`);
      });
    }
  }
  // What people and models wrote, and the server's sentences, hold numbers of their own.
  const said = 'pre, code, .hg-message, .hg-verdict, .hg-note, .hg-stands-out, .hg-quote, svg, figcaption';
  for (const element of main.querySelectorAll('*')) {
    const own = [...element.childNodes].filter((each) => each.nodeType === Node.TEXT_NODE);
    const text = own.map((each) => each.data).join('');
    // Whole sentences are the server's: those that have a link beside them say what they lead to.
    if (text.length <= 60 && counts.test(text) && !element.closest(`${leads}, ${said}`)) found.push(text);
  }
  return found;
}
""".replace("BARE", BARE)


def unlinked(page: Page) -> list[str]:
    """What counts calls or traces on a page, in tables and in words, and leads to none of them.

    `data-fact` says of a number that nothing which could be listed stands behind it.
    """
    return page.evaluate(UNLINKED)


def every_unlinked(page: Page) -> list[str]:
    """Every number in a table, legend or total that leads nowhere, whatever it counts.

    `data-fact` says of a number that no calls stand behind it: a limit, a share of one, a count of versions.
    """
    return page.evaluate(EVERY_BARE)


def arms_as_reported(page: Page, report: Any) -> Locator:
    """The rows of the table of arms, once its numbers are those of a report."""
    rows = page.get_by_role("table", name="arms").get_by_role("row")
    for place, arm in enumerate(report["arms"]):
        cells = rows.nth(place + 1).get_by_role("cell").all_inner_texts()
        counts = [f"{arm[name]:,}" for name in ("units", "complete", "calls", "crossed")]
        assert [cells[1], *cells[4:7]] == counts
    return rows


def metrics_as_reported(page: Page, report: Any) -> None:
    """What is shown of each metric is what a report of two arms says, and what its chart ends with."""
    baseline, arm = (each["name"] for each in report["arms"])
    for metric in report["metrics"]:
        (one,) = metric["comparisons"]
        known = page.get_by_role("article", name=f"{metric['name']} of {arm}")
        for word, part in ((arm, "mean"), (baseline, "baseline"), ("difference", "difference")):
            text = fact(known, word)
            if one[part] is None:
                assert text == "–"
                continue
            assert number_of(text) == pytest.approx(in_unit(text, one[part]), rel=6e-3)
        if one["low"] is None:
            expect(known.get_by_text("interval", exact=True)).to_have_count(0)
            continue
        interval = fact(known, "interval")
        for text, part in zip(interval.split(" to "), ("low", "high"), strict=True):
            assert number_of(text) == pytest.approx(in_unit(text, one[part]), rel=6e-3)
        label = re.compile(re.escape(f"last {interval} on"))
        expect(known.get_by_role("img")).to_have_attribute("aria-label", label)


def counted(house: House, url: str) -> int:
    """How many calls the API lists under the filter in an address of the console."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return len(house.running.requests(**query))
