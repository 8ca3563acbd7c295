"""What counting asks of spans and of recorded calls: the accounts that there are of one call. Pure.

Read next: `keeping.counting`.
"""

from typing import Final
from uuid import UUID

import msgspec

from headgate.core.call import Usage
from headgate.traces.model import Kind, Status

MODEL_KINDS: Final = frozenset({"llm", "embedding", "reranker"})


class CountedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """What counting asks of a span. Costs are pico-USD."""

    id: int
    parent: int | None
    kind: Kind = "span"
    status: Status = "unset"
    model: str = ""
    request_model: str = ""
    response_id: str = ""
    usage: Usage | None = None
    cost: int | None = None
    flags: tuple[str, ...] = ()
    duration_us: int = 0

    @property
    def is_model_call(self) -> bool:
        """Whether it is the span of one call of a model."""
        return self.kind in MODEL_KINDS

    @property
    def has_account(self) -> bool:
        """Whether it says what was used, or what it cost."""
        return self.usage is not None or self.cost is not None

    @property
    def tells_of_call(self) -> bool:
        """Whether it could count."""
        return self.has_account or self.is_model_call

    @property
    def models(self) -> frozenset[str]:
        """All names that its model goes by."""
        return frozenset({self.model.lower(), self.request_model.lower()} - {""})


class RecordedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What counting asks of a call on Headgate's record. `models` are all names that its model goes by."""

    id: UUID
    parent: int | None = None
    model: str = ""
    models: frozenset[str] = frozenset()
    response_id: str = ""
    usage: Usage = Usage()
    cost: int | None = None
    status: int = 200
    started_us: int = 0
    duration_us: int = 0

    @property
    def has_failed(self) -> bool:
        """Whether its answer was an error."""
        return self.status >= 400
