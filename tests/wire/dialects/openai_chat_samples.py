"""Recorded exchanges in OpenAI's chat, read again by nothing that is tested here, and made foreign."""

import functools
import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from tests.recorded_exchanges import Exchange, recorded

from headgate.core.call import Usage
from headgate.core.chat import ChatAnswer, ChatCall, Message, Native, Part, Seal, Text, ToolCall
from headgate.core.events import Event
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_chat.codec import CODEC

ASKED = Asked(model="asked", created_s=7, request_id="req_1")
NO_ANSWER = "test_openai/test_invalid_response"
"""The one recorded answer that is none: the provider echoed what it was asked."""


@functools.cache
def exchanges() -> tuple[Exchange, ...]:
    """Every recorded exchange of this dialect."""
    return tuple(one for one, _ in recorded() if one.dialect == "openai-chat")


def answers() -> Iterator[Exchange]:
    """Those that were answered whole."""
    for one in exchanges():
        if one.status == 200 and not one.stream and NO_ANSWER not in one.id:
            yield one


def streams() -> Iterator[Exchange]:
    """Those that were answered in pieces."""
    return (one for one in exchanges() if one.status == 200 and one.stream)


def events_of(data: bytes, cuts: Iterable[bytes] | None = None) -> list[Event]:
    """What a stream says, fed whole or in these pieces."""
    reader = CODEC.events_in()
    events: list[Event] = []
    for piece in [data] if cuts is None else cuts:
        events.extend(reader.feed(piece))
    return events + reader.end()


def written(events: Iterable[Event], asked: Asked = ASKED, changes: Changes | None = None) -> bytes:
    """A stream that says the events."""
    writer = CODEC.events_out(asked, changes if changes is not None else Changes())
    return b"".join(writer.write(event) for event in events)


def stream_of(*chunks: Any, done: bool = True) -> bytes:
    """A stream of these chunks."""
    lines = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def chunk(delta: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk, as OpenAI sends them."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "m",
        "choices": [choice],
        **more,
    }


def call_body(**members: Any) -> bytes:
    """A call with these members beside the least that it has."""
    least = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    return json.dumps({**least, **members}).encode()


def again(body: bytes, quirks: Quirks = PLAIN) -> Any:
    """A call read and written back, which changes nothing that would be told."""
    changes = Changes()
    sent = json.loads(CODEC.write_call(CODEC.read_call(body), quirks, changes))
    assert not list(changes), [str(one) for one in changes]
    return sent


def sent(call: ChatCall, quirks: Quirks = PLAIN, changes: Changes | None = None) -> Any:
    """A call as a provider gets it."""
    return json.loads(CODEC.write_call(call, quirks, changes if changes is not None else Changes()))


def call(*messages: Message, **members: Any) -> ChatCall:
    """A call of another dialect."""
    least = ChatCall(dialect="anthropic", model="m", messages=messages)
    return msgspec.structs.replace(least, **members)


def user(text: str = "hi") -> Message:
    return Message(role="user", parts=(Text(text=text),))


def answer(*parts: Part, **members: Any) -> ChatAnswer:
    """A whole answer of another dialect."""
    candidate = {name: members.pop(name) for name in ("finish",) if name in members}
    fields = {"dialect": "anthropic", "id": "msg_1", "model": "served", "created_s": 5, **members}
    made = msgspec.structs.replace(CODEC.read_answer(b'{"choices":[{"index":0}]}'), **fields)
    only = msgspec.structs.replace(made.candidates[0], parts=parts, native=None, **candidate)
    return msgspec.structs.replace(made, candidates=(only,))


def answered(made: ChatAnswer, asked: Asked = ASKED, changes: Changes | None = None) -> Any:
    """An answer as a client gets it."""
    return json.loads(CODEC.write_answer(made, asked, changes if changes is not None else Changes()))


