"""What drills judge by: each way in which accounts can disagree is seen, and named."""

import msgspec
import pytest
from tests.faults.provider_books import judge_provider

from headgate.drills.books import judge_budget, judge_calls
from headgate.drills.model import BudgetLine, Line, Seen, Verdict

SEEN = Seen(name="n1", status=200, call="c1", whole=True, cost_usd="0.5")
LINE = Line(id="c1", user="n1", status=200, target="shop/model", cost_usd="0.5", attempts=1)
BUDGET = BudgetLine(name="b", limit_usd="1", spent_usd="0.5", reserved_usd="0", overrun_usd="0")
HALF = 500_000_000_000


def broken(verdicts: list[Verdict]) -> list[str]:
    return [verdict.promise for verdict in verdicts if not verdict.kept]


def changed(line: Line, **fields: object) -> Line:
    return msgspec.structs.replace(line, **fields)


def test_accounts_that_agree_hold() -> None:
    assert not broken(judge_calls([SEEN], [LINE]))
    assert not broken(judge_budget(BUDGET, [LINE]))
    assert not broken(judge_provider({"n1": HALF}, [LINE]))


@pytest.mark.parametrize(
    ("lines", "promise"),
    [
        ([], "every answered call is on record"),
        ([LINE, LINE], "each call is on record once"),
        ([changed(LINE, status=503)], "a record says what its client saw"),
        ([changed(LINE, cost_usd="0.4")], "a record says what its client saw"),
        ([changed(LINE, cost_usd=None)], "a record says what its client saw"),
        ([changed(LINE, user="n2")], "a record says what its client saw"),
    ],
)
def test_what_a_client_saw_and_the_record_lacks(lines: list[Line], promise: str) -> None:
    assert broken(judge_calls([SEEN], lines)) == [promise]


def test_a_call_that_was_not_answered_whole_need_not_be_on_record() -> None:
    assert not broken(judge_calls([msgspec.structs.replace(SEEN, whole=False)], []))
    assert not broken(judge_calls([msgspec.structs.replace(SEEN, status=503)], []))


@pytest.mark.parametrize(
    ("fields", "promise"),
    [
        ({"spent_usd": "0.500000000001"}, "what the budget spent is what the records cost"),
        ({"limit_usd": "0.4"}, "the budget was never passed"),
        ({"overrun_usd": "0.000000000001"}, "the budget was never passed"),
    ],
)
def test_what_a_budget_spent_and_the_records_do_not_say(fields: dict[str, str], promise: str) -> None:
    assert broken(judge_budget(msgspec.structs.replace(BUDGET, **fields), [LINE])) == [promise]


def test_a_call_of_unknown_cost_is_charged_what_the_budget_says() -> None:
    unknown = changed(LINE, cost_usd=None)
    assert not broken(judge_budget(BUDGET, [unknown], unknown_pico_usd=HALF))
    assert broken(judge_budget(BUDGET, [changed(unknown, target=None, attempts=0)], unknown_pico_usd=HALF))


@pytest.mark.parametrize(
    ("billed", "lines", "promise"),
    [
        ({"n2": 1}, [changed(LINE, cost_usd="0")], "what a provider bills is on record"),
        ({"n1": HALF}, [LINE, changed(LINE, cost_usd="0")], "a billed call is on record once"),
        ({"n1": HALF + 1}, [LINE], "costs are the provider's own, or estimates that cover them"),
        ({"n1": HALF - 1}, [LINE], "costs are the provider's own, or estimates that cover them"),
        (
            {"n1": HALF + 1},
            [changed(LINE, estimated=True)],
            "costs are the provider's own, or estimates that cover them",
        ),
    ],
)
def test_what_a_provider_bills_and_the_records_do_not_say(
    billed: dict[str, int], lines: list[Line], promise: str
) -> None:
    assert broken(judge_provider(billed, lines)) == [promise]


def test_an_estimate_may_be_above_the_bill_or_unknown_after_a_crash() -> None:
    estimate = changed(LINE, estimated=True)
    assert not broken(judge_provider({"n1": HALF - 1}, [estimate]))
    assert not broken(judge_provider({"n1": HALF}, [changed(estimate, cost_usd=None)]))
