"""What providers have refused on record, no call of another dialect that says the same is sent there again.

Each recorded refusal of a chat call is listed, with what must not be sent, or whose own mistake it was.
"""

import json
import urllib.parse
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
import pytest
from tests.recorded_exchanges import Exchange, every_exchange
from tests.unit.targets import target

from headgate.catalog.model import KindName
from headgate.catalog.profiles import profile_of
from headgate.core.call import AnyDialect
from headgate.core.chat import ChatCall, Message, NativePart, Part, ToolResult
from headgate.wire.dialects.registry import codec_of
from headgate.wire.translating import Translation

DIALECTS: Final[dict[str, AnyDialect]] = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "google-generate": "google",
    "bedrock-converse": "bedrock",
}
KINDS: Final[dict[str, tuple[KindName, str]]] = {
    "openai": ("openai", "api.openai.com"),
    "anthropic": ("anthropic", "api.anthropic.com"),
    "groq": ("openai-compatible", "api.groq.com"),
    "google": ("google", "generativelanguage.googleapis.com"),
    "vertex": ("google", "aiplatform.googleapis.com"),
    "bedrock": ("mock", "bedrock-runtime.us-east-1.amazonaws.com"),
}

MODEL = "the caller asks for a model that is not there"
ADDRESS = "the caller gives an address that may not be read"
ANSWER = "the model's own answer was no call of the tool: nothing was wrong with what was sent"
HISTORY = "the caller took an item out of what the provider has to get back whole"
OWN_MISTAKES: Final[dict[str, str]] = {
    "test_tool_regular_error": MODEL,
    "test_model_name_suggestion[bedrock]": MODEL,
    "test_model_name_suggestion[google]": MODEL,
    "test_tool_use_failed_error": ANSWER,
    "test_tool_use_failed_error_with_text": ANSWER,
    "test_model_sees_multiple_images[google_vertex]": ADDRESS,
    "test_multimodal_tool_return_matrix[tool_return_content-url-image-google_vertex]": ADDRESS,
    "test_openai_responses_thinking_with_modified_history": HISTORY,
}


def objects(value: object) -> list[dict[str, Any]]:
    """Every object of a body, however deep."""
    found: list[dict[str, Any]] = []
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        found.append(fields)
        value = list(fields.values())
    if isinstance(value, list):
        for one in cast("list[object]", value):
            found += objects(one)
    return found


def says_no_sound(body: dict[str, Any]) -> bool:
    kinds = {one.get("type") for one in objects(body)}
    names = " ".join(str(one.get("filename")) for one in objects(body))
    return not kinds & {"input_audio"} and ".mp3" not in names and "audio/mpeg" not in json.dumps(body)


def says_no_document_in_results(body: dict[str, Any]) -> bool:
    results = [one["toolResult"] for one in objects(body) if "toolResult" in one]
    return bool(results) and not any(
        "document" in one or "video" in one for result in results for one in objects(result)
    )


def says_no_s3(body: dict[str, Any]) -> bool:
    return "s3Location" not in json.dumps(body)


Check = Callable[[dict[str, Any]], bool]
MATRIX = "test_multimodal_tool_return_matrix"
CHECKS: Final[dict[str, Check]] = {
    "test_anthropic_explicit_effort_xhigh_unsupported_model_errors": lambda body: (
        body["output_config"]["effort"] in ("low", "medium", "high", "max")
    ),
    "test_openai_o1_mini_system_role[developer]": lambda body: (
        {one["role"] for one in body["messages"]} == {"user"}
    ),
    f"{MATRIX}[direct-binary-audio-openai_chat]": says_no_sound,
    f"{MATRIX}[direct-url_force_download-audio-openai_chat]": says_no_sound,
    f"{MATRIX}[tool_return_content-url-audio-openai_chat]": says_no_sound,
    f"{MATRIX}[direct-url_force_download-audio-openai_responses]": says_no_sound,
    f"{MATRIX}[tool_return_content-url_force_download-audio-openai_responses]": says_no_sound,
    f"{MATRIX}[direct-uploaded_file-document-bedrock_nova]": says_no_document_in_results,
    f"{MATRIX}[direct-uploaded_file-video-bedrock_nova]": says_no_document_in_results,
    f"{MATRIX}[tool_return_content-uploaded_file-document-bedrock_claude]": says_no_s3,
    f"{MATRIX}[tool_return_content-uploaded_file-image-bedrock_claude]": says_no_s3,
}


def name_of(exchange: Exchange) -> str:
    return exchange.id.split("/", 2)[2].rpartition("#")[0]


def model_of(exchange: Exchange) -> str:
    named = exchange.request.get("model")
    if isinstance(named, str):
        return named
    path = urllib.parse.unquote(exchange.path)
    last = path.rpartition("/models/")[2] if "/models/" in path else path.split("/model/")[1]
    return last.split(":generate")[0].removesuffix("/converse")


def refused() -> list[Exchange]:
    return [one for one in every_exchange() if one.dialect in DIALECTS and 400 <= one.status < 500]


def by_another(call: ChatCall) -> ChatCall:
    """The call as a caller of another dialect says it: the same words, nothing that only its own knows."""
    other: AnyDialect = "anthropic" if call.dialect != "anthropic" else "openai-chat"

    def plain(part: Part) -> Part:
        if isinstance(part, ToolResult):
            return msgspec.structs.replace(part, native=None, parts=tuple(map(plain, part.parts)))
        return part if isinstance(part, NativePart) else msgspec.structs.replace(part, native=None)

    def message(one: Message) -> Message:
        return msgspec.structs.replace(one, native=None, parts=tuple(map(plain, one.parts)))

    thinking = call.thinking
    return msgspec.structs.replace(
        call,
        dialect=other,
        native=None,
        messages=tuple(map(message, call.messages)),
        thinking=None if thinking is None else msgspec.structs.replace(thinking, native=None),
    )


def sent(exchange: Exchange) -> dict[str, Any]:
    """What goes to the target that refused, of a caller of another dialect."""
    dialect = DIALECTS[exchange.dialect]
    codec = codec_of(dialect)
    assert codec is not None
    kind, host = KINDS[exchange.provider]
    model = model_of(exchange)
    profile = profile_of(target(kind, model, host=host), dialect)
    chat = by_another(codec.read_call(exchange.body, model=model, stream=False))
    between = Translation.between(chat.dialect, dialect, profile.quirks)
    assert between is not None
    return json.loads(between.call(chat, model=model, max_output=chat.max_output)[0])


def test_every_recorded_refusal_is_looked_at() -> None:
    names = {name_of(one) for one in refused()}
    assert names == {*CHECKS, *OWN_MISTAKES}
    assert not set(CHECKS) & set(OWN_MISTAKES)
    assert len(refused()) >= len(names)


@pytest.mark.parametrize("name", CHECKS)
def test_what_was_refused_is_not_sent_again(name: str) -> None:
    for exchange in refused():
        if name_of(exchange) == name:
            assert CHECKS[name](sent(exchange)), "it would be refused again"


def test_the_checks_see_what_was_refused() -> None:
    """Each of them fails on the very body that was refused: none is always true."""
    for exchange in refused():
        check = CHECKS.get(name_of(exchange))
        if check is not None:
            assert not check(exchange.request), exchange.id