def foreign(node: Any) -> Any:
    """The same, as if it had been read from Anthropic's dialect, which says nothing beyond our words."""
    if isinstance(node, Native):
        return None
    if isinstance(node, Seal):
        return Seal("anthropic", node.data)
    if isinstance(node, Usage):
        return node
    if isinstance(node, tuple):
        return tuple(foreign(one) for one in cast("tuple[Any, ...]", node))
    if isinstance(node, msgspec.Struct):
        changed = {name: foreign(getattr(node, name)) for name in node.__struct_fields__}
        if "dialect" in changed:
            changed["dialect"] = "anthropic"
        return msgspec.structs.replace(node, **changed)
    return node


class Said(msgspec.Struct, frozen=True):
    """What an answer says, as far as any reading tells."""

    text: str
    refusal: str
    reasoning: str
    calls: list[tuple[str, str, str]]
    finish: str | None
    usage: tuple[int, int] | None


def usage_said(usage: Any) -> tuple[int, int] | None:
    """Prompt and completion; some services show reasoning in the total alone."""
    if not usage:
        return None
    prompt = usage["prompt_tokens"]
    return prompt, max(usage["completion_tokens"], usage["total_tokens"] - prompt)


def text_in(content: Any) -> str:
    """The text of a content, which may be a list."""
    if isinstance(content, list):
        parts = cast("list[Any]", content)
        return "".join(part["text"] for part in parts if part["type"] == "text")
    return content or ""


def thinking_in(message: Any) -> str:
    content = cast("list[Any]", message.get("content")) if isinstance(message.get("content"), list) else []
    listed = [entry["text"] for part in content if part["type"] == "thinking" for entry in part["thinking"]]
    flat = message.get("reasoning_content") or message.get("reasoning") or ""
    details: list[Any] = message.get("reasoning_details") or []
    return "".join(listed) + (flat or "".join(one.get("text") or one.get("summary") or "" for one in details))


def walked(body: str) -> Said:
    """A recorded stream by its raw chunks alone."""
    text = refusal = reasoning = ""
    calls: dict[int, list[str]] = {}
    finish: str | None = None
    usage: Any = None
    for line in body.replace("\r\n", "\n").split("\n"):
        if not line.startswith("data: {"):
            continue
        said = json.loads(line[6:])
        groq: dict[str, Any] = said.get("x_groq") or {}
        usage = said.get("usage") or groq.get("usage") or usage
        for choice in said.get("choices", ()):
            delta = choice["delta"]
            text += text_in(delta.get("content"))
            refusal += delta.get("refusal") or ""
            reasoning += thinking_in(delta)
            finish = finish or choice.get("finish_reason")
            for piece in delta.get("tool_calls") or ():
                known = calls.setdefault(piece["index"], ["", "", ""])
                known[0] += piece.get("id") or ""
                known[1] += piece["function"].get("name") or ""
                known[2] += piece["function"].get("arguments") or ""
    told = [(one[0], one[1], one[2] or "{}") for one in calls.values()]
    return Said(text, refusal, reasoning, told, finish, usage_said(usage))


def gathered(data: bytes) -> tuple[Any, Any]:
    """What the official SDK gathers from a stream, and its usage; every chunk has to be of its types."""
    state: Any = ChatCompletionStreamState()
    usage: Any = None
    for line in data.split(b"\n\n"):
        if line.startswith(b"data: {"):
            piece = ChatCompletionChunk.model_validate_json(line[6:])
            usage = piece.usage.model_dump() if piece.usage else usage
            state.handle_chunk(piece)
    return state.current_completion_snapshot, usage


def tool_chunk(index: int | None, **members: Any) -> Any:
    function = {name: members.pop(name) for name in ("name", "arguments") if name in members}
    placed = {} if index is None else {"index": index}
    return chunk({"tool_calls": [{**placed, **members, "function": function}]})


def calls_in(events: list[Event]) -> list[tuple[str, str, str]]:
    [candidate] = fold(events).candidates
    return [(part.id, part.name, part.arguments) for part in candidate.parts if isinstance(part, ToolCall)]


def chunks_in(data: bytes) -> list[Any]:
    return [json.loads(line[6:]) for line in data.split(b"\n\n") if line.startswith(b"data: {")]


def deltas_in(data: bytes) -> list[Any]:
    return [piece["choices"][0]["delta"] for piece in chunks_in(data) if piece["choices"]]
