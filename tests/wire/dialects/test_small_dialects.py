"""Text completions, Cohere's first chat and the bodies of InvokeModel: what is read of them has words."""

import json
from typing import Any

import pytest
from tests.recorded_exchanges import Exchange, every_exchange
from tests.wire.dialects import small_samples as samples
from tests.wire.dialects.returning import (
    ASKED,
    COHERE_FIRST,
    COMPLETIONS,
    Chat,
    Invoked,
    is_streamed,
    returning,
)

from headgate.core.call import Usage
from headgate.core.chat import ChatAnswer, ChatCall, Text
from headgate.core.embedding import EmbeddingCall, EmbeddingInput
from headgate.core.events import Broke, Ended
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN
from headgate.wire.dialects import embeddings
from headgate.wire.dialects.bedrock_invoke import bodies as invoked
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.registry import CODECS, OWN_ONLY, codec_of

PLACES: dict[str, tuple[str, str, str]] = {
    "outputText": ("inputText", "inputTextTokenCount", "tokenCount"),
    "generation": ("prompt", "prompt_token_count", "generation_token_count"),
}


def text_of(answer: ChatAnswer) -> str:
    return "".join(part.text for part in answer.candidates[0].parts if isinstance(part, Text))


def said(call: ChatCall) -> list[tuple[str, str]]:
    return [
        (message.role, part.text)
        for message in call.messages
        for part in message.parts
        if isinstance(part, Text)
    ]


def recorded(dialect: str) -> list[Exchange]:
    return [one for one in every_exchange() if one.dialect == dialect and one.status == 200]


def test_a_prompt_is_what_the_user_says():
    for one in recorded("openai-completions"):
        call = COMPLETIONS.read_call(one.body)
        prompt = one.request["prompt"]
        assert said(call) == [("user", prompt if isinstance(prompt, str) else prompt[0])], one.id
        assert call.max_output == one.request.get("max_tokens")
        assert call.sampling.temperature == one.request.get("temperature")
    several, tokens = (
        COMPLETIONS.read_call(json.dumps(call).encode()) for call in samples.COMPLETION_CALLS[2:4]
    )
    assert not several.messages and not tokens.messages, "several prompts are no conversation"


def test_what_follows_a_prompt_is_the_answer():
    for one in recorded("openai-completions"):
        if is_streamed(one):
            continue
        raw = json.loads(one.response)
        answer = COMPLETIONS.read_answer(one.response.encode())
        assert text_of(answer) == raw["choices"][0]["text"], one.id
        if "usage" in raw:
            usage = raw["usage"]
            assert answer.usage == Usage(input=usage["prompt_tokens"], output=usage["completion_tokens"])
    [stream] = [
        one
        for one in recorded("openai-completions")
        if is_streamed(one) and "text_completion" in one.response
    ]
    chunks = [json.loads(line[6:]) for line in stream.response.splitlines() if line.startswith("data: {")]
    events = Chat(COMPLETIONS).events(stream.response.encode())
    assert text_of(fold(events)) == "".join(chunk["choices"][0]["text"] for chunk in chunks)
    assert isinstance(events[-1], Ended)


def test_cohere_s_first_chat_is_a_conversation():
    for one in recorded("cohere-chat"):
        if not one.path.startswith("/v1/"):
            continue
        history: list[Any] = one.request.get("chat_history") or []
        roles = {"SYSTEM": "system", "USER": "user", "CHATBOT": "assistant"}
        wanted = [(roles[entry["role"].upper()], entry["message"]) for entry in history]
        assert said(COHERE_FIRST.read_call(one.body)) == [*wanted, ("user", one.request["message"])], one.id
        if is_streamed(one):
            continue
        raw = json.loads(one.response)
        answer = COHERE_FIRST.read_answer(one.response.encode())
        billed = raw["meta"]["billed_units"]
        assert (text_of(answer), answer.usage) == (
            raw["text"], Usage(input=billed["input_tokens"], output=billed["output_tokens"])
        )  # fmt: skip


def test_a_text_that_is_said_in_pieces_is_not_kept_beside_them():
    events = Chat(COHERE_FIRST).events(samples.lines(samples.V1_STREAM))
    answer = fold(events)
    assert text_of(answer) == "abc"
    assert answer.native is not None and "text" not in answer.native.fields
    assert answer.usage == Usage(input=5, output=7, units={"search_units": 1})


