"""Each dialect's official SDK over a transport that answers by itself: what it makes of bytes of ours.

Strict: every member is held to the SDK's types, every event is, and a warning is an error.
"""

import functools
import warnings
from collections.abc import Callable
from typing import Any, cast, get_args

import anthropic
import httpx
import httpx2
import openai
from anthropic.types import Message, RawMessageStreamEvent
from google import genai
from google.genai import types
from openai import omit
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from tests.wire.dialects.raw_gists import joined_chunks

from headgate.core.call import Dialect

CALLERS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google")
SSE = "text/event-stream"
_RESPONSE_EVENTS: Any = get_args(get_args(ResponseStreamEvent)[0])
_MESSAGE_EVENTS: Any = get_args(get_args(RawMessageStreamEvent)[0])


class Answering:
    """A transport for the SDKs: whatever is asked, it answers with `body`."""

    def __init__(self) -> None:
        self.body = b"{}"
        self.kind = "application/json"

    def give(self, body: bytes, kind: str) -> None:
        self.body, self.kind = body, kind

    def two(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=self.body, headers={"content-type": self.kind})

    def one(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self.body, headers={"content-type": self.kind})


@functools.cache
def _answering() -> Answering:
    return Answering()


@functools.cache
def _openai() -> Any:
    transport = httpx2.MockTransport(_answering().two)
    client = openai.DefaultHttpxClient(transport=transport)
    return openai.OpenAI(api_key="none", base_url="http://localhost", max_retries=0, http_client=client)


@functools.cache
def _anthropic() -> Any:
    transport = httpx2.MockTransport(_answering().two)
    client = anthropic.DefaultHttpxClient(transport=transport)
    return anthropic.Anthropic(api_key="none", base_url="http://localhost", max_retries=0, http_client=client)


@functools.cache
def _google() -> Any:
    client = httpx.Client(transport=httpx.MockTransport(_answering().one))
    return genai.Client(api_key="none", http_options=types.HttpOptions(httpx_client=client))


def whole(dialect: Dialect, body: bytes) -> Any:
    """The JSON of a whole answer as the SDK has it."""
    _answering().give(body, "application/json")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return _WHOLE[dialect]()


def streamed(dialect: Dialect, body: bytes) -> Any:
    """The JSON of the whole answer that the SDK accumulates of a stream."""
    _answering().give(body, SSE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return _STREAMED[dialect]()


_ASK: Any = [{"role": "user", "content": "?"}]


def _chat() -> Any:
    found = _openai().chat.completions.create(model="m", messages=_ASK)
    return _checked(ChatCompletion, found.to_dict())


def _checked(kind: Any, fields: Any) -> Any:
    """Those fields, held to the SDK's type and written by it again."""
    kind.model_validate(fields).model_dump_json()
    return fields


def _responses() -> Any:
    return _checked(Response, _openai().responses.create(model="m", input="?").to_dict())


def _messages() -> Any:
    found = _anthropic().messages.create(model="m", max_tokens=1, messages=_ASK)
    return _checked(Message, found.to_dict())


def _dumped(found: Any) -> Any:
    fields = found.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"sdk_http_response"})
    return _checked(types.GenerateContentResponse, fields)


def _generate() -> Any:
    return _dumped(_google().models.generate_content(model="m", contents="?"))


def _chat_stream() -> Any:
    options = {"include_usage": True}
    state: Any = ChatCompletionStreamState()
    usage: Any = None
    for chunk in _openai().chat.completions.create(
        model="m", messages=_ASK, stream=True, stream_options=options
    ):
        _checked(ChatCompletionChunk, chunk.to_dict())
        usage = chunk.usage.to_dict() if chunk.usage else usage
        state.handle_chunk(chunk)
    snapshot = cast("dict[str, Any]", state.current_completion_snapshot.to_dict())
    return {**snapshot, "usage": usage}


def _responses_stream() -> Any:
    state: Any = ResponseStreamState(input_tools=[], text_format=omit)
    last: Any = None
    for number, event in enumerate(_openai().responses.create(model="m", input="?", stream=True)):
        assert event.sequence_number == number and isinstance(event, _RESPONSE_EVENTS)
        _checked(type(event), event.to_dict())
        state.handle_event(event)
        last = event
    assert last.type in ("response.completed", "response.incomplete", "response.failed"), last.type
    if last.type == "response.completed":
        return state._completed_response.to_dict()
    return last.response.to_dict()


def _messages_stream() -> Any:
    with _anthropic().messages.create(model="m", max_tokens=1, messages=_ASK, stream=True) as raw:
        for event in raw:
            assert isinstance(event, _MESSAGE_EVENTS)
            _checked(type(event), event.to_dict())
    with _anthropic().messages.stream(model="m", max_tokens=1, messages=_ASK) as stream:
        return stream.get_final_message().to_dict()


def _generate_stream() -> Any:
    return joined_chunks(
        [_dumped(chunk) for chunk in _google().models.generate_content_stream(model="m", contents="?")]
    )


_WHOLE: dict[str, Callable[[], Any]] = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic": _messages,
    "google": _generate,
}
_STREAMED: dict[str, Callable[[], Any]] = {
    "openai-chat": _chat_stream,
    "openai-responses": _responses_stream,
    "anthropic": _messages_stream,
    "google": _generate_stream,
}
