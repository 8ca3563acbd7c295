"""The official OpenAI client: which exception each error becomes, timeouts and retries."""

from collections.abc import Generator

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from tests.contract.clients.conftest import GatewayUnderTest

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello there!"}]


class Counted:
    """A client, and how many requests it has sent."""

    def __init__(self, gateway: GatewayUnderTest, retries: int) -> None:
        self.sent = 0
        self.http = openai.DefaultHttpxClient(event_hooks={"request": [self._count]})
        self.client = openai.OpenAI(
            base_url=f"{gateway.url}/v1",
            api_key=gateway.key,
            max_retries=retries,
            http_client=self.http,
            timeout=20,
        )

    def _count(self, _request: httpx2.Request) -> None:
        self.sent += 1


@pytest.fixture
def once(gateway: GatewayUnderTest) -> Generator[Counted]:
    counted = Counted(gateway, retries=0)
    with counted.http:
        yield counted


@pytest.fixture
def twice(gateway: GatewayUnderTest) -> Generator[Counted]:
    counted = Counted(gateway, retries=1)
    with counted.http:
        yield counted


def test_wrong_key_is_an_authentication_error(once: Counted, gateway: GatewayUnderTest) -> None:
    stranger = once.client.with_options(api_key="sk-of-nobody")
    with pytest.raises(openai.AuthenticationError) as raised:
        stranger.chat.completions.create(model=gateway.model(), messages=HELLO)
    assert raised.value.status_code == 401
    assert raised.value.code


def test_unknown_model_is_a_not_found_error(once: Counted) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        once.client.chat.completions.create(model="no-such-model", messages=HELLO)
    assert raised.value.code == "model_not_found"


def test_empty_messages_are_a_bad_request(once: Counted, gateway: GatewayUnderTest) -> None:
    with pytest.raises(openai.BadRequestError, match="messages"):
        once.client.chat.completions.create(model=gateway.model(), messages=[])


def test_value_out_of_range_is_a_bad_request(once: Counted, gateway: GatewayUnderTest) -> None:
    with pytest.raises(openai.BadRequestError, match="temperature"):
        once.client.chat.completions.create(model=gateway.model(), messages=HELLO, temperature=9)


def test_tool_message_without_a_call_is_a_bad_request(once: Counted, gateway: GatewayUnderTest) -> None:
    orphan: ChatCompletionMessageParam = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    with pytest.raises(openai.BadRequestError, match="tool"):
        once.client.chat.completions.create(model=gateway.model(), messages=[*HELLO, orphan])


def test_429_is_a_rate_limit_error_that_says_when_to_come_back(
    once: Counted, gateway: GatewayUnderTest
) -> None:
    with pytest.raises(openai.RateLimitError) as raised:
        once.client.chat.completions.create(model=gateway.model("error-429"), messages=HELLO)
    assert int(raised.value.response.headers["retry-after"]) >= 1
    assert once.sent == 1


def test_500_is_an_internal_server_error(once: Counted, gateway: GatewayUnderTest) -> None:
    with pytest.raises(openai.InternalServerError):
        once.client.chat.completions.create(model=gateway.model("error-500"), messages=HELLO)


@pytest.mark.parametrize("status", [429, 500])
def test_client_tries_again(twice: Counted, gateway: GatewayUnderTest, status: int) -> None:
    with pytest.raises(openai.APIStatusError):
        twice.client.chat.completions.create(model=gateway.model(f"error-{status}"), messages=HELLO)
    assert twice.sent == 2


def test_trying_again_can_help(twice: Counted, gateway: GatewayUnderTest) -> None:
    answer = twice.client.chat.completions.create(model=gateway.model("flaky-503"), messages=HELLO)
    assert answer.choices[0].message.content == "hello there"


def test_client_does_not_try_a_bad_request_again(twice: Counted, gateway: GatewayUnderTest) -> None:
    with pytest.raises(openai.BadRequestError):
        twice.client.chat.completions.create(model=gateway.model(), messages=[])
    assert twice.sent == 1


def test_slow_answer_is_a_timeout(once: Counted, gateway: GatewayUnderTest) -> None:
    patient = once.client.with_options(timeout=0.3)
    with pytest.raises(openai.APITimeoutError):
        patient.chat.completions.create(model=gateway.model("slow-5000ms"), messages=HELLO)


def test_stream_that_breaks_is_no_whole_answer(once: Counted, gateway: GatewayUnderTest) -> None:
    with (
        pytest.raises((openai.APIError, httpx2.TransportError)),
        once.client.chat.completions.create(
            model=gateway.model("broken-stream"),
            messages=[{"role": "user", "content": "About rivers"}],
            stream=True,
        ) as stream,
    ):
        list(stream)


def test_error_within_a_stream_is_raised(once: Counted, gateway: GatewayUnderTest) -> None:
    with (
        pytest.raises(openai.APIError),
        once.client.chat.completions.create(
            model=gateway.model("error-in-stream"),
            messages=[{"role": "user", "content": "About rivers"}],
            stream=True,
        ) as stream,
    ):
        list(stream)
