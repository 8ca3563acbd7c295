"""Judges on real data: the page docs/reference/judges-llmbar.md is what `headgate judges` finds on LLMBar."""

import statistics

import pytest
from bench.llmbar import MARKED, PAGE, REPEATS, folder, lines, page

ERROR = 0.05


@pytest.mark.timeout(400)
def test_corrected_scores_cover_the_truth_for_every_judge_and_prompt() -> None:
    place = folder()
    if place is None:
        pytest.skip("no real data for evaluation; HEADGATE_DATA names the folder of llmbar.jsonl.gz")
    found = lines(place)
    assert len(found) == 65
    # The error of a share of so many repeats, and what the worst of 65 may lie below by chance alone.
    error = (ERROR * (1 - ERROR) / REPEATS) ** 0.5
    for each in found:
        name = f"{each.judge} {each.prompt}"
        assert each.covers >= 1 - ERROR - 3 * error, name
        assert each.by_errors >= 1 - ERROR - 3 * error or each.answers < 0.2, name
        for bias in (each.place, each.length):
            assert bias.low is not None and bias.high is not None and bias.estimate is not None, name
            assert bias.low <= bias.estimate <= bias.high and bias.high - bias.low < 0.25, name
        assert each.corrected.n > MARKED, name
    assert statistics.fmean(each.covers for each in found) >= 1 - ERROR
    assert page(found) == PAGE.read_text(encoding="utf-8"), "write it again: python -m bench.llmbar"
