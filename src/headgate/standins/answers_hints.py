"""Values that a conversation mentions: numbers, quoted words, names, addresses, dates, each used once.

Pure. Used by `standins.answers_schema` to fill arguments and structured output with what fits.
"""

import re
from datetime import date

from headgate.standins.answers_text import STOP_WORDS, words_of

TEXT_BYTES_MAX = 4000

_NUMBER = re.compile(r"(?<![\w.\-])-?(?:\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.\d{1,9})?(?![\w])")
_QUOTED = re.compile(r"\"([^\"\n]{1,200})\"|“([^”\n]{1,200})”|(?<!\w)['‘`]([^'’`\n]{1,200})['’`](?!\w)")
_NAME = re.compile(
    r"[A-ZÀ-ÖØ-Þ][\w’'-]*(?:(?:,(?= [A-Z]{2}\b))? [A-ZÀ-ÖØ-Þ][\w’'-]*)*|[^\x00-\u02ff\s\u2010-\u206f]{2,}"
)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}")
_URL = re.compile(r"https?://[^\s\"'<>)\]]{1,500}")
_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_TIME = re.compile(r"\b([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?\b")
_OPENING_VERBS = """
    add answer book build calculate call change check choose close compare compute count create delete
    describe draw estimate explain extract fetch fill find generate greet look make open order pick plan
    print put read remove search send set sort start summarise summarize take translate try turn write
"""
_VERBS = frozenset(_OPENING_VERBS.split())
_PLAIN_NAME_WORDS = frozenset({"name", "title", "city", "location", "place", "country", "person", "author"})


class Hints:
    """The values found in a text, handed out in order; each kind restarts when all have been used."""

    def __init__(self, text: str, said: str = "") -> None:
        text = text[-TEXT_BYTES_MAX:]
        self.text = text
        self.lower = text.lower()
        self.said = said or text
        self.dates = [found[0] for found in _DATE.finditer(text) if _is_date(found[0])]
        self.times = [found[0] for found in _TIME.finditer(text)]
        self.emails = _EMAIL.findall(text)
        self.urls = [url.rstrip(".,;:!?") for url in _URL.findall(text)]
        plain = _DATE.sub(" ", _TIME.sub(" ", _URL.sub(" ", text)))
        self.numbers = [found[0].replace(",", "") for found in _NUMBER.finditer(plain)]
        self.quoted = [next(filter(None, found.groups())) for found in _QUOTED.finditer(text)]
        self.names = _names(plain)
        self._used: dict[str, int] = {}

    def take(self, kind: str, found: list[str]) -> str | None:
        """Hand out the next value of a kind; None when there is none, or all have been handed out."""
        place = self._used.get(kind, 0)
        if place >= len(found):
            return None
        self._used[kind] = place + 1
        return found[place]

    def number_beside(self, property_name: str) -> str | None:
        """Return the number that stands next to the words of a property's name."""
        for word in words_of(property_name):
            after = re.search(
                rf"\b{re.escape(word)}s?\b\W{{0,3}}(?:is|of|to|=|:|at)?\W{{0,3}}(-?\d{{1,15}}(?:\.\d{{1,9}})?)",
                self.lower,
            )
            before = re.search(rf"(-?\d{{1,15}}(?:\.\d{{1,9}})?)[\s-]{{1,2}}{re.escape(word)}", self.lower)
            found = after or before
            if found:
                return found[1]
        return None

    def mentions(self, words: str) -> bool:
        """Say whether any telling word of `words` stands in the text."""
        spoken = set(words_of(self.text))
        return any(word in spoken for word in words_of(words))

    def says(self, phrase: str) -> bool:
        """Say whether the text holds a phrase as whole words, in any case."""
        return bool(phrase) and bool(
            re.search(rf"(?<!\w){re.escape(phrase.lower().replace('_', ' '))}(?!\w)", self.lower)
        )

    def word_for(self, property_name: str) -> str | None:
        """Return quoted text or a name that can stand for a property, the fitter kind first."""
        if _PLAIN_NAME_WORDS & set(words_of(property_name)):
            return self.take("quoted", self.quoted) or self.take("names", self.names)
        return self.take("quoted", self.quoted) or (
            self.take("names", self.names) if len(self.names) == 1 else None
        )


def _is_followed_by_verb(text: str, place: int) -> bool:
    return bool(re.match(r" (?:is|was|has|had|lives|works|wants|will|likes)\b", text[place:]))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _names(text: str) -> list[str]:
    """Find names: words with a capital that do not merely begin a sentence, or are in another script."""
    inner: list[str] = []
    first: list[str] = []
    for found in _NAME.finditer(text):
        before = text[: found.start()].rstrip(" \"'“‘`(")
        begins = not before or before[-1] in ".!?"
        words = found[0].split()
        if words[0].lower() in STOP_WORDS or (begins and words[0].lower() in _VERBS):
            words = words[1:]
        elif begins and len(words) == 1 and not _is_followed_by_verb(text, found.end()):
            first.append(found[0])
            continue
        name = " ".join(words)
        if name and name.lower() not in STOP_WORDS and name != "I":
            inner.append(name)
    return list(dict.fromkeys(inner or first))
