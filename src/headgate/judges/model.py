"""A judge, its scale, and marks: what judges and people say of an answer. Pure.

A judge's **version** is the digest of all that it is asked with; its **question** is the digest of rubric and
scale alone, which is what people answer too. A new prompt for the same question keeps the marks of people.
Read next: `judges.items` (what is marked), `judges.analysis` (what marks come to).
"""

import hashlib
from typing import Annotated, Any, Final, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.names import Name

Scale = Literal["yes_no", "one_to_five", "pairwise"]
"""Whether an answer is good, how good it is, or which of two is better."""

Shown = Literal["", "ab", "ba"]
"""The order in which the answers of a pair stood; empty where there is no pair."""

Rule = Literal["random", "uncertain", "disagreement", "thumbs_down", "check", "hand"]
"""Why an answer is in the queue. Only `random` makes a sample that stands for the others."""

SCALES: Final[dict[Scale, str]] = {
    "yes_no": "true or false",
    "one_to_five": "a whole number from 1 to 5",
    "pairwise": '"a", "b" or "tie"',
}
_OF_PAIR: Final[dict[str, float]] = {"a": 1.0, "tie": 0.5, "b": 0.0}

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Long = Annotated[str, msgspec.Meta(max_length=20_000)]


class ReviewRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which answers people get to mark. Not part of the version.

    `random` is the share of the judged answers, `uncertain` takes those that the judge is less sure of than
    this, `feedback` names the yes or no of users (1 and 0) that the judge is compared with, `people` is how
    many people mark each.
    """

    random: Share = 0.0
    uncertain: Share = 0.0
    feedback: Annotated[str, msgspec.Meta(max_length=100)] = ""
    disagreement: bool = False
    thumbs_down: bool = False
    people: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1

    def __post_init__(self) -> None:
        """Raise ValueError for rules on feedback that is not named."""
        if (self.disagreement or self.thumbs_down) and not self.feedback:
            raise ValueError("disagreement and thumbs_down need the name of the users' `feedback`")


class NewJudge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A judge as it is defined: the same again is the same version."""

    name: Name
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    scale: Scale = "yes_no"
    rubric: Annotated[Long, msgspec.Meta(min_length=1)]
    prompt: Long = ""
    parameters: dict[str, Any] = {}
    """Of its calls, as the OpenAI chat route takes them."""
    review: ReviewRules = ReviewRules()


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a judge, as it is kept and shown."""

    project: str
    name: str
    version: str
    question: str
    model: str
    scale: Scale
    rubric: str
    prompt: str
    parameters: dict[str, Any]
    review: ReviewRules
    made_at: str
    made_by: str


def version_of(new: NewJudge) -> str:
    """Return the digest of all that a judge is asked with."""
    parts = (new.model, new.prompt, new.scale, new.rubric)
    if new.parameters:
        parts += (msgspec.json.encode(new.parameters, order="deterministic").decode(),)
    return _digest(*parts)


def question_of(new: NewJudge) -> str:
    """Return the digest of what people are asked too."""
    return _digest(new.scale, new.rubric)


def value_of(scale: Scale, said: object) -> float:
    """Return a mark as a number. Raises InvalidRequest for what is none on this scale.

    Yes, and the first answer of a pair (`a`), are 1; no, and `b`, are 0; a tie is a half.
    """
    match scale, said:
        case "yes_no", bool():
            return float(said)
        case "one_to_five", bool():
            pass
        case "one_to_five", int() | float() if said in (1, 2, 3, 4, 5):
            return float(said)
        case "pairwise", str() if said in _OF_PAIR:
            return _OF_PAIR[said]
        case _:
            pass
    raise InvalidRequest(
        f"the mark is {str(said)[:64]!r}; on this scale write {SCALES[scale]}", parameter="value"
    )


def said_of(scale: Scale, value: float) -> Any:
    """Return a number as it was said: the inverse of `value_of`."""
    match scale:
        case "yes_no":
            return bool(value)
        case "one_to_five":
            return int(value)
        case "pairwise":
            return next(word for word, number in _OF_PAIR.items() if number == value)


def _digest(*parts: str) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]
