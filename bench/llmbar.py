"""Judges on real data: `python -m bench.llmbar [PAGE]` writes docs/reference/judges-llmbar.md again.

LLMBar has pairs of answers with a truth, and what six models said of them with eleven prompts and more,
mostly in both orders. Each judge and prompt goes through `judges.analysis` as if people had marked a hundred.
Needs the data: beside the checkout in ../shared/data, or in the folder that HEADGATE_DATA names.
"""

import gzip
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from headgate.core.faults import InvalidRequest
from headgate.judges.analysis import analyse
from headgate.judges.biases import length_bias, order_bias
from headgate.judges.marked import Both, JudgeMark, Marked, both
from headgate.judges.report import Finding
from headgate.judges.scores import corrected, corrected_by_errors

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "judges-llmbar.md"
MARKED: Final = 100
OTHERS: Final = 500
REPEATS: Final = 400
NAME: Final = "llmbar.jsonl.gz"
HEAD: Final = """\
# Judges on LLMBar

<!-- Written by `python -m bench.llmbar` from the data; change it there. -->

Pairs of answers whose better one is known, judged by six models with several prompts each
(Zeng et al., "Evaluating Large Language Models at Evaluating Instruction Following", arXiv 2310.07641).
What is asked: in how many pairs is the first answer the better one? **Truth** is what the labels say,
**judge** what the judge says, **corrected** what `headgate judges show` says once people have marked {marked}
pairs of a random sample. **Covers** is in how many of {repeats} random samples ({marked} marked, {others}
judged) the interval of 95 % held the truth; by the judge's errors (Rogan-Gladen) only where it is
better than chance, in brackets how often that was so. **Place** is how many points likelier an answer wins
for being shown first, **length** how many points oftener the judge takes the longer answer than is right.

| Judge | Prompt | Pairs | Truth | Judge | Corrected | Covers | By errors | Place | Length | Kappa |
|---|---|---|---|---|---|---|---|---|---|---|
"""


class Winner(msgspec.Struct, frozen=True):
    """Which answer the judge took in an order."""

    order: str
    winner: str | None


class Row(msgspec.Struct, frozen=True):
    """One pair, judged; `label` is the better answer."""

    judge: str
    prompt: str
    label: int
    output_chars: tuple[int, int]
    winners: list[Winner]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What is found of one judge and prompt."""

    judge: str
    prompt: str
    pairs: int
    truth: float
    said: float
    corrected: Finding
    covers: float
    by_errors: float
    answers: float
    place: Finding
    length: Finding
    kappa: Finding


def folder() -> Path | None:
    """Where the data are, if anywhere."""
    named = os.environ.get("HEADGATE_DATA")
    places = [Path(named)] if named else []
    for place in (*places, Path(__file__).parents[2] / "shared" / "data"):
        if (place / NAME).is_file():
            return place
    return None


def pairs_of(place: Path) -> dict[tuple[str, str], list[Marked]]:
    """Return the pairs by judge and prompt, each with the truth as a person's mark."""
    found: dict[tuple[str, str], list[Marked]] = {}
    with gzip.open(place / NAME) as lines:
        for line in lines:
            row = msgspec.json.decode(line, type=Row)
            found.setdefault((row.judge, row.prompt), []).append(_pair(row))
    return found


def _pair(row: Row) -> Marked:
    marks: list[JudgeMark] = []
    for each in row.winners:
        repeat = sum(mark.shown == each.order for mark in marks)
        value = {"1": 1.0, "2": 0.0}.get(each.winner or "")
        marks.append(JudgeMark(value=value, shown="ba" if each.order == "ba" else "ab", repeat=repeat))
    return Marked(
        sampled=True,
        judge=tuple(marks),
        people=(1.0 if row.label == 1 else 0.0,),
        lengths=row.output_chars,
    )


