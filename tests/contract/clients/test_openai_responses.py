"""The official OpenAI client: the Responses API."""

import json
from collections.abc import Generator

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseFunctionToolCallParam, ResponseInputParam
from openai.types.responses.response_input_param import FunctionCallOutput
from pydantic import BaseModel
from tests.contract.clients.conftest import GatewayUnderTest

ADD: FunctionToolParam = {
    "type": "function",
    "name": "add_numbers",
    "description": "Add two numbers",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture
def client(gateway: GatewayUnderTest) -> Generator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=20) as made:
        yield made


def test_response_answers(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.responses.create(
        model=gateway.model(), input="Say hello there!", instructions="Be brief."
    )
    assert answer.output_text == "hello there"
    assert answer.status == "completed"
    assert answer.usage is not None
    assert answer.usage.input_tokens + answer.usage.output_tokens == answer.usage.total_tokens


def test_response_is_incomplete_at_its_limit(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.responses.create(model=gateway.model(), input="About rivers", max_output_tokens=16)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


def test_response_streams_in_order(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    with client.responses.create(model=gateway.model(), input="Say hello there!", stream=True) as stream:
        events = list(stream)
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == "hello there"


def test_response_stream_helper(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    with client.responses.stream(model=gateway.model(), input="Say hello there!") as stream:
        stream.until_done()
        assert stream.get_final_response().output_text == "hello there"


@pytest.mark.parametrize("streamed", [False, True])
def test_response_calls_a_tool_and_reads_its_result(
    client: openai.OpenAI, gateway: GatewayUnderTest, streamed: bool
) -> None:
    conversation: ResponseInputParam = [{"role": "user", "content": "Please add 17 and 25."}]
    if streamed:
        with client.responses.stream(model=gateway.model(), input=conversation, tools=[ADD]) as stream:
            stream.until_done()
            output = stream.get_final_response().output
    else:
        output = client.responses.create(model=gateway.model(), input=conversation, tools=[ADD]).output
    call = output[0]
    assert call.type == "function_call"
    assert json.loads(call.arguments) == {"a": 17, "b": 25}
    called: ResponseFunctionToolCallParam = {
        "type": "function_call",
        "call_id": call.call_id,
        "name": call.name,
        "arguments": call.arguments,
    }
    result: FunctionCallOutput = {
        "type": "function_call_output",
        "call_id": call.call_id,
        "output": "42",
    }
    conversation += [called, result]
    answer = client.responses.create(model=gateway.model(), input=conversation, tools=[ADD])
    assert "42" in answer.output_text


class Trip(BaseModel):
    destination: str
    days: int


def test_response_is_parsed(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.responses.parse(
        model=gateway.model(), input='A trip to "Bergen" of 5 days', text_format=Trip
    )
    assert answer.output_parsed == Trip(destination="Bergen", days=5)


def test_response_counts_reasoning(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.responses.create(model=gateway.model(), input="Say hi", reasoning={"effort": "low"})
    assert answer.usage is not None
    assert 0 < answer.usage.output_tokens_details.reasoning_tokens < answer.usage.output_tokens
    assert answer.output[0].type == "reasoning"
