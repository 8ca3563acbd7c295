"""How good an answer of a canary is: from 0 to 1, or None where nothing is expected. Pure.

Read next: `drift.model.Scorer`.
"""

import hashlib
import re

import msgspec

from headgate.core.chat import Fields
from headgate.drift.model import Case
from headgate.wire.dialects.validating import violations

SPACE = re.compile(r"\s+")


def score(case: Case, answer: str) -> float | None:
    """Mark an answer."""
    match case.scorer:
        case "none":
            return None
        case "exact":
            return float(plain(answer) == plain(case.expected))
        case "contains":
            return float(plain(case.expected) in plain(answer))
        case "length":
            return float(len(answer.strip()) <= int(case.expected))
        case "schema":
            return float(not violations(answer, msgspec.json.decode(case.expected, type=Fields)))


def digest(answer: str) -> str:
    """Return what tells an answer from another one."""
    return hashlib.sha256(answer.encode("utf-8", "replace")).hexdigest()[:16]


def plain(text: str) -> str:
    """Return a text with single blanks for white space and none around it."""
    return SPACE.sub(" ", text).strip()
