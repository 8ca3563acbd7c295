"""Messages rendered from templates with random values, as programs compose them; and what is true of them."""

import random
from collections.abc import Callable, Sequence

import msgspec

from headgate.prompts.matching.model import CatalogueVersion, MatchedPiece, MessageMatch
from headgate.prompts.model import Hole, Part

WORDS = (
    "amber", "river", "ledger", "copper", "window", "garden", "signal", "market", "harbour",
    "lantern", "quarry", "meadow", "engine", "basket", "violin", "winter", "orchard", "paper",
    "travel", "silver", "thunder", "pocket", "island", "mirror", "bridge", "candle", "forest",
    "hammer", "kettle", "ladder", "needle", "pencil", "ribbon", "saddle", "temple", "valley",
    "walnut", "yellow", "zebra", "anchor", "butter", "camera", "dragon", "eleven", "falcon",
)  # fmt: skip
CODE = (
    "def total(items):\n    return sum(item.price for item in items)\n",
    "```python\nprint('hello')\n```",
    '{"name": "walnut", "count": 3}',
    "src/app/views.py\nsrc/app/models.py\n",
    "<doc id=3>\nAmber, copper and silver.\n</doc>",
    "日本語の文章です。次の質問に答える。",
    "- one\n- two\n  - three",
    "https://example.org/a?b=c&d=%20e",
)


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A message, the versions that made it, and the place of a commit that holds them all."""

    text: str
    made_of: tuple[CatalogueVersion, ...]
    at: int


def random_value(rng: random.Random) -> str:
    """A value: mostly words, at times code, other scripts, many lines or nothing."""
    kind = rng.random()
    if kind < 0.5:
        return " ".join(rng.choices(WORDS, k=rng.randint(1, 12)))
    if kind < 0.75:
        return rng.choice(CODE)
    if kind < 0.85:
        return str(rng.randint(0, 10**9))
    if kind < 0.97:
        return "\n".join(
            " ".join(rng.choices(WORDS, k=rng.randint(2, 15))) for _ in range(rng.randint(2, 60))
        )
    return ""


def render(
    version: CatalogueVersion, rng: random.Random, fill: Callable[[str], str | None] = lambda name: None
) -> str:
    """Fill the holes; a name has one value in one rendering; `fill` may give it: another template's text."""
    values: dict[str, str] = {}

    def value(name: str) -> str:
        if name not in values:
            given = fill(name)
            values[name] = random_value(rng) if given is None else given
        return values[name]

    return _rendered(version.template.parts, rng, value)


def _rendered(parts: Sequence[Part], rng: random.Random, value: Callable[[str], str]) -> str:
    made: list[str] = []
    index = 0
    while index < len(parts):
        part = parts[index]
        if isinstance(part, str):
            made.append(part)
        elif part.name.startswith(("% if", "% for", "#")):
            end = _closing(parts, index)
            times = rng.randint(0, 3) if part.name.startswith(("% for", "#")) else rng.randint(0, 1)
            made.extend(_rendered(parts[index + 1 : end], rng, value) for _ in range(times))
            index = end
        else:
            made.append(value(part.name))
        index += 1
    return "".join(made)


def _closing(parts: Sequence[Part], opening: int) -> int:
    depth = 0
    for index in range(opening, len(parts)):
        part = parts[index]
        if isinstance(part, Hole):
            depth += part.name.startswith(("% if", "% for", "#"))
            depth -= part.name.startswith(("% end", "/"))
            if depth == 0:
                return index
    raise ValueError("a block that is not closed")


class Tally(msgspec.Struct):
    """How many of the templates that made some messages were found, and their versions."""

    templates: int = 0
    right_templates: int = 0
    alone: int = 0
    right_versions: int = 0
    in_interval: int = 0
    stray: int = 0
    values: int = 0
    right_values: int = 0
    wrong: list[tuple[str, CatalogueVersion]] = []

    def count(self, rendered: Rendered, match: MessageMatch) -> None:
        """Compare what was found in a message with what made it."""
        for version in rendered.made_of:
            self.templates += 1
            same = [piece for piece in match.pieces if is_of(piece, version)]
            if not same:
                self.wrong.append((rendered.text, version))
                continue
            self.right_templates += 1
            self.alone += any((piece.path, piece.symbol) == (version.path, version.symbol) for piece in same)
            fits = any(version.version in piece.versions for piece in same)
            contains = any(piece.first <= rendered.at <= piece.last for piece in same)
            self.right_versions += fits
            self.in_interval += fits or contains
            if not (fits or contains):
                self.wrong.append((rendered.text, version))
        self.stray += sum(
            not any(is_of(piece, version) for version in rendered.made_of) for piece in match.pieces
        )


def is_of(piece: MatchedPiece, version: CatalogueVersion) -> bool:
    """Whether a piece is said to be of a version's prompt: the one named, or one of equal text elsewhere."""
    places = {(piece.path, piece.symbol), *((other.path, other.symbol) for other in piece.others)}
    return (version.path, version.symbol) in places
