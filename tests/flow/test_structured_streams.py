"""Streams held against the schema that their call prescribes, as each dialect's official SDK hears them."""

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from functools import cache
from typing import Any

import anthropic
import httpx
import openai
import pytest
from tests.flow.gateway_house import House
from tests.flow.scripted_provider import DONE, FINISH, Step, answer, completion, delta, stream, usage_chunk
from tests.flow.structured_house import (
    BAD,
    FORMAT,
    GOOD,
    MESSAGES,
    PLACES,
    SCHEMA,
    Aliases,
    Budgets,
    structured_house,
)
from tests.flow.structured_pieces import PIECES, chat_pieces, google_chunks, message_pieces, tool_pieces

genai: Any = pytest.importorskip("google.genai", reason="google-genai is not installed")

PRICE = Decimal("0.00005")
"""Of 10 tokens in and 20 out, at 1 and 2 USD a million."""
PROVIDERS = {"openai-chat": "b", "openai-responses": "openai", "anthropic": "claude", "google": "gemini"}
"""Who speaks a dialect."""
OTHERS = {"openai-chat": "claude", "openai-responses": "claude", "anthropic": "b", "google": "b"}
"""Who answers a caller of it in another."""
ALIASES: Aliases = {
    f"{way}-{dialect}": ((f"{provider}/{way}-{dialect}",), "validated")
    for way, providers in (("passed", PROVIDERS), ("translated", OTHERS))
    for dialect, provider in providers.items()
} | {
    "repaired": (("b/repaired",), "repaired"),
    "money": (("b/money",), "validated"),
    "whole": (("b/whole",), "repaired"),
    "nulls": (("claude/claude-sonnet-4-5",), "validated"),
}
BUDGETS: Budgets = {"money": ("1", "")}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with structured_house(ALIASES, BUDGETS) as opened:
        yield opened


@contextmanager
def made(client: Any) -> Generator[Any]:
    """An SDK's client, without its types: what it is told here is no more than JSON."""
    with client:
        yield client


def of_openai(house: House) -> AbstractContextManager[Any]:
    return made(openai.OpenAI(base_url=f"{house.url}/v1", api_key=house.key, max_retries=0))


def hear_chat(house: House, model: str) -> str:
    asked = {"model": model, "messages": MESSAGES, "response_format": FORMAT, "stream": True}
    with of_openai(house) as client:
        chunks = client.chat.completions.create(**asked)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def hear_responses(house: House, model: str) -> str:
    form = {"format": {"type": "json_schema", "name": "person", "schema": SCHEMA}}
    with of_openai(house) as client:
        events = client.responses.create(model=model, input="Who?", text=form, stream=True)
        kinds = [(one.type, getattr(one, "delta", "")) for one in events]
    assert kinds[-1][0] == "response.completed"
    return "".join(text for kind, text in kinds if kind == "response.output_text.delta")


def hear_messages(house: House, model: str) -> str:
    form = {"format": {"type": "json_schema", "schema": SCHEMA}}
    asked = {"model": model, "max_tokens": 50, "messages": MESSAGES, "output_config": form}
    with (
        made(anthropic.Anthropic(base_url=house.url, api_key=house.key, max_retries=0)) as client,
        client.messages.stream(**asked) as live,
    ):
        return live.get_final_text()


def hear_google(house: House, model: str) -> str:
    config = {"response_mime_type": "application/json", "response_json_schema": SCHEMA}
    models = google_client(house.url, house.key).models
    chunks = models.generate_content_stream(model=model, contents="Who?", config=config)
    return "".join(chunk.text or "" for chunk in chunks)


@cache
def google_client(url: str, key: str) -> Any:
    """Slow to make."""
    return genai.Client(api_key=key, http_options=genai.types.HttpOptions(base_url=url))


