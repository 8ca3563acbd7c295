"""Every recorded answer for the clients of every dialect, every recorded request for every target."""

import pytest
from tests.attack.conftest import Show
from tests.wire.dialects import across_walk as answers


@pytest.mark.timeout(600)
def test_every_recorded_answer_is_heard_alike_in_every_dialect(shown: Show):
    table = answers.walk()
    shown(str(table))
    unexplained = [fault for fault in table.faults if fault[2] not in answers.REASONS]
    assert not unexplained, unexplained[:10]
    assert table.reasons() == {
        answers.NO_USAGE: 17,
        answers.NO_END: 39,
        answers.NO_WORD: 2,
        answers.UNCOUNTED["google"]: 51,
        answers.UNCOUNTED["anthropic"]: 33,
        answers.UNCOUNTED["openai-responses"]: 17,
    }
