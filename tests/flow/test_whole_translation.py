"""The whole system: each dialect's own client is answered by providers that speak only another."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest
from demo.running import Running, headgate
from tests.flow.dialect_clients import CLIENTS, Client

SPOKEN = ("openai-chat", "openai-responses", "anthropic", "google")

_PROVIDER = """
[providers.only-{dialect}]
kind = "mock"
dialects = ["{dialect}"]

[models.easy-{dialect}]
targets = ["only-{dialect}/m"]
translation = "lenient"
"""
_PRICE = """
[prices."only-{dialect}/{model}"]
input = "1"
output = "2"
max_output = 4000
context_window = 100000
"""
_REST = """
[models.either]
targets = ["only-anthropic/m", "only-openai-chat/m"]

[[budgets]]
name = "of-one"
scope = { model = "only-anthropic/settled" }
limit = "100 USD"
window = "total"
"""
MODELS = ("m", "settled", "broken-stream", "unfinished-stream", "error-in-stream", "error-429", "error-400")


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    parts = [_PROVIDER.format(dialect=dialect) for dialect in SPOKEN]
    parts += [_PRICE.format(dialect=dialect, model=model) for dialect in SPOKEN for model in MODELS]
    with headgate("".join(parts) + _REST) as running:
        yield running


@pytest.fixture(scope="module")
def key(house: Running) -> str:
    return house.make_key()


@pytest.fixture(scope="module")
def clients(house: Running, key: str) -> Iterator[dict[str, Client]]:
    made: list[Client] = [kind(house.url, key) for kind in CLIENTS]
    yield {one.dialect: one for one in made}
    for one in made:
        one.close()


PAIRS = [
    pytest.param(client.dialect, dialect, id=f"{client.dialect}-to-{dialect}")
    for client in CLIENTS
    for dialect in SPOKEN
    if client.dialect != dialect
]
SAY = "Say: hello there"


def record(house: Running, headers: Any, wait_s: float = 15.0) -> dict[str, Any]:
    """The record of the call that an answer's headers name, once it is written."""
    deadline = time.monotonic() + wait_s
    while True:
        given = house.api.get(f"/requests/{headers['x-headgate-request-id']}")
        if given.status_code == 200 and given.json()["status"]:
            return given.json()
        assert time.monotonic() < deadline, given.text
        time.sleep(0.1)


def cost_of(tokens: tuple[int, int]) -> Decimal:
    return Decimal(tokens[0] + 2 * tokens[1]) / 10**6


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("kind", "dialect"), PAIRS)
def test_a_client_is_answered(
    house: Running, clients: dict[str, Client], kind: str, dialect: str, streamed: bool
) -> None:
    client = clients[kind]
    ask = client.stream if streamed else client.ask
    said = ask(f"only-{dialect}/m", [client.user(SAY)])
    assert said.text == "hello there"
    assert said.finish in ("stop", "end_turn", "STOP", "completed")
    assert min(said.tokens) > 0
    row = record(house, said.headers)
    assert (row["dialect"], row["target"], row["status"]) == (client.dialect, f"only-{dialect}/m", 200)
    assert (row["usage"]["input"], row["usage"]["output"]) == said.tokens
    assert Decimal(row["cost_usd"]) == cost_of(said.tokens)
    assert not row["estimated"]
    if not streamed:
        assert Decimal(said.headers["x-headgate-cost-usd"]) == cost_of(said.tokens)
    told = said.headers.get("x-headgate-changes", "")
    assert all(change in row["changes"] for change in told.split("; ") if change)
    assert not [change for change in row["changes"] if change.endswith("(meaning)")]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("kind", "dialect"), PAIRS)
def test_a_tool_is_called_and_its_result_goes_back(
    house: Running, clients: dict[str, Client], kind: str, dialect: str, streamed: bool
) -> None:
    client = clients[kind]
    ask = client.stream if streamed else client.ask
    question = client.user("What is the weather in Lisbon? Use get_weather.")
    called = ask(f"only-{dialect}/m", [question], tool=True)
    assert [(name, list(arguments)) for _, name, arguments in called.tools] == [("get_weather", ["city"])]
    assert called.finish in ("tool_calls", "tool_use", "STOP", "completed")
    said = ask(f"only-{dialect}/m", [question, *client.result(called, "22 degrees")], tool=True)
    assert said.text == "Here is what I found: 22 degrees" and not said.tools


@pytest.mark.parametrize(("kind", "dialect"), PAIRS)
def test_an_image_is_seen(clients: dict[str, Client], kind: str, dialect: str) -> None:
    client = clients[kind]
    said = client.ask(f"only-{dialect}/m", [client.user("What is this about?", image=True)])
    assert said.text.startswith("I looked at the image.")


