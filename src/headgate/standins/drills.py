"""Model names that ask a mock provider for a fault, so that every fault can be tried from any client. Pure.

    error-429            answers that status, in the dialect's own words
    no-such-model        answers 404
    context-overflow     answers that the conversation is too long, in the dialect's own words
    content-policy       answers that a policy forbids the content
    flaky-503            the first of each two calls answers that status
    slow-1500ms          waits that much longer before it answers
    tokens-250           answers in exactly that many output tokens
    broken-stream        cuts the connection in the middle of a stream
    unfinished-stream    ends a stream in the middle, cleanly, but without the dialect's terminator
    stalled-stream       stops in the middle of a stream, and keeps the connection
    error-in-stream      sends the dialect's error event in the middle of a stream
    unfit-answer         answers what hardly any schema admits, where one is asked for
    unfit-first-answer   the same, until the conversation shows it an answer of its own

A prefix that ends in `/` does not count: `mock/error-429` is `error-429`.
"""

import re
from typing import Literal

import msgspec

_DRILLS = re.compile(
    r"error-(?P<error>[45]\d\d)|(?P<missing>no-such-model)|(?P<refused>context-overflow|content-policy)|"
    r"flaky-(?P<flaky>[45]\d\d)|slow-(?P<slow>\d{1,6})ms|"
    r"tokens-(?P<tokens>\d{1,4})|(?P<stream>broken-stream|unfinished-stream|stalled-stream|error-in-stream)|"
    r"(?P<unfit>unfit-answer|unfit-first-answer)"
)


Refused = Literal["context-overflow", "content-policy"]


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """The fault that a model's name asks for; `stream` names what happens to a stream."""

    status: int | None = None
    refused: Refused | None = None
    """What the call is refused for, where it is for what it says."""
    flaky: bool = False
    delay_s: float = 0.0
    output_tokens: int | None = None
    stream: str | None = None
    unfit: str | None = None


NO_DRILL = Drill()


def drill_of(model: str) -> Drill:
    """Return the drill that a model's name asks for."""
    found = _DRILLS.fullmatch(model.rsplit("/", 1)[-1])
    if not found:
        return NO_DRILL
    match found.lastgroup:
        case "error":
            return Drill(status=int(found["error"]))
        case "missing":
            return Drill(status=404)
        case "refused":
            refused: Refused = (
                "context-overflow" if found["refused"] == "context-overflow" else "content-policy"
            )
            return Drill(status=400, refused=refused)
        case "flaky":
            return Drill(status=int(found["flaky"]), flaky=True)
        case "slow":
            return Drill(delay_s=int(found["slow"]) / 1000)
        case "tokens":
            return Drill(output_tokens=int(found["tokens"]))
        case "unfit":
            return Drill(unfit=found["unfit"])
        case _:
            return Drill(stream=found["stream"])
