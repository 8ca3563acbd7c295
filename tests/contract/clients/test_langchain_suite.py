"""LangChain's own standard suite, over ChatOpenAI (both APIs) and OpenAIEmbeddings.

The suite fetches its sample picture, sound and document from the web; here they come from this module, so
that nothing but the loopback is reached. What the suite is told of a model (`supports_...`) is what the
mock provider does.
"""

from collections.abc import Generator
from typing import Any

import httpx
import httpx2
import openai
import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests
from tests.contract.clients.conftest import GatewayUnderTest

from headgate.standins.answers_openai_plain import silence

# What LangChain and its suite warn of in their own code: parsed output that the OpenAI client's types don't
# foresee, schemas of Pydantic 1, a document without a file name.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema:UserWarning"),
    pytest.mark.filterwarnings("ignore:OpenAI may require a filename for file uploads:UserWarning"),
]

PICTURE = b"\x89PNG\r\n\x1a\n"
DOCUMENT = b"%PDF-1.4\n%%EOF\n"


def _sample(url: str, **_options: Any) -> httpx.Response:
    content = PICTURE if url.endswith(".png") else DOCUMENT if url.endswith(".pdf") else silence()
    return httpx.Response(200, content=content)


@pytest.fixture(autouse=True)
def samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx, "get", _sample)
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "headgate")


@pytest.fixture
def connection(gateway: GatewayUnderTest) -> Generator[dict[str, Any]]:
    """Where to connect, with clients that leave no connection behind: one loop's are no other's."""
    limits = httpx2.Limits(max_keepalive_connections=0)
    with openai.DefaultHttpxClient(limits=limits) as client:
        yield {
            "base_url": f"{gateway.url}/v1",
            "api_key": gateway.key,
            "http_client": client,
            "http_async_client": openai.DefaultAsyncHttpxClient(limits=limits),
            "max_retries": 0,
        }


class TestChatOpenAI(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _connect(self, gateway: GatewayUnderTest, connection: dict[str, Any]) -> None:
        self.gateway = gateway
        self.connection = connection

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**self.connection, "model": self.gateway.model(), "stream_usage": True}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str | None:
        return self.gateway.other_model

    @property
    def supported_usage_metadata_details(self) -> dict[Any, Any]:
        details = ["reasoning_output", "cache_read_input"]
        return {"invoke": details, "stream": details}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._invoked("Say hi", stream=stream, reasoning_effort="low")

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self._invoked("Say hi", stream=stream)

    def _invoked(self, text: str, *, stream: bool, **options: Any) -> AIMessage:
        model = ChatOpenAI(**self.chat_model_params, **options)
        if not stream:
            return model.invoke(text)
        chunks = list(model.stream(text))
        folded = chunks[0]
        for chunk in chunks[1:]:
            folded += chunk
        return folded


class TestChatOpenAIOverResponses(TestChatOpenAI):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "use_responses_api": True}

    @property
    def supports_audio_inputs(self) -> bool:
        # The Responses API takes no sound, and neither does the client's translation to it.
        return False

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True


class TestOpenAIEmbeddings(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _connect(self, gateway: GatewayUnderTest, connection: dict[str, Any]) -> None:
        self.gateway = gateway
        self.connection = connection

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        # Counting tokens before it sends, the client would load a vocabulary from the web.
        model = self.gateway.model("mock-embedding")
        return {**self.connection, "model": model, "check_embedding_ctx_length": False}
