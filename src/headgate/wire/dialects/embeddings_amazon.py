"""Amazon's own embeddings on Bedrock, read and written: Titan's and Nova's bodies, of one input each. Pure.

Source: Amazon Bedrock, Titan Text Embeddings V2 and Nova Multimodal Embeddings. Read next: `embeddings`.
"""

from typing import Final, Literal, cast

from headgate.core.call import Usage
from headgate.core.chat import Fields, Text
from headgate.core.embedding import EmbeddingAnswer, EmbeddingCall, EmbeddingInput, EmbeddingTask, Vector
from headgate.core.faults import InvalidRequest
from headgate.wire.answers import provider_message
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, objects_in
from headgate.wire.dialects.vectors import values_of
from headgate.wire.usage import count

NOVA: Final = "nova"
TITAN: Final = "titan"
NAMED: Final = "byType"
"""A word of the shape of Titan's answers that hold their vector a second time, under its type."""
PARAMETERS: Final = "singleEmbeddingParams"
_PURPOSES: Final[dict[str, EmbeddingTask]] = {
    "GENERIC_INDEX": "document",
    "GENERIC_RETRIEVAL": "query",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
}
_WORDS: Final[dict[EmbeddingTask, str]] = {task: word for word, task in _PURPOSES.items()}
_TRUNCATES: Final[dict[str, Literal["none", "start", "end"]]] = {
    "NONE": "none", "START": "start", "END": "end",
}  # fmt: skip


def read_call(fields: Fields, model: str | None) -> EmbeddingCall:
    """Read a call; the path names the model. Raises InvalidRequest, naming the member."""
    taking = Taking(fields)
    if PARAMETERS in fields:
        return _read_nova(taking, model or "")
    text = taking.text("inputText")
    if text is None:
        raise InvalidRequest("inputText is missing; send a text", parameter="inputText")
    return EmbeddingCall(
        dialect="bedrock-invoke",
        model=model or "",
        inputs=(EmbeddingInput(parts=(Text(text=text),)),),
        dimensions=taking.whole("dimensions"),
        fields=taking.left,
        shape=TITAN,
    )


def _read_nova(taking: Taking, model: str) -> EmbeddingCall:
    inner = Taking(taking.object(PARAMETERS) or {})
    held = Taking(inner.object("text") or {})
    text = held.text("value")
    if text is None:
        where = f"{PARAMETERS}.text.value"
        raise InvalidRequest(f"{where} is missing; send a text", parameter=where)
    purpose, cut = inner.left.get("embeddingPurpose"), held.left.get("truncationMode")
    task = _PURPOSES.get(purpose) if isinstance(purpose, str) else None
    if task is not None:
        del inner.left["embeddingPurpose"]
    truncate = _TRUNCATES.get(cut) if isinstance(cut, str) else None
    if truncate is not None:
        del held.left["truncationMode"]
    dimensions = inner.whole("embeddingDimension")
    if inner.left:
        taking.left[PARAMETERS] = inner.left
    return EmbeddingCall(
        dialect="bedrock-invoke",
        model=model,
        inputs=(EmbeddingInput(parts=(Text(text=text),), fields=held.left),),
        dimensions=dimensions,
        task=task,
        truncate=truncate,
        fields=taking.left,
        shape=NOVA,
    )


def write_call(call: EmbeddingCall, changes: Changes) -> Fields:
    """Write a call of one text. Raises InvalidRequest for tokens, several inputs, and media."""
    is_own = call.dialect == "bedrock-invoke"
    parts = [part for one in call.inputs for part in one.parts]
    texts = [part.text for part in parts if isinstance(part, Text)]
    if len(call.inputs) != 1 or len(texts) != 1 or len(parts) != 1:
        raise InvalidRequest("Amazon's models embed one text a call; send one", parameter="input")
    if not is_own:
        for member in call.fields:
            changes.alter(member, "Amazon's models have no such member")
        if call.user is not None:
            changes.lose("user", "Amazon's models are not told who the caller's user is")
    if (call.shape if is_own else call.model).find(NOVA) >= 0:
        return _write_nova(call, texts[0], is_own=is_own)
    if call.task is not None:
        changes.lose("task", "Titan does not know what its vectors are for")
    if call.truncate == "start":
        changes.lose("truncate", "Titan cuts a text at its end only")
    fields: Fields = {"inputText": texts[0]}
    if call.dimensions is not None:
        fields["dimensions"] = call.dimensions
    return {**fields, **(call.fields if is_own else {})}


