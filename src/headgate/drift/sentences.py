"""An alarm in one sentence. Pure. Read next: `drift.findings`."""

from typing import Final

from headgate.drift.findings import SURE_YEARS_MOST, Change, Figure, Finding
from headgate.drift.model import Signal

SAYS: Final[dict[Signal, str]] = {
    "score": "right answers",
    "new_answer": "answers that were not among the usual ones",
    "wording": "distance of answers from the usual wording (0 to 1)",
    "length": "characters an answer",
    "tokens": "tokens an answer",
    "refused": "refusals",
    "errors": "calls that failed",
    "mismatched": "answers that break their schema",
    "cut": "answers that a limit cuts",
    "tools": "answers that call tools",
    "cost": "USD a call",
    "latency": "seconds a call",
    "first_token": "seconds to the first token",
}
SHARES: Final = frozenset[Signal]({"score", "new_answer", "refused", "mismatched", "errors", "cut", "tools"})


def changed(finding: Finding) -> str:
    """Say what changed, from what to what."""
    return finding.what or "; ".join(map(_change, finding.changes))


def how_sure(finding: Finding) -> str:
    """Say how rarely this comes about by chance."""
    years = finding.once_in_years
    if years is None:
        return "certain: the answers say so themselves"
    if years >= SURE_YEARS_MOST:
        return f"by chance less than once in {SURE_YEARS_MOST:,.0f} years"
    return f"by chance at most once in {years:,.1f} years"


def touching(finding: Finding) -> str:
    """Say what it touches, shortly."""
    parts: list[str] = []
    for word, names in (
        ("models", [each.model for each in finding.touches]),
        ("prompts", [each.prompt for each in finding.touches]),
        ("releases", [each.release[:8] for each in finding.touches]),
    ):
        known = sorted({name for name in names if name})
        if known:
            more = f" and {len(known) - 5} more" if len(known) > 5 else ""
            parts.append(f"{word} {', '.join(known[:5])}{more}")
    return "; ".join(parts) or "no calls of the last 30 days"


def figure_text(signal: Signal, figure: Figure) -> str:
    """Write a mean with its interval."""
    if figure.mean is None:
        return "nothing"
    text = _number(signal, figure.mean)
    if figure.low is not None and figure.high is not None:
        low = max(0.0, figure.low)
        text += f" ({_number(signal, low)} to {_number(signal, figure.high)})"
    return text


def _change(change: Change) -> str:
    before, after = (figure_text(change.signal, each) for each in (change.before, change.after))
    return f"{SAYS[change.signal]} went from {before} to {after}"


def _number(signal: Signal, value: float) -> str:
    if signal in SHARES:
        return f"{100 * value:.0f} %"
    return f"{value:.4g}"
