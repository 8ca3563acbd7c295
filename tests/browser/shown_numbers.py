"""Numbers as pages show them, to be held against the API's."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page
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


UNLINKED = """
() => {
  const main = document.querySelector('main');
  const found = [];
  const heads = new RegExp('^(calls|traces|requests|cost|errors|failed|failed steps|served by another arm'
    + '|unpriced|tokens in|tokens out|tokens|in|out|spans)$', 'i');
  const counts = /(^|[^a-z0-9#.,-])[0-9][0-9.,]*[KM]? (calls?|traces?|requests?|sessions?)\\b(?! an )/i;
  const leads = (element) => element.closest('a, button, time, [data-fact], option');
  const bare = (place) => {
    const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      if (/[0-9]/.test(walker.currentNode.data) && !leads(walker.currentNode.parentElement)) return true;
    }
    return false;
  };
  for (const table of main.querySelectorAll('table, [role=table]')) {
    if (table.closest('.hg-call')) continue;  // all of it is of one call
    const titles = [...table.querySelectorAll('thead th, [role=columnheader]')]
      .map((each) => each.innerText.replace(/[↑↓]/g, '').trim());
    for (const row of table.querySelectorAll('tbody tr, .hg-table-body [role=row]')) {
      // What is said of one call leads to it.
      if (row.querySelector('a[href^="/requests/"]')) continue;
      [...row.children].forEach((cell, place) => {
        if (heads.test(titles[place] ?? '') && bare(cell)) found.push(`${titles[place]}: ${row.innerText}`);
      });
    }
  }
  // What people and models wrote, and the server's sentences, hold numbers of their own.
  const said = 'pre, code, .hg-message, .hg-verdict, .hg-note, .hg-stands-out, .hg-quote, svg, figcaption';
  for (const element of main.querySelectorAll('*')) {
    const own = [...element.childNodes].filter((each) => each.nodeType === Node.TEXT_NODE);
    const text = own.map((each) => each.data).join('');
    // Whole sentences are the server's: those that have a link beside them say what they lead to.
    if (text.length <= 60 && counts.test(text) && !leads(element) && !element.closest(said)) found.push(text);
  }
  return found;
}
"""


def unlinked(page: Page) -> list[str]:
    """What counts calls or traces on a page, in tables and in words, and leads to none of them.

    `data-fact` says of a number that nothing which could be listed stands behind it.
    """
    return page.evaluate(UNLINKED)


def counted(house: House, url: str) -> int:
    """How many calls the API lists under the filter in an address of the console."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return len(house.running.requests(**query))
