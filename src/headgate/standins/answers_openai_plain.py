"""The plain rest of the OpenAI API: completions, embeddings, moderations, images, audio, models. Pure.

Source: OpenAI API reference, the sections of these names. Images and sound are tiny, but valid files.
"""

import base64
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from headgate.core.call import Usage
from headgate.standins.answers_openai_chat import (
    CHOICES_MAX,
    CREATED,
    DONE,
    check_ranges,
    stop_list,
    usage_block,
)
from headgate.standins.answers_text import count_tokens, generator
from headgate.standins.answers_vectors import packed, vector
from headgate.standins.conversation import Conversation, InvalidBody, Reply, Turn
from headgate.standins.openai_chat_body import StreamOptions
from headgate.standins.planned import Piece, Planned, data_event, events, raw, whole

MODELS = ("mock-small", "mock-large", "mock-embedding", "mock-image", "mock-audio")

VECTOR_LENGTH = 1536

_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_FLAGGED_WORDS = {"violence": ("kill", "attack", "murder"), "hate": ("hate",), "self-harm": ("hurt myself",)}


class CompletionsBody(msgspec.Struct, frozen=True, kw_only=True):
    """A request to go on with a text."""

    model: str
    prompt: str | list[str | int | list[int]] = ""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    echo: bool | None = None
    seed: int | None = None
    temperature: float | None = None


class EmbeddingsBody(msgspec.Struct, frozen=True, kw_only=True):
    """A request for vectors, of texts or of token ids."""

    model: str
    input: str | list[str | int | list[int]]
    encoding_format: str | None = None
    dimensions: int | None = None


class ModerationsBody(msgspec.Struct, frozen=True, kw_only=True):
    """A request to judge texts."""

    input: str | list[str | dict[str, Any]]
    model: str = "omni-moderation-latest"


class ImagesBody(msgspec.Struct, frozen=True, kw_only=True):
    """A request for images."""

    prompt: str
    model: str = "mock-image"
    n: int | None = None
    size: str | None = None


class SpeechBody(msgspec.Struct, frozen=True, kw_only=True):
    """A request for speech."""

    model: str
    input: str
    voice: str | dict[str, Any] = "alloy"
    response_format: str | None = None


def completion_conversation(body: CompletionsBody) -> Conversation:
    """Read a request to go on with a text; only its first prompt is answered."""
    check_ranges(
        {
            "max_tokens": (body.max_tokens, 0, 10**9),
            "n": (body.n, 1, CHOICES_MAX),
            "temperature": (body.temperature, 0, 2),
        }
    )
    return Conversation(
        model=body.model,
        turns=(Turn(role="user", text=(_texts(body.prompt) or [""])[0]),),
        output_max=16 if body.max_tokens is None else body.max_tokens,
        stop=stop_list(body.stop),
        choices=body.n or 1,
        seed=body.seed or 0,
    )


def completion(body: CompletionsBody, reply: Reply) -> Planned:
    """Write a reply down as a completion, streamed if the request asks for it."""
    if body.stream:
        return events(_completion_stream(body, reply), usage=reply.usage, model=reply.model)
    prompt = (_texts(body.prompt) or [""])[0] if body.echo else ""
    choices = [
        {"text": prompt + choice.text, "index": place, "logprobs": None, "finish_reason": choice.finish}
        for place, choice in enumerate(reply.choices)
    ]
    value = {**_completion_head(reply), "choices": choices, "usage": usage_block(reply.usage)}
    return whole(value, usage=reply.usage, model=reply.model)


