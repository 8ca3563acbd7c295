"""Runs the corpus of raw HTTP exchanges against a server: `python -m tests.attack.conformance HOST PORT`.

After each case a canary follows, on the same connection where it stands and on a new one: it must get its own
answer, and the handler must have been given exactly the requests that the case says. HOST and PORT are those
of `python -m tests.attack.echo_server KIND`. Read next: `corpus_cases`, `surfaces`.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from tests.attack.corpus_cases import Case, Wait, load, pieces
from tests.attack.raw_line import Answer, Broken, RawLine
from tests.attack.surfaces import EchoSurface, Surface

SEGMENT_PAUSE_S: Final = 0.0001
SILENCE_S: Final = 0.1
SETTLE_S: Final = 0.03
SPLIT_BYTES_MAX: Final = 400

Cut = Callable[[bytes], list[bytes]]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """What every dialect's error has."""

    message: str


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a refusal that all dialects share."""

    error: Reason


def whole(data: bytes) -> list[bytes]:
    """Send in one segment."""
    return [data]


def bytewise(data: bytes) -> list[bytes]:
    """Send one byte a segment, for as long as that is bearable."""
    return [data[at : at + 1] for at in range(min(len(data), 2000))] + [data[2000:]]


def cut_at(place: int) -> Cut:
    """Send in two segments."""
    return lambda data: [data[:place], data[place:]]


def run_case(surface: Surface, case: Case, cut: Cut = whole) -> list[str]:
    """Return what went wrong, nothing where all is as the case says."""
    counted = 0
    try:
        with RawLine(surface.address) as line:
            _send(line, surface, case, cut)
            if case.shut:
                line.shut()
            problems, counted = _judge(line, surface, case)
        if case.begun:
            time.sleep(SETTLE_S)
        with RawLine(surface.address) as fresh:
            canary_problems, more = _canary(fresh, surface, may_close=False)
    except Broken as error:
        return [str(error), *_recover(surface)]
    problems += canary_problems
    return problems + surface.judge_count(counted + more, case.begun)


def _recover(surface: Surface) -> list[str]:
    """After a broken exchange: is the server there, and how far has it counted?"""
    try:
        time.sleep(SETTLE_S)
        with RawLine(surface.address) as fresh:
            problems, _ = _canary(fresh, surface, may_close=False)
        surface.judge_count(0, 1_000_000)
    except (Broken, OSError) as error:
        return [f"and a new connection: {error}"]
    return problems


def _send(line: RawLine, surface: Surface, case: Case, cut: Cut) -> None:
    for piece in pieces(case):
        if isinstance(piece, Wait):
            time.sleep(piece.wait_ms / 1000)
            continue
        segments = [segment for segment in cut(surface.dress(piece)) if segment]
        for number, segment in enumerate(segments):
            if number:
                time.sleep(SEGMENT_PAUSE_S)
            line.send(segment)


def _judge(line: RawLine, surface: Surface, case: Case) -> tuple[list[str], int]:
    """Return what is wrong with the answers and the connection, and how many answers a handler gave."""
    problems: list[str] = []
    counted = served = 0
    last: Answer | None = None
    for number, wanted in enumerate(case.answers):
        answer = line.answer(without_body=number in case.head_answers)
        if answer is None:
            return ([] if case.or_closed else [f"closed in place of answer {number + 1}"]), counted
        last = answer
        is_served = surface.served(answer)
        choices = wanted if isinstance(wanted, list) else [wanted]
        if not any(is_served if choice == "served" else answer.status == choice for choice in choices):
            problems.append(f"answer {number + 1} is {answer.status}, not {wanted}: {answer.body[:200]!r}")
        if is_served:
            counted += 1
            if number not in case.head_answers:
                seen = case.saw[served] if served < len(case.saw) else None
                problems += surface.judge_served(answer, seen)
            served += 1
        else:
            problems += [] if number in case.head_answers else _shape(answer)
        if answer.interim > case.interim_max:
            problems.append(f"{answer.interim} interim answers")
    end_problems, more = _judge_end(line, surface, case, last)
    return problems + end_problems, counted + more


def _judge_end(line: RawLine, surface: Surface, case: Case, last: Answer | None) -> tuple[list[str], int]:
    match case.line:
        case "waiting":
            return ([] if line.silent(SILENCE_S) else ["something came where silence was due"]), 0
        case "closed":
            if not line.ended():
                return ["the connection stands"], 0
            refused = None if last is None or surface.served(last) or case.or_closed else last
            if refused is not None and refused.header("connection") != "close":
                return ["the last answer does not say `connection: close`"], 0
            return [], 0
        case "kept":
            return _canary(line, surface, may_close=False)
        case "either":
            return _canary(line, surface, may_close=True)


def _canary(line: RawLine, surface: Surface, *, may_close: bool) -> tuple[list[str], int]:
    request, mark = surface.canary()
    line.send(request)
    answer = line.answer()
    if answer is None:
        return ([] if may_close else ["closed in place of the canary's answer"]), 0
    return surface.judge_canary(answer, mark), 1


def _shape(answer: Answer) -> list[str]:
    """A refusal is JSON that names its reason."""
    try:
        message = msgspec.json.decode(answer.body, type=Refused).error.message
    except msgspec.MsgspecError:
        return [f"a refusal in another shape: {answer.body[:200]!r}"]
    if not message:
        return [f"a refusal without a message: {answer.body[:200]!r}"]
    if answer.header("content-type") != "application/json":
        return ["a refusal without content-type"]
    return []


def splittable(case: Case) -> bool:
    """Whether a case is small enough to be sent in many segments."""
    data = pieces(case)
    size = max((len(piece) for piece in data if isinstance(piece, bytes)), default=0)
    return not case.whole_only and size <= SPLIT_BYTES_MAX


def main(words: Sequence[str]) -> int:
    """Run every case over the echo at HOST PORT, whole and bytewise; print what is wrong."""
    surface = EchoSurface((words[0], int(words[1])))
    named = words[2] if len(words) > 2 else ""
    wrong = ran = 0
    for case in load():
        if "echo" not in case.surfaces or named not in case.name:
            continue
        for way, cut in (("whole", whole), ("bytewise", bytewise))[: 1 + splittable(case)]:
            ran += 1
            problems = run_case(surface, case, cut)
            if problems:
                wrong += 1
                print(f"{case.name} (RFC {case.section}; {way})")
                print("".join(f"    {problem}\n" for problem in problems), end="")
    print(f"{ran} exchanges, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
