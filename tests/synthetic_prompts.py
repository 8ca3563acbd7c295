"""A catalogue of prompts that no one wrote, with histories: prose, lists, code, conditionals, short ones."""

import random
from collections.abc import Callable

from headgate.prompts.matching.model import CatalogueVersion
from headgate.prompts.model import Hole, Part, Template

VERBS = (
    "Summarize", "Rewrite", "Translate", "Classify", "Rank", "Review", "Extract", "Compare", "Describe",
    "Explain", "Check", "Plan",
)  # fmt: skip
NOUNS = (
    "document", "question", "answer", "customer", "request", "table", "invoice", "function",
    "module", "paragraph", "review", "message", "contract", "report", "ticket", "recipe", "lesson",
    "patch", "commit", "dataset", "query", "headline", "article", "comment", "passage", "label",
    "score",
)  # fmt: skip
MANNERS = (
    "briefly", "with care", "step by step", "in plain words", "for a newcomer", "without repeating yourself",
    "in one sentence", "as a numbered list", "quoting the source", "in the language of the user",
    "before anything else", "only where it is certain", "even if it is long", "from the newest to the oldest",
)  # fmt: skip
HOLES = ("name", "context", "question", "language", "items[0]", "user.name", "n:.2f", "instructions", "text")
COMMITS = 2_000


def _sentence(rng: random.Random) -> str:
    one, two = rng.sample(NOUNS, 2)
    forms = (
        f"{rng.choice(VERBS)} the {one} {rng.choice(MANNERS)}.",
        f"Never mention the {one} when the {two} is missing.",
        f"If the {one} contradicts the {two}, say so {rng.choice(MANNERS)}.",
        f"Every {one} must name its {two}, {rng.choice(MANNERS)}.",
        f"You are an assistant that helps people {rng.choice(VERBS).lower()} a {one} or a {two}.",
        f"Return {rng.randint(2, 90)} items, each with a {one} and a {two}.",
    )
    return rng.choice(forms)


def _prose(rng: random.Random) -> list[Part]:
    parts: list[Part] = []
    for _ in range(rng.randint(2, 14)):
        parts.append(_sentence(rng) + rng.choice((" ", "\n", "\n\n")))
        if rng.random() < 0.3:
            parts.extend((f"The {rng.choice(NOUNS)} is: ", Hole(name=rng.choice(HOLES)), "\n"))
    return parts


def _listed(rng: random.Random) -> list[Part]:
    parts: list[Part] = [f"# {rng.choice(VERBS)} the {rng.choice(NOUNS)}\n\n"]
    for number in range(rng.randint(3, 12)):
        parts.append(f"{number + 1}. {_sentence(rng)}\n")
    return [*parts, "\n<", rng.choice(NOUNS), ">\n", Hole(name=rng.choice(HOLES)), "\n</end>\n"]


def _code(rng: random.Random) -> list[Part]:
    noun, other = rng.sample(NOUNS, 2)
    return [
        f'Answer with JSON only:\n{{\n  "{noun}_{rng.randint(1, 99)}": "<{_sentence(rng)}>",\n'
        f'  "{other}": [1, 2, 3]\n}}\n\n```python\ndef {noun}({other}):\n    return {other}.',
        Hole(name="method"),
        f"({rng.randint(1, 500)})\n```\n{_sentence(rng)}",
    ]


def _block(rng: random.Random) -> list[Part]:
    return [
        _sentence(rng) + "\n",
        Hole(name="% if documents %"),
        f"These documents may help: {_sentence(rng)}\n",
        Hole(name="% for document in documents %"),
        "--- ",
        Hole(name="document.title"),
        f"\n{_sentence(rng)}\n",
        Hole(name="% endfor %"),
        Hole(name="% endif %"),
        f"{_sentence(rng)} {_sentence(rng)}\nThe question: ",
        Hole(name="question"),
    ]


def _short(rng: random.Random) -> list[Part]:
    return [f"{rng.choice(VERBS)} {rng.choice(NOUNS)} {rng.randint(1, 999)}: ", Hole(name="text")]


KINDS: tuple[Callable[[random.Random], list[Part]], ...] = (_prose, _prose, _listed, _code, _block, _short)


def changed(parts: list[Part], rng: random.Random) -> list[Part]:
    """Change a prompt as an author does: a word, a sentence more or less, a hole's name."""
    made = list(parts)
    index = rng.choice([index for index, part in enumerate(made) if isinstance(part, str)])
    text = made[index]
    assert isinstance(text, str)
    kind = rng.random()
    words = text.split(" ")
    if kind < 0.4 and len(words) > 2:
        words[rng.randrange(len(words) - 1)] = f"{rng.choice(NOUNS)}{rng.randint(1, 99)}"
        made[index] = " ".join(words)
    elif kind < 0.6:
        made[index] = f"{text.rstrip()} {_sentence(rng)}\n"
    elif kind < 0.75:
        made[index] = f"{_sentence(rng)}\n{text}"
    elif kind < 0.85 and len(text) > 80:
        made[index] = text[: len(text) // 2] + "\n"
    elif kind < 0.95:
        made.insert(index + 1, Hole(name=f"more_{rng.randint(1, 99)}"))
        made.insert(index + 2, f"\n{_sentence(rng)}")
    else:
        made[index] = text.replace("\n", "\n\n") if "\n" in text else text + "\n"
    return made


def synthetic_catalogue(
    *, symbols: int, versions: int, seed: int, source: str = "synthetic"
) -> list[CatalogueVersion]:
    """Make prompts with some versions each, in files of five, their intervals of commits side by side."""
    rng = random.Random(seed)
    made: list[CatalogueVersion] = []
    for number in range(symbols):
        parts = KINDS[number % len(KINDS)](rng)
        edges = sorted(rng.sample(range(1, COMMITS), versions - 1)) if versions > 1 else []
        for first, end in zip([0, *edges], [*edges, COMMITS], strict=True):
            template = Template.of(parts)
            made.append(
                CatalogueVersion(
                    source=source,
                    path=f"app/prompts_{number // 5}.py",
                    symbol=f"PROMPT_{number}",
                    version=template.version,
                    template=template,
                    first=first,
                    last=end - 1,
                )
            )
            parts = changed(parts, rng)
    return made


def held_at(versions: list[CatalogueVersion], place: int) -> list[CatalogueVersion]:
    """Return what the commit at a place holds."""
    return [version for version in versions if version.first <= place <= version.last]
