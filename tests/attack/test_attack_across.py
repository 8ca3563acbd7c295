"""Every recorded answer for the clients of every dialect, every recorded request for every target."""

import pytest
from tests.attack.conftest import Show
from tests.wire.dialects import across_walk as answers
from tests.wire.dialects import request_walk as requests


@pytest.mark.timeout(600)
def test_every_recorded_answer_is_heard_alike_in_every_dialect(shown: Show):
    table = answers.walk()
    shown(str(table))
    unexplained = [fault for fault in table.faults if fault[2] not in answers.REASONS]
    assert not unexplained, unexplained[:10]
    assert table.reasons() == {
        answers.NO_USAGE: 20,
        answers.NO_END: 69,
        answers.NO_WORD: 4,
        answers.UNCOUNTED["google"]: 92,
        answers.UNCOUNTED["anthropic"]: 65,
        answers.UNCOUNTED["openai-responses"]: 30,
    }


@pytest.mark.timeout(600)
def test_every_recorded_call_passes_the_types_and_the_rules_of_every_provider(shown: Show):
    table = requests.walk()
    shown(str(table))
    assert not table.faults, table.faults[:10]
    assert sum(table.heard.values()) > 46_000
