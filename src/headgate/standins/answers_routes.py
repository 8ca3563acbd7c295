"""From a request's place and body to the planned answer, in every dialect. Pure.

Read next: `standins.mock`, which adds time, faults and the bill.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from headgate.catalog.model import MockSettings
from headgate.core.call import Usage
from headgate.standins import (
    answers_anthropic,
    answers_google,
    answers_openai_chat,
    answers_openai_plain,
    answers_responses,
)
from headgate.standins.answers_errors import error_answer
from headgate.standins.answers_reply import reply_to
from headgate.standins.conversation import Conversation, InvalidBody, Reply
from headgate.standins.multipart_fields import Form, read_form
from headgate.standins.openai_chat_body import ChatBody
from headgate.standins.places import Place
from headgate.standins.planned import Planned, whole

Cached = Callable[[Conversation, Usage], Usage]
"""Moves the part of the input that a provider has kept from `input` to the cache's buckets."""

_Body = TypeVar("_Body")

# A client's JSON schema is not checked before it is filled: what is none shows while it is read.
_SCHEMA_FAULTS = (TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError)


class _ModelOnly(msgspec.Struct, frozen=True):
    model: str = ""


def model_of(place: Place, body: bytes, content_type: str) -> str:
    """Return the model that a request names, empty where it names none that can be read."""
    if place.model is not None:
        return place.model
    if content_type.startswith("multipart/"):
        form = read_form(body, content_type)
        return form.fields.get("model", "") if form else ""
    try:
        return msgspec.json.decode(body, type=_ModelOnly).model
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def plan(place: Place, body: bytes, content_type: str, settings: MockSettings, cached: Cached) -> Planned:
    """Plan the answer to a request; a 400 in the provider's words where it is not what the dialect says."""
    try:
        match place.manner:
            case "openai":
                return _openai(place, body, content_type, settings, cached)
            case "anthropic":
                return _anthropic(place, body, settings, cached)
            case "google":
                return _google(place, body, settings, cached)
    except InvalidBody as invalid:
        return error_answer(
            place.manner, 400, invalid.message, parameter=invalid.parameter, code=invalid.code
        )
    except _SCHEMA_FAULTS as wrong:
        return error_answer(place.manner, 400, f"Invalid schema: {type(wrong).__name__}: {wrong}")


def _decode(body: bytes, form: type[_Body], place: Place) -> _Body:
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as invalid:
        message, parameter = _words(str(invalid), place)
        code = "missing_required_parameter" if message.startswith("Missing") else "invalid_type"
        raise InvalidBody(message, parameter=parameter or None, code=code) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as invalid:
        raise InvalidBody(f"We could not parse the JSON body of your request: {invalid}") from None


def _words(message: str, place: Place) -> tuple[str, str]:
    """Put a decoder's words into the provider's: what was expected, and the field."""
    found = re.fullmatch(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?", message, re.DOTALL)
    what, where = (found["what"], found["where"] or "") if found else (message, "")
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing:
        field = f"{where}.{missing[1]}" if where else missing[1]
        if place.manner == "anthropic":
            return f"{field}: Field required", field
        return f"Missing required parameter: '{field}'.", field
    if place.manner == "anthropic":
        return f"{where or 'body'}: {what}", where
    return f"Invalid type for '{where or 'body'}': {what}.", where


def _reply(conversation: Conversation, settings: MockSettings, cached: Cached) -> Reply:
    reply = reply_to(conversation, settings)
    return msgspec.structs.replace(reply, usage=cached(conversation, reply.usage))


def _openai(place: Place, body: bytes, content_type: str, settings: MockSettings, cached: Cached) -> Planned:
    match place.operation:
        case "chat":
            chat = _decode(body, ChatBody, place)
            reply = _reply(answers_openai_chat.conversation_of(chat), settings, cached)
            return answers_openai_chat.answer(chat, reply)
        case "responses":
            wanted = _decode(body, answers_responses.ResponsesBody, place)
            reply = _reply(answers_responses.conversation_of(wanted), settings, cached)
            return answers_responses.answer(wanted, reply)
        case "responses_count":
            wanted = _decode(body, answers_responses.ResponsesBody, place)
            return answers_responses.count(answers_responses.conversation_of(wanted))
        case "completions":
            text = _decode(body, answers_openai_plain.CompletionsBody, place)
            reply = _reply(answers_openai_plain.completion_conversation(text), settings, cached)
            return answers_openai_plain.completion(text, reply)
        case "embeddings":
            vectors = _decode(body, answers_openai_plain.EmbeddingsBody, place)
            return answers_openai_plain.embeddings(vectors, settings.seed)
        case "moderations":
            judged = _decode(body, answers_openai_plain.ModerationsBody, place)
            return answers_openai_plain.moderations(judged, settings.seed)
        case "images":
            drawn = _decode(body, answers_openai_plain.ImagesBody, place)
            return answers_openai_plain.images(drawn.model, drawn.prompt, drawn.n or 1, settings.seed)
        case "image_edits":
            fields = _form(body, content_type).fields
            number = int(fields["n"]) if fields.get("n", "").isdecimal() else 1
            model = fields.get("model", "mock-image")
            return answers_openai_plain.images(model, fields.get("prompt", ""), number, settings.seed)
        case "speech":
            return answers_openai_plain.speech(_decode(body, answers_openai_plain.SpeechBody, place))
        case "transcription":
            form = _form(body, content_type)
            return answers_openai_plain.transcription(form.fields, form.files_bytes)
        case _:
            if place.model is None:
                return answers_openai_plain.model_list()
            return answers_openai_plain.model_entry(place.model)


def _form(body: bytes, content_type: str) -> Form:
    form = read_form(body, content_type)
    if form is None:
        raise InvalidBody("Could not parse multipart form: expected content-type multipart/form-data.")
    return form


def _anthropic(place: Place, body: bytes, settings: MockSettings, cached: Cached) -> Planned:
    wanted = _decode(body, answers_anthropic.MessagesBody, place)
    counting = place.operation == "count_tokens"
    conversation = answers_anthropic.conversation_of(wanted, counting=counting)
    if counting:
        return answers_anthropic.count(conversation)
    return answers_anthropic.answer(wanted, _reply(conversation, settings, cached))


def _google(place: Place, body: bytes, settings: MockSettings, cached: Cached) -> Planned:
    model = place.model or ""
    match place.operation:
        case "google_count":
            return answers_google.count(model, _decode(body, answers_google.CountBody, place))
        case "embed":
            one = _decode(body, answers_google.EmbedBody, place)
            return answers_google.embed(model, [one], settings.seed, batch=False)
        case "batch_embed":
            many = _decode(body, answers_google.BatchEmbedBody, place)
            if not many.requests:
                raise InvalidBody("* BatchEmbedContentsRequest.requests: must not be empty")
            return answers_google.embed(model, many.requests, settings.seed, batch=True)
        case "google_models":
            return _google_models(place.model)
        case _:
            wanted = _decode(body, answers_google.GenerateBody, place)
            reply = _reply(answers_google.conversation_of(model, wanted), settings, cached)
            stream = place.operation == "stream_generate"
            return answers_google.answer(wanted, reply, stream=stream, sse=place.sse)


def _google_models(name: str | None) -> Planned:
    def entry(model: str) -> dict[str, Any]:
        methods = ["generateContent", "countTokens", "embedContent"]
        return {
            "name": f"models/{model}",
            "displayName": model,
            "inputTokenLimit": 1_000_000,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": methods,
        }

    if name is not None:
        return whole(entry(name))
    return whole({"models": [entry(model) for model in answers_openai_plain.MODELS]})
