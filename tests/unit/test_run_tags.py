"""Tags of single runs of checks use up no room in sums by tag."""

from tests.contract.made_entries import make_end, new_call

from headgate.records.rollup import by_day


def test_sums_by_tag_leave_single_runs_out() -> None:
    ends = [make_end(new_call(), tags=("check:orders", f"run:{number}", "rerun:1")) for number in range(50)]
    tags = {
        value: delta.requests
        for (_, _, dimension, value), delta in by_day(ends).items()
        if dimension == "tag"
    }
    assert tags == {"check:orders": 50, "rerun:1": 50}
