"""Scorers that need no call: each looks at one case and one answer, and says yes, no, or something between.

What can't be said is no number: the mark then has the reason instead. Read next: `checks.marking`.
"""

import importlib
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from headgate.checks.model import (
    REASON_CHARACTERS_MAX,
    Answer,
    ByCode,
    Contains,
    Exact,
    Mark,
    Matches,
    Normalising,
)
from headgate.core.faults import Misconfigured
from headgate.datasets.model import Case
from headgate.sdk.border import tried

SHOWN: Final = 80

Function = Callable[[Case, Answer], Any]


def normalised(text: str, how: Sequence[Normalising]) -> str:
    """Return a text in Unicode's composed form, normalised as told."""
    text = unicodedata.normalize("NFC", text)
    if "punctuation" in how:
        text = "".join(" " if unicodedata.category(letter).startswith("P") else letter for letter in text)
    if "case" in how:
        text = text.casefold()
    return " ".join(text.split()) if "space" in how else text


def exact(scorer: Exact, case: Case, answer: Answer) -> Mark:
    """Mark an answer that has to be the expected one."""
    if case.expected is None:
        return _nothing_expected(case)
    if not isinstance(case.expected, str) and not _texts(case.expected):
        return _as_json(case.expected, answer.text)
    said = normalised(answer.text, scorer.normalise)
    wanted = [normalised(text, scorer.normalise) for text in _texts(case.expected)]
    return _yes() if said in wanted else _no(f"answered {said[:SHOWN]!r}, not {wanted[0][:SHOWN]!r}")


def contains(scorer: Contains, case: Case, answer: Answer) -> Mark:
    """Mark an answer that has to contain a text."""
    texts = [scorer.text] if scorer.text is not None else _texts(case.expected)
    if not texts and isinstance(case.expected, int | float) and not isinstance(case.expected, bool):
        texts = [f"{case.expected:g}"]
    if not texts:
        return _nothing_expected(case)
    said = normalised(answer.text, scorer.normalise)
    wanted = [normalised(text, scorer.normalise) for text in texts]
    return _yes() if any(text in said for text in wanted) else _no(f"does not contain {wanted[0][:SHOWN]!r}")


def matches(scorer: Matches, answer: Answer) -> Mark:
    """Mark an answer in which a regular expression has to be found."""
    found = compiled(scorer.pattern).search(answer.text)
    return _yes() if found else _no(f"does not match {scorer.pattern[:SHOWN]!r}")


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern (Python keeps it). Raises ValueError for what is none."""
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None


def by_code(function: Function, name: str, case: Case, answer: Answer) -> Mark:
    """Mark by a function of the user's: yes, no, 0 to 1, None for no mark, or one of these and a reason."""
    said, failure = tried(function, case, answer)
    if failure:
        return Mark(score=None, reason=f"{name} raised {failure}"[:REASON_CHARACTERS_MAX])
    reason = ""
    if isinstance(said, tuple) and len(cast("tuple[Any, ...]", said)) == 2:
        said, reason = cast("tuple[Any, Any]", said)
    if said is None:
        return Mark(score=None, reason=str(reason or f"{name} gave no mark")[:REASON_CHARACTERS_MAX])
    if isinstance(said, bool | int | float) and math.isfinite(said) and 0 <= said <= 1:
        return Mark(score=float(said), reason=str(reason)[:REASON_CHARACTERS_MAX])
    return Mark(score=None, reason=f"{name} answered {said!r:.80}, which is neither yes, no, nor from 0 to 1")


def load_function(scorer: ByCode, folder: Path) -> Function:
    """Find the function of a scorer, in modules beside the file of the checks. Raises Misconfigured."""
    module_name, _, function_name = scorer.function.partition(":")
    if not module_name or not function_name:
        raise Misconfigured(
            f"scorer {scorer.name}: {scorer.function!r} is no function; write module:function, such as "
            "scorers:is_polite"
        )
    place = str(folder.resolve())
    if place not in sys.path:
        sys.path.insert(0, place)
    try:
        found = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise Misconfigured(
            f"scorer {scorer.name}: {scorer.function} can't be loaded: {error}; modules beside the file of "
            "the checks, and installed ones, are found"
        ) from None
    if not callable(found):
        raise Misconfigured(f"scorer {scorer.name}: {scorer.function} is no function")
    return cast("Function", found)


def _texts(expected: Any) -> list[str]:
    if isinstance(expected, str):
        return [expected]
    if isinstance(expected, list):
        listed = cast("list[Any]", expected)
        if all(isinstance(text, str) for text in listed):
            return cast("list[str]", listed)
    return []


def _as_json(expected: Any, text: str) -> Mark:
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _no(f"answered {text[:SHOWN]!r}, which is no JSON")
    return _yes() if said == expected else _no(f"answered {text[:SHOWN]!r}, not {expected!r:.80}")


def _nothing_expected(case: Case) -> Mark:
    return Mark(score=None, reason=f"case {case.id} has no expected text; add one, or take another scorer")


def _yes() -> Mark:
    return Mark(score=1.0)


def _no(reason: str) -> Mark:
    return Mark(score=0.0, reason=reason)