HEARING: dict[str, tuple[Callable[[House, str], str], type[Exception]]] = {
    "openai-chat": (hear_chat, openai.APIError),
    "openai-responses": (hear_responses, openai.APIError),
    "anthropic": (hear_messages, anthropic.APIStatusError),
    "google": (hear_google, genai.errors.APIError),
}
TERMINATORS = {
    "openai-chat": b"[DONE]",
    "openai-responses": b"response.completed",
    "anthropic": b"message_stop",
}


def script(house: House, way: str, dialect: str, text: str) -> str:
    """Let a provider stream that text; return the alias."""
    alias = f"{way}-{dialect}"
    provider = (PROVIDERS if way == "passed" else OTHERS)[dialect]
    if way == "passed":
        pieces = PIECES[dialect](text)
    else:
        pieces = tool_pieces(text) if provider == "claude" else chat_pieces(text)
    house.provider.on(provider, alias, stream(*pieces))
    return alias


CASES = [(way, dialect) for way in ("passed", "translated") for dialect in PROVIDERS]


@pytest.mark.parametrize(("way", "dialect"), CASES)
def test_a_valid_stream_is_heard_as_it_is(house: House, way: str, dialect: str) -> None:
    hear, _ = HEARING[dialect]
    assert hear(house, script(house, way, dialect, GOOD)) == GOOD


@pytest.mark.parametrize(("way", "dialect"), CASES)
def test_a_stream_that_fails_ends_in_an_error_that_the_sdk_raises(
    house: House, way: str, dialect: str
) -> None:
    hear, kind = HEARING[dialect]
    alias = script(house, way, dialect, BAD)
    with pytest.raises(kind) as raised:
        hear(house, alias)
    said = str(raised.value)
    assert all(place in said or json.dumps(place)[1:-1] in said for place in PLACES)
    row = house.find("select * from requests where code = 'schema_mismatch' and model = %s", alias)
    assert (row["status"], row["cost_usd"]) == (200, PRICE)
    assert not row["truncated"] and not row["estimated"]


def test_where_a_repair_is_asked_for_a_stream_says_that_there_is_none(house: House) -> None:
    house.provider.on("b", "repaired", stream(*chat_pieces(BAD)))
    given = heard(house, "openai-chat", "repaired")
    assert "can't be repaired" in given.headers["x-headgate-changes"]
    assert "schema_mismatch" in given.text and len(house.provider.received("b", "repaired")) == 1


def test_a_null_that_stands_for_what_is_left_out_is_no_mismatch(house: House) -> None:
    """A target that wants every member required says null where the caller's schema leaves one out."""
    text = '{"name": "Ada", "age": null}'
    house.provider.on("claude", "claude-sonnet-4-5", stream(*message_pieces(text)))
    assert hear_chat(house, "nulls") == text
    house.provider.on("claude", "claude-sonnet-4-5", stream(*message_pieces('{"name": null, "age": null}')))
    with pytest.raises(openai.APIError, match="name"):
        hear_chat(house, "nulls")


