"""What a call is told when no target answered it. Pure: from the exclusions and failures to one fault."""

from collections.abc import Sequence

from headgate.core.faults import (
    BudgetExhausted,
    Fault,
    InvalidRequest,
    Limited,
    NotAllowed,
    NotTranslatable,
    SchemaMismatch,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from headgate.gateway.call import Exclusion, Failure

_BY_RANK: tuple[tuple[type[Fault], ...], ...] = (
    (Limited,),
    (BudgetExhausted,),
    (Unavailable, UpstreamError, UpstreamTimeout),
    (NotAllowed,),
    (NotTranslatable,),
    (InvalidRequest,),
)
"""Which reason wins when targets were excluded for several: the one that passes soonest."""


def verdict(exclusions: Sequence[Exclusion], failures: Sequence[Failure]) -> Fault:
    """Return the fault that says, target by target, why the call could not be answered."""
    if failures:
        return _of_failures(exclusions, failures)
    for kinds in _BY_RANK:
        chosen = [item for item in exclusions if isinstance(item.fault, kinds)]
        if chosen:
            return _of_exclusions(exclusions, chosen[0].fault)
    return UpstreamError("the alias has no target", sent=False)


def _of_exclusions(exclusions: Sequence[Exclusion], chief: Fault) -> Fault:
    if len(exclusions) == 1 or (isinstance(chief, NotAllowed) and _all_same(exclusions)):
        return _again(chief, chief.message if len(exclusions) == 1 else _listed(exclusions))
    return _again(chief, f"{chief.message}; no other target is left: {_listed(exclusions)}")


def _all_same(exclusions: Sequence[Exclusion]) -> bool:
    return len({item.fault.code for item in exclusions}) == 1


def _of_failures(exclusions: Sequence[Exclusion], failures: Sequence[Failure]) -> Fault:
    listed = _listed([*exclusions, *failures])
    last: dict[str, Fault] = {item.target: item.fault for item in failures}
    if all(isinstance(fault, Limited) for fault in last.values()):
        waits = [fault.retry_after_s for fault in last.values() if fault.retry_after_s is not None]
        return Limited(f"every target limits its rate: {listed}", retry_after_s=min(waits, default=1.0))
    if all(isinstance(fault, UpstreamTimeout) for fault in last.values()):
        return UpstreamTimeout(f"no target answered in time: {listed}")
    if all(isinstance(fault, SchemaMismatch) for fault in last.values()):
        return SchemaMismatch(listed)
    return UpstreamError(f"every target failed: {listed}")


def _listed(items: Sequence[Exclusion | Failure]) -> str:
    seen: dict[str, str] = {item.target: item.fault.message for item in items}
    return "; ".join(f"{target}: {message}" for target, message in seen.items())


def _again(fault: Fault, message: str) -> Fault:
    """A fresh fault of the same kind, so that a shared one never carries a foreign traceback."""
    fresh = type(fault)(message)
    if isinstance(fresh, InvalidRequest) and isinstance(fault, InvalidRequest):
        fresh.parameter = fault.parameter
    fresh.code = fault.code
    fresh.retry_after_s = fault.retry_after_s
    return fresh
