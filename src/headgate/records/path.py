"""The path of a call: what each of its steps took, and which target it was about. Pure.

A gateway measures it (`core.entries.End.steps`); here it is told together with the attempts that were made
and the targets that were left out. Read next: `records.queries`.
"""

from collections import deque
from collections.abc import Sequence

import msgspec

from headgate.core.entries import STEPS, StepName
from headgate.records.model import PathStep


class _Aimed(msgspec.Struct, frozen=True):
    target: str
    attempt: int | None = None


_AIMED = msgspec.json.Decoder(list[_Aimed])


def path_of(measured: Sequence[int] | None, attempts: str, excluded: str) -> list[PathStep] | None:
    """Return the steps, from the numbers of `End.steps` and the JSON of attempts and of what was left out.

    None where nothing was measured, or by a version that knows other steps.
    """
    if not measured or len(measured) % 2 or not all(0 <= each < len(STEPS) for each in measured[::2]):
        return None
    timed: list[tuple[StepName, int]] = [
        (STEPS[number], took) for number, took in zip(measured[::2], measured[1::2], strict=True)
    ]
    made: deque[_Aimed] = deque(_AIMED.decode(attempts))
    # What admission leaves out comes before what can't be reserved.
    count = [name for name, _ in timed].count("left_out")
    left_out: deque[_Aimed] = deque(_AIMED.decode(excluded)[-count:] if count else ())
    steps: list[PathStep] = []
    for name, took in timed:
        aimed: _Aimed | None = None
        if name == "left_out":
            aimed = left_out.popleft() if left_out else None
        elif name == "reserve":
            aimed = made[0] if made else None
        elif name == "attempt":
            aimed = made.popleft() if made else None
        steps.append(
            PathStep(
                step=name,
                duration_us=took,
                target=None if aimed is None else aimed.target,
                attempt=None if aimed is None else aimed.attempt,
            )
        )
    return steps
