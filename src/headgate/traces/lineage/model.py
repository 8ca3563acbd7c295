"""Steps of a trace with their texts, and what is found between them. Pure.

Read next: `traces.lineage.texts` (spans to steps), `traces.lineage.finding` (steps to edges).
"""

from typing import Literal

import msgspec

TextKind = Literal[
    "system", "message", "tools", "prompt", "variable", "document", "tool_result", "tool_call", "value"
]
"""What a text is where it stands. `value` is what no instrumentation says more of."""

SourceKind = Literal[
    "system", "prompt", "variable", "history", "document", "tool_result", "answer", "tools", "unknown"
]
"""Where a stretch of a context comes from."""

How = Literal["content", "structure"]


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """One text of a step. `part` is a JSON Pointer (RFC 6901) that begins with the span's field."""

    part: str
    value: str
    kind: TextKind = "value"
    role: str = ""
    name: str = ""
    call_id: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A span, or a recorded call, as lineage sees it. Times are Unix microseconds.

    `own` are templates and variables that were set into this step's own input.
    """

    id: str
    parent: str = ""
    kind: str = "span"
    name: str = ""
    tool: str = ""
    start_us: int
    end_us: int
    inputs: tuple[Text, ...] = ()
    outputs: tuple[Text, ...] = ()
    own: tuple[Text, ...] = ()
    call_id: str = ""
    response_id: str = ""
    previous_response_id: str = ""
    links: tuple[str, ...] = ()
    input_tokens: int | None = None


class Fragment(msgspec.Struct, frozen=True, array_like=True):
    """What stands in both: characters `from_start` to `from_end` of the source, likewise of the other."""

    from_start: int
    from_end: int
    to_start: int
    to_end: int


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """Something of one step that went into another (or into the output of a step around it).

    `share_of_source` and `share_of_input` are shares of the characters of either text, 0 where only structure
    says it. `repeated`: the same text stood in an earlier step's input already, as history does.
    """

    from_span: str
    from_part: str
    to_span: str
    to_part: str
    how: How
    fragments: list[Fragment] = []
    share_of_source: float = 0.0
    share_of_input: float = 0.0
    repeated: bool = False


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A source's part of a context. `tokens_estimated` is its share, by characters, of the reported input
    tokens; null where the step reports none."""

    source: SourceKind
    from_span: str | None = None
    from_part: str | None = None
    name: str | None = None
    characters: int
    share: float
    tokens_estimated: float | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The shares of one step's input: they sum to 1."""

    span: str
    characters: int
    input_tokens: int | None
    shares: list[Share]


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was too much to look at. All zero: the answer is whole."""

    spans: int = 0
    texts: int = 0
    characters: int = 0
    edges: int = 0


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Which text went where in one trace, and what contexts were made of."""

    edges: list[Edge]
    contexts: list[Context]
    left_out: LeftOut
