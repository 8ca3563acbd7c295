"""Which server answers: the same, another to register with, or one that was left behind."""

import pytest

from headgate.meters.epochs import Standing, standing

HERE = "7391/00000003/16384"


@pytest.mark.parametrize(
    ("known", "answering", "found"),
    [
        (None, HERE, "new"),
        (HERE, HERE, "same"),
        (HERE, "7391/00000004/16384", "new"),
        (HERE, "7391/0000000A/16384", "new"),
        ("7391/0000000A/16384", "7391/00000009/16384", "older"),
        (HERE, "7391/00000002/16384", "older"),
        # Restored into another database, or another system: its timelines say nothing.
        (HERE, "7391/00000001/16999", "new"),
        (HERE, "9999/00000001/16384", "new"),
    ],
)
def test_who_answers(known: str | None, answering: str, found: Standing) -> None:
    assert standing(known, answering) == found