def test_a_line_that_is_an_error_breaks_the_stream():
    reader = COHERE_FIRST.events_in()
    found = reader.feed(samples.lines([samples.V1_STREAM[0], {"message": "slow down"}]))
    assert found[-1] == Broke(message="slow down")


def test_bodies_of_invoke_model_are_read_by_what_they_say():
    spoken: set[str] = set()
    for one in recorded("bedrock-invoke"):
        if not isinstance(returning(one), Invoked):
            continue
        call, answer = invoked.read_call(one.body, model="m"), invoked.read_answer(one.response.encode())
        spoken.add(call.dialect)
        assert call.dialect == answer.dialect and call.model == "m", one.id
        raw = json.loads(one.response)
        rows = raw.get("results", [raw])
        for member, (prompt, given, made) in PLACES.items():
            if member in rows[0]:
                assert said(call) == [("user", one.request[prompt])], one.id
                assert text_of(answer) == rows[0][member]
                assert answer.usage == Usage(input=raw[given], output=rows[0][made])
    assert spoken == {"anthropic", "bedrock", "bedrock-invoke"}


def test_settings_of_titan_and_llama_have_words():
    titan, bare, empty, llama = (
        invoked.read_call(json.dumps(call).encode(), model="m") for call in samples.INVOKED_CALLS
    )
    assert (titan.max_output, titan.sampling.top_p, titan.sampling.stop) == (5, 1, ("User:",))
    assert (llama.max_output, llama.sampling.temperature) == (5, 0.5)
    assert bare.max_output is None and empty.max_output is None


@pytest.mark.parametrize("codec", OWN_ONLY)
def test_nothing_is_translated_to_them(codec: Any):
    call = CODECS["openai-chat"].read_call(b'{"model":"m","messages":[{"role":"user","content":"a"}]}')
    raw = {"id": "1", "message": {"role": "assistant", "content": [{"type": "text", "text": "a"}]}}
    answer = CODECS["cohere"].read_answer(json.dumps(raw).encode())
    for write in (codec.write_call, invoked.write_call):
        with pytest.raises(InvalidRequest):
            write(call, PLAIN, Changes())
    for write in (codec.write_answer, invoked.write_answer):
        with pytest.raises(UpstreamError):
            write(answer, ASKED, Changes())
    assert codec_of(codec.dialect) is None


def test_trap_49_embeddings_cross_to_amazon_s_models_one_at_a_time():
    body = {"model": "m", "input": ["a"], "dimensions": 256, "user": "u"}
    call = embeddings.read_call("openai", json.dumps(body).encode())
    changes = Changes()
    titan = json.loads(embeddings.write_call(call, "bedrock-invoke", changes))
    assert titan == {"inputText": "a", "dimensions": 256}
    assert [(one.what, one.weight) for one in changes] == [("user", "loss")]
    answer = embeddings.read_answer("bedrock-invoke", json.dumps(samples.EMBEDDING_ANSWERS[0]).encode())
    heard = json.loads(embeddings.write_answer(answer, call, Changes()))
    assert [row["embedding"] for row in heard["data"]] == [[0.5, 1.5]]
    assert heard["usage"] == {"prompt_tokens": 5, "total_tokens": 5}
    assert embeddings.INPUTS_MAX["bedrock-invoke"] == 1
    several = EmbeddingCall(
        dialect="openai", model="m", inputs=tuple(EmbeddingInput(parts=(Text(text=one),)) for one in "ab")
    )
    with pytest.raises(InvalidRequest):
        embeddings.write_call(several, "bedrock-invoke", Changes())


def test_trap_49_nova_is_told_what_its_vectors_are_for():
    body = {"content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 256}
    call = embeddings.read_call(
        "google", json.dumps(body).encode(), model="amazon.nova-2-multimodal-embeddings-v1:0"
    )
    assert json.loads(embeddings.write_call(call, "bedrock-invoke", Changes())) == {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": "GENERIC_RETRIEVAL",
            "embeddingDimension": 256,
            "text": {"value": "a", "truncationMode": "END"},
        },
    }
