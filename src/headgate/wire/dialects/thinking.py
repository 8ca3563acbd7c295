"""How much a call thinks, said by effort or by a budget of tokens. Pure.

The two are no bijection (trap 38): a budget is what an effort stands for at most, an effort the nearest below
a budget. Never decides whether a model can think (`core.quirks`). Read next: any dialect's `calls`.
"""

from typing import Final

import msgspec

from headgate.core.chat import Thinking
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes

BUDGETS: Final[dict[str, int]] = {
    "none": 0,
    "minimal": 1_024,
    "low": 2_048,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 49_152,
}
"""Tokens that an effort stands for; medium and high are what Google documents for its own compatible API."""

MOST: Final = 65_536
"""Tokens for the effort `max`, which no budget is read as: most models that are told by effort have none."""
ORDER: Final = (*BUDGETS, "max")
"""All efforts that are known, from the least on."""

ANSWER_SHARE: Final = 5
"""Of the output limit, one part in so many is left for the answer."""


def is_on(thinking: Thinking | None) -> bool:
    """Whether a call asks for thinking."""
    if thinking is None or thinking.effort == "none":
        return False
    return thinking.effort is not None or bool(thinking.budget_tokens)


def effort(thinking: Thinking, max_output: int | None) -> str | None:
    """The effort that a call asks for: its own, or the greatest whose budget it grants. None: left open.

    `max_output` bounds what a budget can mean: one beyond it is none that can be used.
    """
    if thinking.effort is not None or thinking.budget_tokens is None:
        return thinking.effort
    tokens = thinking.budget_tokens
    if tokens <= 0:
        return None if tokens < 0 else "none"
    if max_output is not None:
        tokens = min(tokens, max_output)
    granted = [name for name, least in BUDGETS.items() if 0 < least <= tokens]
    return granted[-1] if granted else "minimal"


def budget(thinking: Thinking, max_output: int | None, least: int) -> int | None:
    """The tokens that a call may think: its own budget, or what its effort stands for.

    Between `least` and below `max_output`, which holds the answer too. 0: no thinking. None: left open, or
    the output limit has no room for the least that the target takes.
    """
    asked = thinking.budget_tokens
    if asked is None:
        if thinking.effort is None:
            return None
        asked = MOST if thinking.effort == "max" else BUDGETS.get(thinking.effort, BUDGETS["medium"])
        if max_output is not None:
            asked = min(asked, max_output - max_output // ANSWER_SHARE)
    if asked < 0:
        return None
    if thinking.effort == "none" or asked == 0:
        return 0
    tokens = max(asked, least)
    if max_output is None or tokens < max_output:
        return tokens
    return max_output - 1 if max_output > least else None


def fitted(
    thinking: Thinking | None, quirks: Quirks, max_output: int | None, changes: Changes, where: str
) -> Thinking | None:
    """The thinking of a call in the one form that the target takes, with what that changes.

    Its `effort` is set where the target is told by effort or level, its `budget_tokens` where by a budget.
    """
    if thinking is None or (thinking.effort is None and thinking.budget_tokens is None):
        return thinking
    if quirks.thinking == "none":
        if is_on(thinking):
            tell = changes.lose if _is_of_the_answer(thinking) else changes.alter
            tell(where, "the model does not think before it answers")
        return None
    if quirks.thinking == "budget":
        tokens = budget(thinking, max_output, quirks.thinking_budget_min)
        if tokens is None and is_on(thinking):
            changes.alter(where, "the output limit has no room for the least budget of thinking")
        elif tokens != thinking.budget_tokens:
            _told(thinking.budget_tokens, f"thinks up to {tokens} tokens", changes, where)
        return msgspec.structs.replace(thinking, effort=None, budget_tokens=tokens)
    word = effort(thinking, max_output)
    if word != thinking.effort:
        _told(None, f"thinks with effort {word}", changes, where)
    if word is not None:
        word = _taken(word, quirks, changes, where)
    return msgspec.structs.replace(thinking, effort=word, budget_tokens=None)


def nearest(word: str, efforts: tuple[str, ...]) -> str:
    """The effort nearest to one, of those that a target takes; of two as near, the lesser that is some."""
    if not efforts or word in efforts or word not in ORDER:
        return word
    place = ORDER.index(word)
    return min(efforts, key=lambda one: (abs(_place(one) - place), one == "none", _place(one)))


def _place(word: str) -> int:
    return ORDER.index(word if word in ORDER else "medium")


def _taken(word: str, quirks: Quirks, changes: Changes, where: str) -> str | None:
    if word not in ORDER and word not in quirks.efforts:
        changes.note(where, f"only its own dialect knows the effort {word!r}: it is left open")
        return None
    found = nearest(word, quirks.efforts)
    if found == word:
        return word
    if word == "none":
        changes.alter(where, f"the model always thinks: it is asked for as little as it can, {found}")
    else:
        changes.note(where, f"the model takes no effort {word!r}: {found!r} is the nearest that it takes")
    return found


def _is_of_the_answer(thinking: Thinking) -> bool:
    """Whether no thinking is asked for, but an effort of the whole answer, as Anthropic has it beside it."""
    native = thinking.native
    return native is not None and native.dialect == "anthropic" and native.shape.startswith(",")


def _told(asked: int | None, what: str, changes: Changes, where: str) -> None:
    if asked is None:
        changes.note(where, f"effort and budget are not the same measure: {what}")
    else:
        changes.note(where, f"the budget of {asked} is not between the least and the output limit: {what}")