@pytest.mark.parametrize("kind", ["anthropic", "openai-chat"])
def test_a_conversation_with_tools_and_thinking_moves_to_another_provider(
    clients: dict[str, Client], kind: str
) -> None:
    """Each turn is answered by a provider of another dialect, with all that the turns before have left."""
    client = clients[kind]
    history: list[Any] = []
    for dialect in ("anthropic", "google", "openai-responses", "openai-chat", "anthropic"):
        history.append(client.user("What is the weather in Oslo? Use get_weather."))
        called = client.ask(f"only-{dialect}/m", history, tool=True, think=True)
        assert [name for _, name, _ in called.tools] == ["get_weather"], dialect
        history += client.result(called, "4 degrees")
        said = client.stream(f"only-{dialect}/m", history, tool=True, think=True)
        assert said.text == "Here is what I found: 4 degrees", dialect
        history.append(said.turn)


def test_strict_translation_names_what_it_would_lose(house: Running, key: str) -> None:
    client = openai.OpenAI(base_url=f"{house.url}/v1", api_key=key, max_retries=0)
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        client.chat.completions.create(
            model="only-anthropic/m",
            messages=[{"role": "user", "content": SAY}],
            seed=7,
            logit_bias={"50256": -100},
        )
    assert refused.value.code == "not_translatable"
    assert "seed" in refused.value.message and "logit_bias" in refused.value.message
    row = record(house, refused.value.response.headers)
    assert (row["status"], row["code"]) == (422, "not_translatable")
    assert row["attempts"] == [] and "seed" in row["excluded"][0]["reason"]


def test_lenient_translation_goes_on_and_tells(house: Running, clients: dict[str, Client]) -> None:
    client = clients["openai-chat"]
    said = client.ask("easy-anthropic", [client.user(SAY)], seed=7)
    assert said.text == "hello there"
    assert "seed" in said.headers["x-headgate-changes"]
    assert any(
        one.startswith("seed") and one.endswith("(meaning)") for one in record(house, said.headers)["changes"]
    )


def test_what_one_target_can_t_say_goes_to_the_next(house: Running, clients: dict[str, Client]) -> None:
    client = clients["openai-chat"]
    said = client.ask("either", [client.user(SAY)], seed=7)
    assert said.headers["x-headgate-target"] == "only-openai-chat/m"
    assert "x-headgate-changes" not in said.headers
    row = record(house, said.headers)
    assert [one["target"] for one in row["excluded"]] == ["only-anthropic/m"]
    assert client.ask("either", [client.user(SAY)]).headers["x-headgate-target"] == "only-anthropic/m"


def test_trap_17_an_error_within_a_stream_is_the_caller_s_own(house: Running, key: str) -> None:
    client = openai.OpenAI(base_url=f"{house.url}/v1", api_key=key, max_retries=0)
    stream = client.chat.completions.create(
        model="only-anthropic/error-in-stream",
        messages=[{"role": "user", "content": "Tell me of rivers"}],
        stream=True,
    )
    with pytest.raises(openai.APIError) as broken:
        list(stream)
    assert "overloaded" in str(broken.value).lower()
    row = record(house, stream.response.headers)
    assert row["code"] == "upstream_error" and row["estimated"]


@pytest.mark.parametrize("model", ["broken-stream", "unfinished-stream"])
@pytest.mark.parametrize(("kind", "dialect"), PAIRS)
def test_trap_17_a_stream_that_is_cut_ends_in_an_error(
    house: Running, clients: dict[str, Client], kind: str, dialect: str, model: str
) -> None:
    client = clients[kind]
    with pytest.raises((openai.APIError, anthropic.APIError, KeyError, AssertionError, RuntimeError)):
        client.stream(f"only-{dialect}/{model}", [client.user("Tell me of rivers at length")])
    rows = house.wait_for_requests(1, model=f"only-{dialect}/{model}")
    assert rows[0]["code"] == "upstream_error" and rows[0]["estimated"]
    assert Decimal(rows[0]["cost_usd"]) > 0, "what was made can't be known: the bound counts"


def test_budgets_settle_what_was_used(house: Running, clients: dict[str, Client]) -> None:
    client = clients["openai-chat"]

    def spent() -> Decimal:
        items = house.get("/budgets")["items"]
        return Decimal(next(item for item in items if item["name"] == "of-one")["spent_usd"])

    before = spent()
    said = client.stream("only-anthropic/settled", [client.user("Tell me of lakes")])
    record(house, said.headers)
    deadline = time.monotonic() + 15
    while spent() - before != cost_of(said.tokens):
        assert time.monotonic() < deadline, (before, spent(), said.tokens)
        time.sleep(0.1)
