"""Answers held against the schema that their call prescribes: whole ones before commit, streams at their end.

One that fails has been billed, so its usage, cost and body are on record; it is no fault of the target's
health. Not held are answers that the model refused, that ended in calls of tools, or that a limit cut: the
finish reason says so already. Never here: which answers are held (`gateway.expected`), the second try
(`gateway.repairing`).
"""

from typing import Final

from headgate.core.chat import Candidate, ChatAnswer, Refusal, Text, ToolCall
from headgate.core.faults import InvalidRequest, SchemaMismatch
from headgate.gateway.call import NO_USAGE, Call
from headgate.gateway.expected import Expected
from headgate.gateway.held import Committed, Rejected, settled_by
from headgate.gateway.plane import DataPlane
from headgate.wire.answers import read_answer
from headgate.wire.dialects.nulls import without_nulls
from headgate.wire.dialects.validating import repairing
from headgate.wire.watched_stream import WatchedStream

UNREPAIRABLE: Final = "an answer that is streamed is held against its schema, but can't be repaired"


async def check_schema(plane: DataPlane, expected: Expected) -> None:
    """Raise InvalidRequest for a schema that no answer can be held against."""
    fault = await plane.checker.fault_of(expected.schema)
    if fault is not None:
        message = f"no answer can be held against the JSON schema: {fault}"
        raise InvalidRequest(message, parameter=expected.parameter)


async def validated(plane: DataPlane, call: Call, committed: Committed) -> Committed | Rejected:
    """Hold a whole answer against its schema. Raises UpstreamError for one that can't be read.

    One that fails is rejected; how it is to be repaired, where the alias wants that, stays with the attempt.
    """
    held = committed.held
    expected = held.expected
    if expected is None or committed.reader is not None or committed.status >= 300:
        return committed
    answer = committed.whole or expected.codec.read_answer(committed.body)
    found = await _first_mismatch(plane, call, expected, answer, streamed=False)
    if found is None:
        return committed
    text, lines = found
    committed.answer.close()
    held.health.observe(plane.clock.monotonic() - held.started_s)
    call.record_answer(committed.headers).add(committed.body)
    if expected.repairs:
        held.repair = repairing(expected.chat, text, lines)
    facts = committed.facts or read_answer(call.route.dialect, call.route.operation, committed.body)
    if facts.usage is not None:
        call.add_usage(facts.usage)
    return Rejected(
        _fault(lines),
        settled_by(held, facts),
        retryable=False,
        status=committed.status,
        usage=facts.usage or NO_USAGE,
        usage_raw=facts.usage_raw,
    )


def watching(call: Call, committed: Committed) -> WatchedStream | None:
    """Begin to watch a stream that is to be held against a schema; None for any other."""
    expected = committed.held.expected
    if expected is None or committed.reader is None:
        return None
    if expected.repairs:
        call.note_change(UNREPAIRABLE)
    return WatchedStream(expected.codec.events_in(), is_array=not call.streams_events)


async def fault_at_end(
    plane: DataPlane, call: Call, committed: Committed, watch: WatchedStream
) -> SchemaMismatch | None:
    """Where a stream that has ended fails, if it does."""
    expected = committed.held.expected
    assert expected is not None
    answer = watch.answer()
    if watch.fault or answer is None:
        return _fault([f"$: can't be held against the schema: {watch.fault or 'there is no answer'}"])
    found = await _first_mismatch(plane, call, expected, answer, streamed=True)
    if found is None:
        return None
    fault = _fault(found[1])
    fault.message = committed.held.way.masking.text(fault.message)
    return fault


def _fault(lines: list[str]) -> SchemaMismatch:
    return SchemaMismatch(f"the answer does not keep to its JSON schema: {'; '.join(lines)}")


async def _first_mismatch(
    plane: DataPlane, call: Call, expected: Expected, answer: ChatAnswer, *, streamed: bool
) -> tuple[str, list[str]] | None:
    """The first of an answer's choices that its schema does not admit: its text, and where it fails."""
    assert call.caller is not None
    quotes = call.caller.record == "full"
    for place, candidate in enumerate(answer.candidates):
        text = _text_of(candidate)
        if text is None:
            continue
        if streamed and expected.strips_nulls is not None:
            text = without_nulls(text, expected.strips_nulls)
        lines = await plane.checker.violations(expected.schema, text, quotes=quotes)
        if lines:
            several = len(answer.candidates) > 1
            return text, [f"choice {place}: {line}" for line in lines] if several else lines
    return None


def _text_of(candidate: Candidate) -> str | None:
    """The text that has to keep to the schema; None where the answer ends in another way."""
    if candidate.finish is not None and candidate.finish.reason != "stop":
        return None
    if any(isinstance(part, Refusal | ToolCall) for part in candidate.parts):
        return None
    return "".join(part.text for part in candidate.parts if isinstance(part, Text))
