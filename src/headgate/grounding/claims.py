"""An answer cut into claims: its sentences and list items, without what claims nothing. Pure.

Read next: `grounding.lexical`.
"""

import re
from typing import Final

CLAIMS_MAX: Final = 200
CLAIM_CHARACTERS_MIN: Final = 12
_FENCE: Final = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_LEAD: Final = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)\s+")
_EMPHASIS: Final = re.compile(r"(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)")
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)\s]*\)")
# Not after a short word with a point (Dr., No., e.g.) or within a number.
_END: Final = re.compile(
    r"(?<![\s(][A-Z])(?<!\b(?:Dr|Mr|Ms|St|No|vs|cf|al))(?<!\b(?:Mrs|etc|Inc|Ltd|e\.g|i\.e))"
    r"[.!?][\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])"
)


def claims_of(answer: str) -> list[str]:
    """Return what an answer claims, a sentence or list item each: not its code, JSON, tables, questions."""
    found: list[str] = []
    for line in _FENCE.sub("\n", answer).splitlines():
        text = _LINK.sub(r"\1", _EMPHASIS.sub("", _LEAD.sub("", line))).strip()
        at = 0
        for end in [*(match.end() for match in _END.finditer(text)), len(text)]:
            claim = text[at:end].strip()
            at = end
            if (
                len(claim) >= CLAIM_CHARACTERS_MIN
                and not claim.endswith(("?", ":"))
                and claim[0] not in "{[|"
            ):
                found.append(claim)
    return found[:CLAIMS_MAX]
