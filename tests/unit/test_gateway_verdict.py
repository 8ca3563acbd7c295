"""What a caller is told when no target answered: the reason that passes soonest, with every target's own."""

import pytest

from headgate.core.faults import (
    BudgetExhausted,
    Fault,
    Limited,
    NotAllowed,
    NotTranslatable,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from headgate.gateway.call import Exclusion, Failure
from headgate.gateway.recorder import BodyCopy
from headgate.gateway.verdict import verdict

EXHAUSTED = BudgetExhausted("budget openai-monthly has 0 USD left")
HELD = Limited("money is held by calls in flight", code="budget_reserved", retry_after_s=2)
ELSEWHERE = NotAllowed("its regions are us", code="residency_denied")


@pytest.mark.parametrize(
    ("faults", "status", "code"),
    [
        ([EXHAUSTED], 402, "budget_exhausted"),
        ([EXHAUSTED, ELSEWHERE], 402, "budget_exhausted"),
        ([EXHAUSTED, HELD], 429, "budget_reserved"),
        ([Unavailable("resting"), ELSEWHERE], 503, "unavailable"),
        ([ELSEWHERE], 403, "residency_denied"),
        ([NotTranslatable("speaks another dialect")], 422, "not_translatable"),
    ],
)
def test_exclusions_give_the_reason_that_passes_soonest(faults: list[Fault], status: int, code: str) -> None:
    exclusions = [Exclusion(f"p{index}/m", fault) for index, fault in enumerate(faults)]
    told = verdict(exclusions, [])
    assert (told.status, told.code) == (status, code)
    for exclusion in exclusions:
        assert exclusion.fault.message in told.message


def test_all_rate_limited_is_429_with_the_least_wait() -> None:
    failures = [
        Failure("a/m", Limited("slow down", retry_after_s=9), retryable=True),
        Failure("b/m", Limited("slow down", retry_after_s=3), retryable=True),
    ]
    told = verdict([], failures)
    assert (told.status, told.retry_after_s) == (429, 3)


def test_all_late_is_504_and_anything_mixed_502_with_each_reason() -> None:
    late = Failure("a/m", UpstreamTimeout("no token within 1 s"), retryable=True)
    broken = Failure("b/m", UpstreamError("answered 500"), retryable=True)
    assert verdict([], [late]).status == 504
    told = verdict([Exclusion("c/m", ELSEWHERE)], [late, broken])
    assert told.status == 502
    for reason in ("a/m: no token", "b/m: answered 500", "c/m: its regions are us"):
        assert reason in told.message


@pytest.mark.parametrize("piece_bytes", [1, 7, 64, 1000])
def test_a_copy_of_a_body_is_whole_up_to_the_limit_then_head_and_tail(piece_bytes: int) -> None:
    body = bytes(index % 251 for index in range(1000))
    for limit in (999, 1000, 100, 101):
        copy = BodyCopy(limit)
        for start in range(0, len(body), piece_bytes):
            copy.add(body[start : start + piece_bytes])
        assert copy.length == 1000
        if limit >= 1000:
            assert copy.recorded == body
            assert copy.digest == b""
        else:
            half = limit // 2
            assert copy.recorded == body[:half] + body[-(limit - half) :]
            assert len(copy.digest) == 32
