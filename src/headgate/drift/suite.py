"""The built-in suite of canaries: short questions with one answer, and two held against earlier answers.

Never changed in place: another suite is another canary, which learns anew. Pure.
"""

from typing import Final

from headgate.drift.model import Case


def _asked(name: str, prompt: str, expected: str) -> Case:
    return Case(name=name, prompt=prompt, scorer="exact", expected=expected)


BUILT_IN: Final = (
    _asked("echo", "Answer with exactly this word and nothing else: bicycle", "bicycle"),
    _asked("sum", "What is 17 + 26? Answer with the number only.", "43"),
    _asked("product", "What is 12 x 13? Answer with the number only.", "156"),
    _asked("capital", "What is the capital of Portugal? Answer with one word, no full stop.", "Lisbon"),
    _asked("reverse", "Write the letters of 'stone' in reverse, as one word and nothing else.", "enots"),
    _asked("order", "Sort these numbers, smallest first, with commas and no spaces: 9,4,7,1", "1,4,7,9"),
    _asked("count", "How many letters has the word 'canary'? Answer with the number only.", "6"),
    _asked("prime", "Is 91 a prime number? Answer with exactly yes or no, in lower case.", "no"),
    _asked("json", 'Answer with this JSON and nothing else, without spaces: {"a":1}', '{"a":1}'),
    _asked("french", "Translate 'thank you' into French. Answer with one word, in lower case.", "merci"),
    Case(name="colours", prompt="Name the colours of the rainbow in order, with commas between them."),
    Case(name="sky", prompt="Explain in one sentence why the sky is blue."),
)
