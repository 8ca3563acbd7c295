"""From marks to a report: agreement, errors, biases, repeatability, and the score corrected for the errors.

Pure; all numbers come from `headgate.statistics`. What the data can't tell is a finding too, in words and
without numbers. Read next: `judges.scores`, `judges.biases`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from headgate.core.faults import InvalidRequest
from headgate.judges.biases import length_bias, order_bias, repeats, self_preference
from headgate.judges.marked import Both, Marked, both
from headgate.judges.model import Scale
from headgate.judges.report import Counts, Finding, Report, Scope
from headgate.judges.scores import corrected, corrected_by_errors, more_marks, uncorrected
from headgate.judges.sentences import between, share
from headgate.statistics.judges import kappa
from headgate.statistics.proportions import wilson

MARKS_LEAST: Final = 30
"""Fewer answers marked by people and judge tell nothing that is worth a number."""

LOOKS_NOTE: Final = "each interval is for one look: decide beforehand how many answers are to be marked"


def analyse(scale: Scale, own: Sequence[str], items: Sequence[Marked]) -> Report:
    """Return all that marks say of a judge on a scale; `own` are the names of the judge's own model."""
    pairs = both(items, scale)
    sample = [pair for pair in pairs if pair.item.sampled]
    rest = [item for item in items if item.said() is not None and not (item.sampled and item.people)]
    questions: list[tuple[str, Scope, Callable[[], Finding]]] = [
        ("score", "score", lambda: uncorrected(scale, items)),
        ("corrected score", "score", lambda: corrected(scale, _enough(sample), rest)),
        ("corrected by its errors", "score", lambda: corrected_by_errors(scale, _enough(sample), rest)),
        ("marks for half the width", "score", lambda: more_marks(_enough(sample), rest)),
        ("agreement", "agreement", lambda: _agreement(_enough(pairs))),
        ("kappa", "agreement", lambda: _kappa(_enough(pairs))),
        ("sensitivity", "agreement", lambda: _found(scale, _enough(pairs), good=True)),
        ("specificity", "agreement", lambda: _found(scale, _enough(pairs), good=False)),
        ("agreement of people", "agreement", lambda: _people(items)),
        ("position bias", "bias", lambda: order_bias(scale, items)),
        ("length bias", "bias", lambda: length_bias(scale, _enough(pairs))),
        ("self-preference", "bias", lambda: self_preference(scale, own, _enough(pairs))),
        ("flips", "repeatability", lambda: repeats(items)),
    ]
    findings = tuple([_asked(*question) for question in questions])
    counts = _counts(scale, items, pairs, sample)
    return Report(
        sentence=_sentence(scale, counts, findings), counts=counts, findings=findings, notes=_notes(counts)
    )


def _asked(name: str, scope: Scope, ask: Callable[[], Finding]) -> Finding:
    """Ask; what can't be told is said."""
    try:
        return ask()
    except InvalidRequest as fault:
        return Finding(name=name, scope=scope, sentence=f"can't be told: {fault.message}")


def _enough(pairs: Sequence[Both]) -> Sequence[Both]:
    if len(pairs) < MARKS_LEAST:
        raise InvalidRequest(
            f"{len(pairs)} answers are marked by people and by the judge; {MARKS_LEAST} are the least: "
            "`headgate reviews next` shows what waits"
        )
    return pairs


def _agreement(pairs: Sequence[Both]) -> Finding:
    agreed = sum(pair.said == pair.truth for pair in pairs)
    found = wilson(agreed, len(pairs))
    sentence = f"it says what people say of {share(found)} of the answers."
    return between("agreement", "agreement", found, sentence)


def _kappa(pairs: Sequence[Both]) -> Finding:
    found = kappa([pair.said for pair in pairs], [pair.truth for pair in pairs])
    if found.low <= 0:
        word = "its marks can't be told from chance"
    elif found.high < 0.4:
        word = "it agrees with people little more than chance would"
    else:
        word = "it agrees with people beyond chance"
    sentence = f"{word}: {found.estimate:.2f}, where 0 is chance and 1 is always."
    return between("kappa", "agreement", found, sentence)


def _found(scale: Scale, pairs: Sequence[Both], *, good: bool) -> Finding:
    """Sensitivity: what it finds of the answers that people call good; specificity: of the others."""
    name, word = ("sensitivity", "good") if good else ("specificity", "bad")
    _only_two(scale)
    told = [pair for pair in pairs if pair.truth == float(good)]
    if not told:
        raise InvalidRequest(f"people call none of the {len(pairs)} answers {word}; mark some that are")
    found = wilson(sum(pair.said == pair.truth for pair in told), len(told))
    if scale == "pairwise":
        return between(
            name, "agreement", found, f"where {'a' if good else 'b'} is better it says so in {share(found)}."
        )
    return between(name, "agreement", found, f"it finds {share(found)} of the {word} answers.")


def _only_two(scale: Scale) -> None:
    if scale == "one_to_five":
        raise InvalidRequest("marks from 1 to 5 are not right or wrong; kappa and agreement say how near")


def _people(items: Sequence[Marked]) -> Finding:
    several = [item.people for item in items if len(item.people) > 1]
    if len(several) < MARKS_LEAST:
        raise InvalidRequest(
            f"{len(several)} answers were marked by two people; {MARKS_LEAST} are the least: set people = 2 "
            "in the judge's review rules"
        )
    found = kappa([marks[0] for marks in several], [marks[1] for marks in several])
    raw = wilson(sum(marks[0] == marks[1] for marks in several), len(several))
    sentence = f"two people say the same of {share(raw)}; no judge can agree with people better than they do."
    return between("agreement of people", "agreement", found, sentence)


def _counts(scale: Scale, items: Sequence[Marked], pairs: Sequence[Both], sample: Sequence[Both]) -> Counts:
    by_people = [item for item in items if item.people]
    return Counts(
        judged=sum(item.said() is not None for item in items),
        unusable=sum(bool(item.judge) and item.said() is None for item in items),
        marked=len(by_people),
        sampled=len(sample),
        by_several=sum(len(item.people) > 1 for item in by_people),
        tied=sum(item.truth(scale) is None for item in by_people),
        left_out=len(pairs) - len(sample),
    )


def _notes(counts: Counts) -> tuple[str, ...]:
    notes = [LOOKS_NOTE]
    if counts.unusable:
        asked = counts.judged + counts.unusable
        notes.append(f"{counts.unusable} of {asked} answers got no verdict from the judge and count nowhere")
    if counts.left_out:
        notes.append(
            f"{counts.left_out} answers were chosen for review by a rule or by hand: they count for "
            "agreement, not for the corrected score, which takes a random sample"
        )
    if counts.tied:
        notes.append(f"on {counts.tied} answers people tie; these count for the agreement of people alone")
    return tuple(notes)


def _sentence(scale: Scale, counts: Counts, findings: Sequence[Finding]) -> str:
    by_name = {found.name: found for found in findings}
    score, agreed = by_name["corrected score"], by_name["kappa"]
    if not counts.judged:
        return "The judge has marked nothing yet."
    if score.estimate is None:
        return f"The judge has marked {counts.judged} answers; what they are worth {score.sentence}"
    trust = agreed.sentence[0].upper() + agreed.sentence[1:]
    return f"{trust} {score.sentence[0].upper()}{score.sentence[1:]}"
