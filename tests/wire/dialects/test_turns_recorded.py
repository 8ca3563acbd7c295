"""Every recorded conversation, arranged for targets of every other dialect."""

import functools
import gzip

import msgspec
import pytest
from tests.recorded_exchanges import Exchange, recorded_file
from tests.wire.dialects.conversations import broken

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatCall
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.registry import codec_of
from headgate.wire.dialects.turns import arranged, declared

DIALECTS: dict[str, AnyDialect] = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "google-generate": "google",
    "bedrock-converse": "bedrock",
}
TARGETS = {
    "plain": PLAIN,
    "narrow": Quirks(
        has_developer_role=False,
        has_system_role=False,
        is_alternating=True,
        takes_prefill=False,
        tool_ids="nine",
        takes_user_after_tool=False,
        are_results_alone=True,
        tool_name_length_max=24,
    ),
    "wide": Quirks(tool_ids="word", takes_media_in_results=True, wants_reasoning_back=True),
}


@functools.cache
def calls() -> tuple[tuple[str, ChatCall], ...]:
    found: list[tuple[str, ChatCall]] = []
    with gzip.open(recorded_file()) as lines:
        for line in lines:
            one = msgspec.json.decode(line, type=Exchange)
            codec = codec_of(DIALECTS.get(one.dialect, "openai"))
            if codec is not None and "/threads/" not in one.path:
                found.append((one.id, codec.read_call(one.body, model="m", stream=False)))
    return tuple(found)


def test_there_are_as_many_as_were_recorded() -> None:
    assert len(calls()) > 990


@pytest.mark.parametrize("name", TARGETS)
def test_every_recorded_conversation_keeps_the_rules_of_every_other_dialects_target(name: str) -> None:
    quirks = TARGETS[name]
    for identifier, call in calls():
        for own in DIALECTS.values():
            if own == call.dialect:
                continue
            written = arranged(call, quirks, Changes(), own=own)
            assert broken(written, quirks, own) == [], (identifier, own)
            changes = Changes()
            again = msgspec.structs.replace(call, messages=written, tools=declared(call, quirks, Changes()))
            assert arranged(again, quirks, changes, own=own) == written, (identifier, own)
            assert list(changes) == [], (identifier, own)
