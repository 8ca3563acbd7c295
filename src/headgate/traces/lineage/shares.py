"""What a context is made of: every character of a step's input goes to one source. Pure.

Tokens are estimated: characters stand for them, scaled to the input tokens that the step reports.
"""

from collections.abc import Sequence

from headgate.traces.lineage.finding import Target
from headgate.traces.lineage.model import Context, Share, SourceKind, Step, Text

Named = tuple[SourceKind, str | None, str | None, str | None]
"""A source: what it is, of which span and part, and its name."""


def context_of(step: Step, targets: Sequence[Target], steps: Sequence[Step]) -> Context | None:
    """Return the shares of a step's input, the largest first; None where its input holds no text."""
    characters: dict[Named, int] = {}
    for target in targets:
        left = len(target.text.value)
        for credit in target.credits:
            stretch = credit.stretch
            start, end = target.piece.span(stretch.to_first, stretch.to_first + stretch.length)
            source = _source(steps[credit.held.step], credit.held.text, around=credit.held.around)
            characters[source] = characters.get(source, 0) + end - start
            left -= end - start
        if left:
            rest = _rest(target)
            characters[rest] = characters.get(rest, 0) + left
    total = sum(characters.values())
    if not total:
        return None
    tokens = step.input_tokens
    ordered = sorted(characters.items(), key=lambda one: -one[1])
    shares = [
        Share(
            source=kind,
            from_span=span,
            from_part=part,
            name=name,
            characters=count,
            share=count / total,
            tokens_estimated=None if tokens is None else tokens * count / total,
        )
        for (kind, span, part, name), count in ordered
    ]
    return Context(span=step.id, characters=total, input_tokens=tokens, shares=shares)


def _source(step: Step, text: Text, *, around: bool) -> Named:
    return (_kind(step, text, around=around), step.id, text.part, text.name or step.tool or step.name or None)


def _kind(step: Step, text: Text, *, around: bool) -> SourceKind:
    match text.kind:
        case "document" | "tool_result" | "prompt" | "variable" | "system" | "tools":
            return text.kind
        case "message" | "tool_call" | "value":
            if around:
                return "variable"
            if step.kind in ("retriever", "reranker"):
                return "document"
            return "tool_result" if step.kind == "tool" else "answer"


def _rest(target: Target) -> Named:
    """What no source is known of: named by where it stands."""
    text = target.text
    if text.kind in ("system", "tools"):
        return (text.kind, None, None, None)
    if text.kind == "tool_result":
        return ("tool_result", None, None, text.name or None)
    is_history = target.repeated or text.kind == "tool_call" or text.role in ("assistant", "model")
    return ("history" if is_history else "unknown", None, None, None)