def _write_nova(call: EmbeddingCall, text: str, *, is_own: bool) -> Fields:
    said: Fields = {"value": text}
    if call.truncate is not None or not is_own:
        said["truncationMode"] = (call.truncate or "end").upper()
    inner: Fields = {}
    if call.task is not None or not is_own:
        inner["embeddingPurpose"] = _WORDS.get(call.task or "document", "GENERIC_INDEX")
    if call.dimensions is not None:
        inner["embeddingDimension"] = call.dimensions
    inner["text"] = {**said, **(call.inputs[0].fields if is_own else {})}
    if not is_own:
        return {"taskType": "SINGLE_EMBEDDING", PARAMETERS: inner}
    fields = dict(call.fields)
    beside = fields.pop(PARAMETERS, None)
    return {**fields, PARAMETERS: {**inner, **(cast("Fields", beside) if isinstance(beside, dict) else {})}}


def read_answer(fields: Fields, body: bytes) -> EmbeddingAnswer:
    """Read an answer. Raises ValueError for what is none."""
    taking = Taking(fields)
    rows = objects_in(taking.left.get("embeddings"))
    if rows is not None:
        del taking.left["embeddings"]
        vectors = [_vector(row, index) for index, row in enumerate(rows)]
        return EmbeddingAnswer(
            dialect="bedrock-invoke", model="", vectors=tuple(vectors), fields=taking.left, shape=NOVA
        )
    if "embedding" not in fields:
        raise ValueError(f"it has no embedding: {provider_message('bedrock-invoke', body)}")
    values = _numbers(taking.left.pop("embedding"), "embedding")
    shape = TITAN
    if taking.left.get("embeddingsByType") == {"float": list(values)}:
        del taking.left["embeddingsByType"]
        shape = f"{TITAN} {NAMED}"
    return EmbeddingAnswer(
        dialect="bedrock-invoke",
        model="",
        vectors=(Vector(index=0, values=values),),
        usage=Usage(input=count(fields, "inputTextTokenCount")) if "inputTextTokenCount" in fields else None,
        fields=taking.left,
        shape=shape,
    )


def _vector(row: Fields, index: int) -> Vector:
    taking = Taking(row)
    values = _numbers(taking.left.pop("embedding", None), f"embeddings[{index}].embedding")
    return Vector(index=index, values=values, fields=taking.left)


def _numbers(value: object, where: str) -> tuple[float, ...]:
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(type(item) is float or type(item) is int for item in items):
        raise ValueError(f"{where} is no list of numbers")
    return tuple(cast("list[float]", items))


def write_answer(answer: EmbeddingAnswer, asked: EmbeddingCall, changes: Changes) -> Fields:
    """Write an answer as the model that was asked gives one."""
    del changes  # an answer's vectors are all that there is
    is_own = answer.dialect == "bedrock-invoke"
    rows = [list(values_of(vector)) for vector in answer.vectors]
    shape = answer.shape if is_own else asked.shape
    left = answer.fields if is_own else {}
    if shape == NOVA:
        beside = [vector.fields if is_own else {"embeddingType": "TEXT"} for vector in answer.vectors]
        found = [{"embedding": row, **more} for row, more in zip(rows, beside, strict=True)]
        return {"embeddings": found, **left}
    first = rows[0] if rows else []
    fields: Fields = {"embedding": first}
    if not is_own or NAMED in shape:
        fields["embeddingsByType"] = {"float": first}
    if not is_own:
        fields["inputTextTokenCount"] = answer.usage.total_input if answer.usage is not None else 0
    return {**fields, **left}
