"""Numbers, names and quotes of an answer that occur nowhere in its context. Pure; no model is asked.

Cheap, and only that: what it flags stands nowhere, which is not yet wrong (what was converted from miles to
kilometres stands nowhere either), and what it doesn't flag may still be false. How often it flags what is
right: docs/guides/groundedness.md.
"""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

from headgate.grounding.claims import claims_of
from headgate.grounding.model import Claim, Evidence

CONTEXT_CHARACTERS_MAX: Final = 2_000_000
SMALL: Final = 12
"""Counts up to a dozen are counted, not quoted: "three reasons", "2 steps"."""

_NUMBER: Final = re.compile(r"(?<![\w.,-])[-+]?\d[\d,'\u202f\u00a0]*(?:\.\d+)?(?!\w*\d)")
_PLAIN_NUMBER: Final = re.compile(r"\d[\d,'\u202f\u00a0]*(?:\.\d+)?")
_QUOTE: Final = re.compile(r"[\"\u201c\u00ab]([^\"\u201c\u201d\u00ab\u00bb]{8,300})[\"\u201d\u00bb]")
_CAPITAL: Final = r"[A-Z][\w'\u2019&-]*"
_NAME: Final = re.compile(
    rf"\b[A-Z][\w'\u2019&-]*[a-z][\w'\u2019&-]*(?:\s+(?:of|de|van|von)\s+{_CAPITAL}|\s+{_CAPITAL})*"
)
_CODE: Final = re.compile(r"\b[A-Za-z]+[-_]?\d[\w-]*")
_LABEL: Final = re.compile(r"^[\w /&()#-]{1,60}:\s")
_WORD: Final = re.compile(r"\w+")
_WORKING: Final = re.compile(r"\d\s*[\u00d7x*+/\u2212-]\s*[\d,.]+.*=\s*[\d,.]+")
_BEFORE_FIRST: Final = (".", "!", "?", ":", "(", "\u201c", '"')
"""What stands before a sentence's first word, which has a capital whatever it is."""
_COMMON: Final = frozenset(
    """
    the this that these those there here they then than it its he she we you i in on at by for from
    with without and or but if so as to of a an is are was were be been has have had do does did not
    no yes all any each every some most many more less both either neither one two three first
    second third next last also however therefore while when where what which who whose why how
    since because after before during until although though please note based according overall
    finally additionally moreover furthermore instead yet still let your our my their his her
    january february march april may june july august september october november december monday
    tuesday wednesday thursday friday saturday sunday
    """.split()  # noqa: SIM905 - a table of words reads better
)


class Context:
    """What a context says: its words, its numbers and its text with single blanks."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.text = _plain("\n".join(texts)[:CONTEXT_CHARACTERS_MAX])
        self._words = {word.removesuffix("s") for word in _WORD.findall(self.text)}
        self._numbers = {number for text in _PLAIN_NUMBER.findall(self.text) for number in _numbers(text)}

    def has_number(self, text: str) -> bool:
        """Say whether a number stands there: as it is, rounded, or as a share for per cent."""
        wanted = _decimal(text)
        if wanted is None or wanted in self._numbers:
            return True
        if wanted / 100 in self._numbers or wanted * 100 in self._numbers:
            return True
        places = -int(wanted.as_tuple().exponent)
        return any(round(number, places) == wanted for number in self._numbers if number != 0)

    def has_words(self, text: str) -> bool:
        """Say whether all words of a name stand there, wherever."""
        words = [word.removesuffix("s") for word in _WORD.findall(_plain(text))]
        if len(words) > 1 and "".join(word[0] for word in words) in self._words:
            return True  # what an abbreviation of the context stands for
        return all(word in self._words for word in words if word not in _COMMON and len(word) > 1)

    def has_code(self, text: str) -> bool:
        """Say whether a name with digits in it, such as an order's number, stands there."""
        return _plain(text) in self.text

    def has_quote(self, text: str) -> bool:
        """Say whether a quote stands there, but for case, blanks and points at its end."""
        return _plain(text).strip(" .,;:!?") in self.text


def claims_against(answer: str, context: Context) -> tuple[Claim, ...]:
    """Return the claims of an answer, each with what of it stands nowhere in the context."""
    return tuple([_claim(text, context) for text in claims_of(answer)])


def _claim(text: str, context: Context) -> Claim:
    quotes = [quote for quote in _QUOTE.findall(text) if quote == quote.strip()]
    # A sum that is written out shows what its numbers come from.
    numbers = [] if _WORKING.search(text) else [found for found in _NUMBER.findall(text) if _matters(found)]
    codes = _CODE.findall(text)
    names = [name for name in _names(text) if not any(name in quote for quote in (*quotes, *codes))]
    missing = [
        *(Evidence(kind="quote", text=quote) for quote in quotes if not context.has_quote(quote)),
        *(Evidence(kind="number", text=number) for number in numbers if not context.has_number(number)),
        *(Evidence(kind="name", text=name) for name in names if not context.has_words(name)),
        *(Evidence(kind="name", text=code) for code in codes if not context.has_code(code)),
    ]
    return Claim(
        text=text, checkable=bool(quotes or numbers or names or codes), missing=tuple(dict.fromkeys(missing))
    )


def _names(text: str) -> list[str]:
    """Words that begin with a capital within a sentence, and several of them in a row anywhere."""
    found: list[str] = []
    label = _LABEL.match(text)
    for match in _NAME.finditer(text, label.end() if label is not None else 0):
        words = [word for word in match[0].split() if not word.startswith(("I'", "I\u2019"))]
        begins = not text[: match.start()].strip() or text[: match.start()].rstrip().endswith(_BEFORE_FIRST)
        if words and (words[0].lower() in _COMMON or (begins and len(words) == 1)):
            words = words[1:]
        if words:
            found.append(" ".join(words))
    return found


def _matters(text: str) -> bool:
    number = _decimal(text)
    return number is not None and (number != number.to_integral_value() or abs(number) > SMALL)


def _numbers(text: str) -> Iterable[Decimal]:
    """A number as it may be meant: with separators, or as several numbers in a row."""
    found = _decimal(text)
    if found is not None:
        yield found
    for part in re.split(r"[,'\u202f\u00a0]", text):
        of_part = _decimal(part) if part else None
        if of_part is not None:
            yield of_part


def _decimal(text: str) -> Decimal | None:
    try:
        return abs(Decimal(re.sub(r"[,'\u202f\u00a0+]", "", text)))
    except InvalidOperation:
        return None


def _plain(text: str) -> str:
    """Small letters, plain quotes and single blanks; escapes of JSON are read over."""
    flat = re.sub(r"\\[nrt]", " ", text).replace('\\"', '"').replace("\u2019", "'")
    return re.sub(r"\s+", " ", flat).lower()
