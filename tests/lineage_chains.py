"""Made traces whose lineage is known: retrieval, tool use, summaries and copies with edits."""

import json
import random
from typing import Any

import msgspec

from headgate.traces.lineage.model import Step
from headgate.traces.lineage.texts import Fields, with_texts

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Chain(msgspec.Struct, frozen=True):
    """A trace, and which step's output went into which step's input."""

    steps: list[Step]
    truth: set[tuple[str, str]]


class Writer:
    """Writes texts of made words, some common and most rare, as in a language."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        words = ["".join(self.dice.choices(_LETTERS, k=self.dice.randint(2, 10))) for _ in range(4000)]
        self._words = words
        self._weights = [1 / (place + 3) for place in range(len(words))]

    def text(self, words: int) -> str:
        """Sentences with commas, line ends and now and then a quote or a letter that JSON escapes."""
        said = self.dice.choices(self._words, self._weights, k=words)
        ends = self.dice.choices([" ", ", ", ". ", ".\n", ' "', " é "], [80, 6, 5, 3, 3, 3], k=words)
        return "".join(word + end for word, end in zip(said, ends, strict=True)).strip()

    def edited(self, text: str) -> str:
        """A copy as applications make them: cut, wrapped anew, quoted, escaped, with words changed."""
        words = text.split()
        keep = self.dice.uniform(0.4, 1.0)
        start = self.dice.randint(0, int(len(words) * (1 - keep)))
        words = words[start : start + max(20, int(len(words) * keep))]
        for _ in range(len(words) // 25):
            words[self.dice.randrange(len(words))] = self.dice.choice(self._words)
        width = self.dice.randint(8, 20)
        lines = [" ".join(words[place : place + width]) for place in range(0, len(words), width)]
        match self.dice.randrange(4):
            case 0:
                return "\n> " + "\n> ".join(lines)
            case 1:
                return json.dumps({"passage": "\n".join(lines)})
            case 2:
                return json.dumps(json.dumps({"passage": "\n".join(lines)}, ensure_ascii=False))
            case _:
                return "  \n".join(lines).upper()


def messages(*said: tuple[str, str]) -> str:
    shaped = [{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in said]
    return json.dumps(shaped)


def chain(seed: int, turns: int = 6) -> Chain:
    """One trace of some turns; each retrieves, or asks a tool, or sums up, and reads what it got."""
    writer = Writer(seed)
    dice = writer.dice
    boilerplate = writer.text(30)
    steps: list[Step] = [Step(id="root", kind="agent", start_us=0, end_us=10_000)]
    truth: set[tuple[str, str]] = set()
    answers: list[tuple[str, str]] = []
    for turn in range(turns):
        at = turn * 1000
        sources = [
            _source(writer, f"s{turn}-{place}", at + place * 10, boilerplate)
            for place in range(dice.randint(1, 4))
        ]
        steps += [step for step, _ in sources]
        used = dice.sample(sources, k=dice.randint(1, len(sources)))
        parts = [writer.edited(text) for _, text in used]
        truth |= {(step.id, f"m{turn}") for step, _ in used}
        if answers and dice.random() < 0.5:
            answer, text = dice.choice(answers)
            parts.append(writer.edited(text))
            truth.add((answer, f"m{turn}"))
        dice.shuffle(parts)
        prompt = writer.text(12) + "\n\n" + f"\n{writer.text(6)}\n".join(parts) + "\n" + writer.text(12)
        answer = writer.text(dice.randint(30, 120))
        model = Step(id=f"m{turn}", parent="root", kind="llm", start_us=at + 200, end_us=at + 800)
        fields = Fields(
            system=json.dumps([{"type": "text", "content": "Answer well. " + boilerplate}]),
            input=messages(("user", prompt)),
            output=messages(("assistant", answer)),
        )
        steps.append(with_texts(model, fields))
        answers.append((model.id, answer))
    dice.shuffle(steps)
    return Chain(steps, truth)


def _source(writer: Writer, name: str, at: int, boilerplate: str) -> tuple[Step, str]:
    """A retriever or a tool and its text; half of them end in the same boilerplate."""
    text = writer.text(writer.dice.randint(40, 200))
    said: Any = text + ("\n" + boilerplate if writer.dice.random() < 0.5 else "")
    kind = writer.dice.choice(["retriever", "tool"])
    step = Step(id=name, parent="root", kind=kind, tool="search", start_us=at, end_us=at + 5)
    if kind == "retriever":
        return with_texts(step, Fields(documents=json.dumps([{"id": name, "content": said}]))), text
    return with_texts(step, Fields(output=json.dumps({"result": {"rows": 3, "page": said}}))), text