def body_of(dialect: str, alias: str) -> tuple[str, dict[str, Any]]:
    config = {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    return {
        "openai-chat": (
            "/v1/chat/completions",
            {
                "model": alias,
                "messages": MESSAGES,
                "stream": True,
                "response_format": FORMAT,
                "stream_options": {"include_usage": True},
            },
        ),
        "openai-responses": (
            "/v1/responses",
            {
                "model": alias,
                "input": "Who?",
                "stream": True,
                "text": {"format": {"type": "json_schema", "name": "p", "schema": SCHEMA}},
            },
        ),
        "anthropic": (
            "/v1/messages",
            {
                "model": alias,
                "max_tokens": 9,
                "messages": MESSAGES,
                "stream": True,
                "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
            },
        ),
        "google": (
            f"/v1beta/models/{alias}:streamGenerateContent?alt=sse",
            {"contents": [{"role": "user", "parts": [{"text": "Who?"}]}], "generationConfig": config},
        ),
    }[dialect]


def heard(house: House, dialect: str, alias: str) -> httpx.Response:
    path, body = body_of(dialect, alias)
    return house.post(path, body)


@pytest.mark.parametrize("dialect", list(PROVIDERS))
def test_what_passes_is_the_provider_s_bytes_and_an_error_stands_in_the_terminator_s_place(
    house: House, dialect: str
) -> None:
    alias = script(house, "passed", dialect, GOOD)
    pieces = PIECES[dialect](GOOD)
    assert heard(house, dialect, alias).content == b"".join(pieces)
    script(house, "passed", dialect, BAD)
    pieces = PIECES[dialect](BAD)
    given = heard(house, dialect, alias).content
    kept = pieces if dialect == "google" else pieces[:-1]
    assert given.startswith(b"".join(kept)) and b"schema_mismatch" in given[len(b"".join(kept)) :]
    if dialect in TERMINATORS:
        assert TERMINATORS[dialect] not in given


def test_one_array_of_google_s_ends_with_the_error(house: House) -> None:
    alias = "passed-google"
    path, body = body_of("google", alias)
    path = path.partition("?")[0]
    for text in (GOOD, BAD):
        items = [json.dumps(chunk).encode() for chunk in google_chunks(text)]
        parts: list[Step] = [b"[" + items[0], b",\r\n" + items[1], b"]"]
        house.provider.on("gemini", alias, stream(*parts, kind="application/json"))
        given = house.post(path, body).text
        if text == GOOD:
            assert json.loads(given) == google_chunks(GOOD)
            continue
        *chunks, last = json.loads(given + "]")
        assert chunks == google_chunks(BAD) and last["error"]["code"] == 422


def test_the_first_token_is_not_held_back(house: House) -> None:
    alias = "passed-openai-chat"
    house.provider.on("b", alias, stream(delta('{"name"'), 0.5, delta(':"A"}'), FINISH, DONE))
    path, body = body_of("openai-chat", alias)
    with house.client() as client, client.stream("POST", path, json=body) as live:
        seen = b""
        for piece in live.iter_bytes():
            seen += piece
            if b"name" in seen:
                break
        assert b"A" not in seen


ENDS = [
    pytest.param((delta('{"na'), FINISH.replace(b'"stop"', b'"length"')), id="length"),
    pytest.param(
        (
            FINISH.replace(b'"delta":{}', b'"delta":{"refusal":"No."}').replace(b'"stop"', b"null"),
            FINISH,
        ),
        id="refusal",
    ),
]


@pytest.mark.parametrize("parts", ENDS)
def test_a_stream_that_ends_in_another_way_says_so_itself(house: House, parts: tuple[bytes, ...]) -> None:
    alias = "passed-openai-chat"
    house.provider.on("b", alias, stream(*parts, usage_chunk(10, 20), DONE))
    assert heard(house, "openai-chat", alias).content == b"".join([*parts, usage_chunk(10, 20), DONE])


def test_a_stream_that_is_cut_is_truncated_as_ever(house: House) -> None:
    alias = "passed-anthropic"
    house.provider.on("claude", alias, stream(*message_pieces(GOOD)[:3]))
    given = heard(house, "anthropic", alias)
    assert given.text.count("event: error") == 1 and "schema_mismatch" not in given.text
    assert house.record(given.headers["x-headgate-request-id"])["truncated"]


def test_the_budget_is_settled_by_the_true_usage(house: House) -> None:
    house.provider.on("b", "money", stream(*chat_pieces(BAD)))
    given = heard(house, "openai-chat", "money")
    house.record(given.headers["x-headgate-request-id"])
    assert house.spent("money") == PRICE


def test_an_answer_that_came_whole_to_who_asked_for_a_stream_is_repaired(house: House) -> None:
    house.provider.on("b", "whole", answer(completion(BAD)), answer(completion(GOOD)))
    given = heard(house, "anthropic", "whole")
    assert "message_stop" in given.text and "Ada" in given.text
    assert "the answer was repaired" in given.headers["x-headgate-changes"]
    assert "can't be repaired" not in given.headers["x-headgate-changes"]
