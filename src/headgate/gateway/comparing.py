"""A call and its shadow, held side by side: what each came to, and in what their answers agree.

What can't be read is left out of the comparison, never guessed. Texts are looked at and not kept. Read next:
`rollouts.pairing`, which draws conclusions.
"""

from typing import Final

import msgspec

from headgate.core.chat import ChatAnswer, Refusal, Text, ToolCall
from headgate.core.entries import REFUSED, Answered, Compared, End
from headgate.core.faults import Fault
from headgate.gateway.call import Call
from headgate.gateway.expected import chat_of, may_prescribe
from headgate.gateway.pairing import Pair
from headgate.gateway.schema_checker import SchemaChecker
from headgate.rollouts.model import PRESENT
from headgate.wire.dialects.model import Codec
from headgate.wire.dialects.registry import codec_of
from headgate.wire.watched_stream import WatchedStream

READ_BYTES_MAX: Final = 128 * 1024
"""Of a body: reading more would hold up callers' calls."""


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says, in what it is compared by."""

    text: str
    tools: tuple[str, ...]
    finish: str
    has_form: bool
    """Whether its text is what a prescribed form is about: it ended by itself, and called no tools."""


async def compared(checker: SchemaChecker, pair: Pair, shadow: Call, *, was_cut: bool) -> Compared | None:
    """Return what a pair came to; None where one of them left no record. `was_cut`: it took too long."""
    call = pair.call
    shown_end, shadow_end = call.ended, shadow.ended
    if shown_end is None or shadow_end is None:
        return None
    shown, other = _read(call, shown_end), None if was_cut else _read(shadow, shadow_end)
    sides = (
        _answered(shown_end, shown, failed=False),
        _answered(shadow_end, other, failed=was_cut),
    )
    is_present = pair.shown == PRESENT
    present, candidate = sides if is_present else (sides[1], sides[0])
    said = Compared(
        pair.experiment.version,
        shown_end.project,
        pair.unit,
        shown_end.started_ms,
        call.id,
        shadow.id,
        present,
        candidate,
    )
    if shown is None or other is None:
        return said
    return msgspec.structs.replace(
        said,
        same_finish=shown.finish == other.finish,
        same_tools=shown.tools == other.tools,
        same_text=shown.text.split() == other.text.split(),
        keeps_form=await _keeps_form(checker, call, *((shown, other) if is_present else (other, shown))),
    )


def _answered(end: End, said: _Said | None, *, failed: bool) -> Answered:
    refused = end.code == REFUSED
    failed = failed or end.truncated or (end.status >= 400 and not refused)
    waited = end.first_token_ms if end.stream and end.first_token_ms is not None else end.duration_ms
    return Answered(
        failed,
        refused,
        None if failed else waited,
        end.cost_pico_usd,
        None if said is None else len(said.text),
    )


def _read(call: Call, end: End) -> _Said | None:
    """Read an answer whose copy is whole; None for what is none, or too long to be read here."""
    codec, copy = codec_of(call.route.dialect), call.response
    if codec is None or copy is None or call.route.operation != "chat":
        return None
    if end.status >= 300 or end.truncated or copy.digest or copy.length > READ_BYTES_MAX:
        return None
    try:
        answer = _answer(codec, call, copy.recorded)
    except Fault:
        return None
    if answer is None or not answer.candidates:
        return None
    first = answer.candidates[0]
    tools = tuple([part.name for part in first.parts if isinstance(part, ToolCall)])
    finish = "" if first.finish is None else first.finish.reason
    return _Said(
        text="".join([part.text for part in first.parts if isinstance(part, Text)]),
        tools=tools,
        finish=finish,
        has_form=finish in ("", "stop") and not any(isinstance(p, Refusal | ToolCall) for p in first.parts),
    )


def _answer(codec: Codec, call: Call, body: bytes) -> ChatAnswer | None:
    if call.facts is None or not call.facts.stream:
        return codec.read_answer(body)
    stream = WatchedStream(codec.events_in(), is_array=not call.streams_events)
    stream.take(body)
    return None if stream.fault else stream.answer()


async def _keeps_form(checker: SchemaChecker, call: Call, present: _Said, candidate: _Said) -> bool | None:
    """Whether the candidate keeps to the schema that the call prescribes, or the present does not either."""
    schema = _schema_of(call)
    if schema is None or not (present.has_form and candidate.has_form):
        return None
    try:
        if await checker.fault_of(schema) is not None:
            return None
        if not await checker.violations(schema, candidate.text, quotes=False):
            return True
        return bool(await checker.violations(schema, present.text, quotes=False))
    except Fault:
        return None


def _schema_of(call: Call) -> bytes | None:
    codec, facts = codec_of(call.route.dialect), call.facts
    if codec is None or facts is None or len(facts.body) > READ_BYTES_MAX:
        return None
    if not may_prescribe(codec.dialect, facts.body):
        return None
    try:
        output = chat_of(call, facts, codec).output
    except Fault:
        return None
    if output is None or output.kind != "schema" or output.schema is None:
        return None
    return msgspec.json.encode(output.schema)
