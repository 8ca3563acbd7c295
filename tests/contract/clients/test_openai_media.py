"""The official OpenAI client: images, audio, moderations and the list of models."""

import base64
from collections.abc import Generator

import openai
import pytest
from tests.contract.clients.conftest import GatewayUnderTest

from headgate.standins.answers_openai_plain import silence


@pytest.fixture
def client(gateway: GatewayUnderTest) -> Generator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=20) as made:
        yield made


def test_images_are_generated(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.images.generate(model=gateway.model("mock-image"), prompt="a river", n=2)
    assert answer.data is not None
    pictures = [base64.b64decode(image.b64_json or "") for image in answer.data]
    assert [picture[:8] for picture in pictures] == [b"\x89PNG\r\n\x1a\n"] * 2


def test_images_are_edited(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    drawn = client.images.generate(model=gateway.model("mock-image"), prompt="a river")
    assert drawn.data is not None
    picture = base64.b64decode(drawn.data[0].b64_json or "")
    answer = client.images.edit(
        model=gateway.model("mock-image"), image=("river.png", picture, "image/png"), prompt="make it wider"
    )
    assert answer.data is not None
    assert base64.b64decode(answer.data[0].b64_json or "").startswith(b"\x89PNG")


def test_speech_comes_as_bytes(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.audio.speech.create(
        model=gateway.model("mock-audio"), voice="alloy", input="Hello", response_format="wav"
    )
    assert answer.content.startswith(b"RIFF")


def test_speech_is_streamed(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    with client.audio.speech.with_streaming_response.create(
        model=gateway.model("mock-audio"), voice="alloy", input="Hello", response_format="wav"
    ) as answer:
        assert b"".join(answer.iter_bytes()) == silence()


def test_audio_is_transcribed(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    sound = silence()
    answer = client.audio.transcriptions.create(
        model=gateway.model("mock-audio"), file=("hello.wav", sound, "audio/wav")
    )
    assert str(len(sound)) in answer.text


def test_texts_are_moderated(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.moderations.create(
        model=gateway.model("mock-small"), input=["a quiet river", "I will attack you"]
    )
    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.violence


def test_models_are_listed(client: openai.OpenAI) -> None:
    models = client.models.list().data
    assert models
    assert all(model.object == "model" and model.id for model in models)


def test_one_model_is_described(client: openai.OpenAI) -> None:
    first = client.models.list().data[0]
    assert client.models.retrieve(first.id).id == first.id