def embeddings(body: EmbeddingsBody, seed: int) -> Planned:
    """Answer with vectors, as floats or as base64."""
    texts = _texts(body.input)
    if not texts or not all(texts):
        raise InvalidBody("Invalid 'input': input cannot be an empty string.", parameter="input")
    if len(texts) > 2048:
        raise InvalidBody("Invalid 'input': array too long. Expected at most 2048.", parameter="input")
    if body.encoding_format not in (None, "float", "base64"):
        raise InvalidBody(
            f"Invalid value: '{body.encoding_format}'. Supported values are: 'float' and 'base64'.",
            parameter="encoding_format",
        )
    check_ranges({"dimensions": (body.dimensions, 1, 4096)})
    length = body.dimensions or VECTOR_LENGTH
    data: list[dict[str, Any]] = []
    for place, text in enumerate(texts):
        values = vector(seed, text, length)
        shown = packed(values) if body.encoding_format == "base64" else values
        data.append({"object": "embedding", "index": place, "embedding": shown})
    tokens = sum(count_tokens(text) for text in texts)
    value = {
        "object": "list",
        "data": data,
        "model": body.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return whole(value, usage=Usage(input=tokens), model=body.model)


def moderations(body: ModerationsBody, seed: int) -> Planned:
    """Judge texts by a few words."""
    texts = [body.input] if isinstance(body.input, str) else [_moderated(entry) for entry in body.input]
    results = [_judged(text) for text in texts]
    identity = generator(seed, *texts).getrandbits(96)
    value = {"id": f"modr-{identity:024x}", "model": body.model, "results": results}
    return whole(value, model=body.model)


def images(model: str, prompt: str, number: int, seed: int) -> Planned:
    """Answer with tiny pictures of one colour each."""
    check_ranges({"n": (number, 1, 10)})
    random = generator(seed, prompt)
    pictures = [_picture(random.randbytes(3)) for _ in range(number)]
    tokens = count_tokens(prompt)
    produced = 16 * number
    value = {
        "created": CREATED,
        "data": [{"b64_json": base64.b64encode(picture).decode()} for picture in pictures],
        "usage": {
            "input_tokens": tokens,
            "input_tokens_details": {"text_tokens": tokens, "image_tokens": 0},
            "output_tokens": produced,
            "total_tokens": tokens + produced,
        },
    }
    return whole(value, usage=Usage(input=tokens, output_image=produced), model=model)


def speech(body: SpeechBody) -> Planned:
    """Answer with a tenth of a second of silence, whatever format was asked for, as wave file."""
    if not body.input:
        raise InvalidBody(
            "Invalid 'input': string too short. Expected at least 1 character.", parameter="input"
        )
    usage = Usage(input=count_tokens(body.input))
    return raw(silence(), b"audio/wav", usage=usage, model=body.model)


def transcription(fields: dict[str, str], size: int) -> Planned:
    """Answer what was said in a sound of `size` bytes, in the format asked for."""
    model = fields.get("model", "")
    if not model:
        raise InvalidBody("you must provide a model parameter", parameter="model")
    text = f"This is a recording of {size} bytes."
    used = {"input": 10, "output": count_tokens(text)}
    usage = Usage(input_audio=used["input"], output=used["output"])
    if fields.get("response_format") == "text":
        return raw(text.encode() + b"\n", b"text/plain; charset=utf-8", usage=usage, model=model)
    value: dict[str, Any] = {
        "text": text,
        "usage": {
            "type": "tokens",
            "input_tokens": used["input"],
            "input_token_details": {"text_tokens": 0, "audio_tokens": used["input"]},
            "output_tokens": used["output"],
            "total_tokens": used["input"] + used["output"],
        },
    }
    if fields.get("response_format") == "verbose_json":
        value = {"task": "transcribe", "language": "english", "duration": 1.0, "segments": [], **value}
    return whole(value, usage=usage, model=model)


def model_list() -> Planned:
    """List the models, those for drills left out."""
    return whole({"object": "list", "data": [_model(name) for name in MODELS]})


def model_entry(name: str) -> Planned:
    """Describe one model; every name is one."""
    return whole(_model(name), model=name)


def silence() -> bytes:
    """Make a wave file of a tenth of a second of silence: 8 kHz, one channel, 16 bit."""
    samples = bytes(1600)
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(chunks) + len(samples)) + chunks + samples


def _picture(colour: bytes) -> bytes:
    """Make a PNG of 2 x 2 pixels of one colour."""
    rows = (b"\0" + colour * 2) * 2

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _texts(given: str | list[str | int | list[int]]) -> list[str]:
    """Return the texts of an input; token ids stand for themselves."""
    if isinstance(given, str):
        return [given]
    if given and isinstance(given[0], int):
        return [" ".join(map(str, given))]
    return [" ".join(map(str, entry)) if isinstance(entry, list) else str(entry) for entry in given]


def _completion_head(reply: Reply) -> dict[str, Any]:
    return {
        "id": f"cmpl-{reply.id[:24]}",
        "object": "text_completion",
        "created": CREATED,
        "model": reply.model,
    }


def _completion_stream(body: CompletionsBody, reply: Reply) -> Iterator[Piece]:
    asked = body.stream_options is not None and body.stream_options.include_usage is True
    head = _completion_head(reply)
    tail: dict[str, Any] = {"usage": None} if asked else {}
    for place, choice in enumerate(reply.choices):
        for token in choice.tokens:
            entry = {"text": token, "index": place, "logprobs": None, "finish_reason": None}
            yield data_event({**head, "choices": [entry], **tail}, 1)
        end = {"text": "", "index": place, "logprobs": None, "finish_reason": choice.finish}
        yield data_event({**head, "choices": [end], **tail})
    if asked:
        yield data_event({**head, "choices": [], "usage": usage_block(reply.usage)})
    yield DONE


def _moderated(entry: str | dict[str, Any]) -> str:
    return entry if isinstance(entry, str) else str(entry.get("text") or "")


def _judged(text: str) -> dict[str, Any]:
    lower = text.lower()
    found = {name for name, words in _FLAGGED_WORDS.items() if any(word in lower for word in words)}
    return {
        "flagged": bool(found),
        "categories": {name: name in found for name in _CATEGORIES},
        "category_scores": {name: 0.9 if name in found else 0.001 for name in _CATEGORIES},
        "category_applied_input_types": {name: ["text"] if name in found else [] for name in _CATEGORIES},
    }


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "headgate"}
