"""Text that a stand-in answers with: a simple tokenizer, and sentences that fit what was asked.

Pure and deterministic: the same seed and the same conversation give the same text. Knows no dialect. Read
next: `standins.answers_reply`, which decides between text, tool calls and structured output.
"""

import hashlib
import re
from random import Random

_TOKENS = re.compile(r"\s?[A-Za-z]{1,6}|\s?\d{1,3}|\s?[^\sA-Za-z\d]{1,2}|\s+")

_SAY = re.compile(
    r"(?:^|[.!?:\n]\s*|\bplease )(?:say|repeat|echo|(?:reply|respond|answer)(?: only| exactly| just)? with)"
    r"(?: exactly| only| just| the words?| this)*[:\s]+"
    r"(?:[\"“'‘`](?P<quoted>[^\"”'’`]{1,200})[\"”'’`]|(?P<plain>[^.!?\n]{1,80}))",
    re.IGNORECASE,
)

_SUM = re.compile(
    r"(?<![\w.])(-?\d{1,12})\s*(\+|-|\*|x|×|plus|minus|times|multiplied by)\s*(-?\d{1,12})(?![\w.])",
    re.IGNORECASE,
)

_OPENINGS = (
    "Here is a short answer about {topic}.",
    "A few words on {topic}.",
    "Let me go through {topic} step by step.",
    "In brief, this is what matters about {topic}.",
)

_SENTENCES = (
    "Start with the simplest case and check that it holds.",
    "Most of the difference comes from a small part of the work.",
    "Two things are easy to overlook: the order of steps and who depends on them.",
    "Compare the options side by side before you decide.",
    "A good example says more than a long list of rules.",
    "Write down what you expect first, then measure.",
    "It helps to keep {topic} apart from everything else at first.",
    "What people usually ask next about {topic} is how much it costs.",
    "If the result surprises you, look at the input once more.",
    "The numbers change from case to case, but the pattern stays the same.",
    "For {topic}, a small trial is cheaper than a large plan.",
    "That is enough to begin with; details can follow later.",
)

_SMALL_WORDS = """
    a about all also an and any are as ask at be by can could do does for from function get give has have
    hello hey hi how i if in into is it its just let like me my need no not of on one only or our out please
    return say show so some tell than that the their them then there they this to tool up us use using value
    want was we what when where which who why will with would you your
"""
COUNTED_CHARACTERS_MAX = 100_000
READ_CHARACTERS_MAX = 8_000

STOP_WORDS = frozenset(_SMALL_WORDS.split())


def split_tokens(text: str) -> list[str]:
    """Cut text into tokens of about four bytes whose join is the text."""
    return _TOKENS.findall(text)


def count_tokens(text: str) -> int:
    """Count the tokens of a text; never more than its bytes. A long one is not looked at, only measured."""
    if len(text) > COUNTED_CHARACTERS_MAX:
        return len(text.encode()) // 4
    return len(_TOKENS.findall(text))


def generator(seed: int, *parts: str | bytes) -> Random:
    """Return a random generator that depends on the seed and the parts, and on nothing else."""
    digest = hashlib.blake2b(str(seed).encode(), digest_size=8)
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return Random(int.from_bytes(digest.digest(), "big"))


def words_of(text: str) -> list[str]:
    """Return the telling words of a text in lower case, in order, each once, plural `s` taken off."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text[-READ_CHARACTERS_MAX:])
    found: dict[str, None] = {}
    for word in re.findall(r"[^\W\d_]{3,}", spaced.lower()):
        singular = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        if singular not in STOP_WORDS and word not in STOP_WORDS:
            found[singular] = None
    return list(found)


def topic_of(text: str) -> str:
    """Name what a text is about: its last few telling words."""
    words = words_of(text[-2000:])
    return " and ".join(words[-2:]) if words else "this"


def asked_for(text: str) -> str | None:
    """Return the very words that a text asks to be said, or the result of the sum in it; else None."""
    text = text[-READ_CHARACTERS_MAX:]
    said = _SAY.search(text)
    if said:
        return (said["quoted"] or said["plain"] or "").strip() or None
    found = _SUM.search(text)
    if not found:
        return None
    left, right = int(found[1]), int(found[3])
    match found[2].lower():
        case "+" | "plus":
            result = left + right
        case "-" | "minus":
            result = left - right
        case _:
            result = left * right
    return f"{found[0].strip()} is {result}."


def compose(random: Random, topic: str, tokens_min: int) -> str:
    """Write sentences about a topic, at least `tokens_min` tokens of them."""
    sentences = [random.choice(_OPENINGS).format(topic=topic)]
    order = random.sample(_SENTENCES, len(_SENTENCES))
    tokens = count_tokens(sentences[0])
    place = 0
    while tokens < tokens_min:
        sentence = order[place % len(order)].format(topic=topic)
        sentences.append(sentence)
        tokens += count_tokens(" " + sentence)
        place += 1
    return " ".join(sentences)