def line_of(judge: str, prompt: str, items: Sequence[Marked], seed: int) -> Line:
    """Return what is found of one judge and prompt, and how often the correction covers the truth."""
    pairs = both(items, "pairwise")
    truth = float(np.mean([pair.truth for pair in pairs]))
    rng = np.random.default_rng(seed)
    powered = by_errors = answered = 0
    for _ in range(REPEATS):
        few = [pairs[number] for number in map(int, rng.integers(len(pairs), size=MARKED))]
        many = [pairs[number].item for number in map(int, rng.integers(len(pairs), size=OTHERS))]
        powered += _holds(corrected("pairwise", few, many), truth)
        try:
            found = corrected_by_errors("pairwise", few, many)
        except InvalidRequest:
            continue  # no better than by chance: said, not guessed
        answered += 1
        by_errors += _holds(found, truth)
    report = analyse("pairwise", [judge], _once(pairs, rng))
    return Line(
        judge=judge,
        prompt=prompt,
        pairs=len(pairs),
        truth=truth,
        said=float(np.mean([pair.said for pair in pairs])),
        corrected=report.finding("corrected score"),
        covers=powered / REPEATS,
        by_errors=by_errors / max(1, answered),
        answers=answered / REPEATS,
        place=order_bias("pairwise", items),
        length=length_bias("pairwise", pairs),
        kappa=report.finding("kappa"),
    )


def _once(pairs: Sequence[Both], rng: np.random.Generator) -> list[Marked]:
    """The pairs as they stand once people have marked a random sample of them."""
    sample = set(rng.permutation(len(pairs))[:MARKED].tolist())
    return [
        pair.item if number in sample else msgspec.structs.replace(pair.item, people=(), sampled=False)
        for number, pair in enumerate(pairs)
    ]


def _holds(found: Finding, truth: float) -> bool:
    assert found.low is not None and found.high is not None
    return found.low <= truth <= found.high


def lines(place: Path) -> list[Line]:
    """Return what is found of each judge and prompt."""
    found = sorted(pairs_of(place).items())
    return [line_of(*name, items, seed) for seed, (name, items) in enumerate(found)]


def page(found: Sequence[Line]) -> str:
    """Return the page."""
    rows = [
        f"| {each.judge} | {each.prompt} | {each.pairs} | {each.truth:.0%} | {each.said:.0%} "
        f"| {_share(each.corrected)} | {each.covers:.1%} | {each.by_errors:.1%} ({each.answers:.0%}) "
        f"| {_points(each.place)} | {_points(each.length)} | {_number(each.kappa)} |"
        for each in found
    ]
    covers = float(np.mean([each.covers for each in found]))
    placed = [each for each in found if _is_clear(each.place)]
    longer = [each for each in found if _is_clear(each.length)]
    least, most = min(each.covers for each in found), max(each.covers for each in found)
    summary = (
        f"\nOf {len(found)} judges and prompts, intervals covered the truth in {least:.1%} to {most:.1%} of "
        f"the samples, {covers:.1%} on average. {len(placed)} are shown to favour a place, {len(longer)} a "
        "length.\n"
    )
    return HEAD.format(marked=MARKED, others=OTHERS, repeats=REPEATS) + "\n".join(rows) + "\n" + summary


def _is_clear(found: Finding) -> bool:
    return found.low is not None and found.high is not None and not found.low <= 0 <= found.high


def _share(found: Finding) -> str:
    if found.estimate is None or found.low is None or found.high is None:
        return "-"
    return f"{found.estimate:.0%} ({found.low:.0%} to {found.high:.0%})"


def _points(found: Finding) -> str:
    if found.estimate is None or found.low is None or found.high is None:
        return "-"
    return f"{100 * found.estimate:+.0f} ({100 * found.low:+.0f} to {100 * found.high:+.0f})"


def _number(found: Finding) -> str:
    if found.estimate is None or found.low is None or found.high is None:
        return "-"
    return f"{found.estimate:.2f} ({found.low:.2f} to {found.high:.2f})"


def main() -> int:
    """Write the page."""
    place = folder()
    if place is None:
        print(f"no {NAME}: HEADGATE_DATA names the folder that has it", file=sys.stderr)
        return 1
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.write_text(page(lines(place)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
