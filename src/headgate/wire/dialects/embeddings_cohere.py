"""Cohere's embed, read and written: version 2, and what its models on Bedrock say of it. Pure.

Source: Cohere API reference, `POST /v2/embed`; Amazon Bedrock, Cohere Embed. Read next: `embeddings`.
"""

from typing import Final, Literal, cast

from headgate.core.call import Usage
from headgate.core.chat import Fields, Media, Text
from headgate.core.embedding import EmbeddingAnswer, EmbeddingCall, EmbeddingInput, EmbeddingTask, Vector
from headgate.core.faults import InvalidRequest
from headgate.wire.answers import provider_message
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking
from headgate.wire.dialects.vectors import data_of, values_of
from headgate.wire.usage import count, inner

_TASKS: Final[dict[str, EmbeddingTask]] = {
    "search_query": "query",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
}
_WORDS: Final[dict[EmbeddingTask, str]] = {
    "query": "search_query",
    "document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
    "question_answering": "search_query",
    "fact_verification": "search_query",
    "code_query": "search_query",
    "similarity": "search_document",
}
_TRUNCATES: Final[dict[str, Literal["none", "start", "end"]]] = {
    "NONE": "none", "START": "start", "END": "end",
}  # fmt: skip

Encoding = Literal["float", "base64"]


def read_call(fields: Fields, model: str | None) -> EmbeddingCall:
    """Read a call. Raises InvalidRequest, naming the member."""
    taking = Taking(fields)
    named = taking.text("model")
    flags = [] if named is not None else ["nomodel"]
    inputs = _read_inputs(taking, flags)
    kinds = taking.left.get("embedding_types")
    encoding: Encoding | None = "float" if kinds == ["float"] else "base64" if kinds == ["base64"] else None
    if encoding is not None:
        del taking.left["embedding_types"]
    word, cut = taking.left.get("input_type"), taking.left.get("truncate")
    task = _TASKS.get(word) if isinstance(word, str) else None
    if task is not None:
        del taking.left["input_type"]
    truncate = _TRUNCATES.get(cut) if isinstance(cut, str) else None
    if truncate is not None:
        del taking.left["truncate"]
    return EmbeddingCall(
        dialect="cohere",
        model=model or named or "",
        inputs=inputs,
        dimensions=taking.whole("output_dimension"),
        task=task,
        encoding=encoding,
        truncate=truncate,
        fields=taking.left,
        shape=" ".join(flags),
    )


def _read_inputs(taking: Taking, flags: list[str]) -> tuple[EmbeddingInput, ...]:
    texts = taking.texts("texts")
    if texts:
        return tuple([EmbeddingInput(parts=(Text(text=text),)) for text in texts])
    images = taking.texts("images")
    if images:
        flags.append("images")
        return tuple([EmbeddingInput(parts=(Media(kind="image", url=image),)) for image in images])
    mixed = taking.objects("inputs")
    if mixed:
        flags.append("inputs")
        return tuple([_read_mixed(one, place) for place, one in enumerate(mixed)])
    raise InvalidRequest("texts, images and inputs are missing; send one of them", parameter="texts")


def _read_mixed(fields: Fields, place: int) -> EmbeddingInput:
    where = f"inputs[{place}].content"
    taking = Taking(fields)
    parts: list[Text | Media] = []
    for one in taking.objects("content") or []:
        text, image = one.get("text"), one.get("image_url")
        address = cast("Fields", image).get("url") if isinstance(image, dict) else None
        if one == {"type": "text", "text": text} and isinstance(text, str):
            parts.append(Text(text=text))
        elif one == {"type": "image_url", "image_url": {"url": address}} and isinstance(address, str):
            parts.append(Media(kind="image", url=address))
        else:
            raise InvalidRequest(f"{where} holds what can't be embedded", parameter=where)
    if not parts:
        raise InvalidRequest(f"{where} is missing; send texts and images", parameter=where)
    return EmbeddingInput(parts=tuple(parts), fields=taking.left)


def write_call(call: EmbeddingCall, changes: Changes) -> Fields:
    """Write a call. Cohere has to know the task: where none is named, texts are documents, which is told."""
    is_own = call.dialect == "cohere"
    flags = call.shape.split(" ") if is_own else []
    fields: Fields = {} if "nomodel" in flags else {"model": call.model}
    _write_inputs(call, fields, flags, changes)
    task = call.task
    if task is not None:
        fields["input_type"] = _WORDS[task]
        if not is_own and _TASKS[_WORDS[task]] != task:
            changes.lose("task", f"cohere does not know {task}: {_WORDS[task]} is the nearest")
    elif not is_own:
        fields["input_type"] = "search_document"
        changes.lose("task", "cohere has to know the task: search_document is taken")
    if call.encoding is not None or not is_own:
        fields["embedding_types"] = [call.encoding if is_own else "float"]
    if call.dimensions is not None:
        fields["output_dimension"] = call.dimensions
    if call.truncate is not None:
        fields["truncate"] = call.truncate.upper()
    if is_own:
        return {**fields, **call.fields}
    if call.user is not None:
        changes.lose("user", "cohere is not told who the caller's user is")
    for member in call.fields:
        changes.alter(member, "cohere has no such member")
    return fields


def _write_inputs(call: EmbeddingCall, fields: Fields, flags: list[str], changes: Changes) -> None:
    if any(one.tokens for one in call.inputs):
        raise InvalidRequest("input is tokens of another model; send the text", parameter="input")
    is_own = call.dialect == "cohere"
    if not is_own:
        for place, one in enumerate(call.inputs):
            if one.title is not None:
                changes.lose(f"input[{place}].title", "a text has no title")
            for member in one.fields:
                changes.alter(f"input[{place}].{member}", "cohere has no such member")
    singles = [one.parts[0] for one in call.inputs if len(one.parts) == 1]
    is_single = len(singles) == len(call.inputs) and "inputs" not in flags
    if is_single and all(isinstance(part, Text) for part in singles):
        fields["texts"] = [part.text for part in singles if isinstance(part, Text)]
    elif is_own and "images" in flags and is_single:
        fields["images"] = [part.url for part in singles if isinstance(part, Media)]
    else:
        fields["inputs"] = [
            {
                "content": [_mixed(part, place, changes) for part in one.parts],
                **(one.fields if is_own else {}),
            }
            for place, one in enumerate(call.inputs)
        ]


def _mixed(part: Text | Media, place: int, changes: Changes) -> Fields:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.data is not None:
        address = f"data:{part.media_type or 'image/png'};base64,{part.data}"
    else:
        address = part.url or part.file_id or ""
    if part.kind != "image" or (not part.url and part.data is None):
        changes.alter(f"input[{place}]", "cohere embeds texts and images only")
    return {"type": "image_url", "image_url": {"url": address}}


def read_answer(fields: Fields, body: bytes) -> EmbeddingAnswer:
    """Read an answer. Raises ValueError for what is none."""
    taking = Taking(fields)
    value = taking.left.get("embeddings")
    vectors: list[Vector] = []
    shape = ""
    if isinstance(value, list):
        vectors, shape = _rows(cast("list[object]", value), "float"), "list"
        del taking.left["embeddings"]
    elif isinstance(value, dict):
        kinds = dict(cast("Fields", value))
        for kind in ("float", "base64"):
            rows = kinds.get(kind)
            if isinstance(rows, list):
                vectors, shape = _rows(cast("list[object]", rows), kind), kind
                del kinds[kind]
                break
        if kinds:
            taking.left["embeddings"] = kinds
        else:
            del taking.left["embeddings"]
    else:
        raise ValueError(f"it has no embeddings: {provider_message('openai', body)}")
    return EmbeddingAnswer(
        dialect="cohere",
        model="",
        vectors=tuple(vectors),
        id=taking.text("id") or "",
        usage=_usage(taking.left),
        fields=taking.left,
        shape=shape,
    )


def _rows(rows: list[object], kind: Encoding) -> list[Vector]:
    found: list[Vector] = []
    for index, row in enumerate(rows):
        if kind == "base64" and isinstance(row, str) and row:
            found.append(Vector(index=index, data=row))
            continue
        items = cast("list[object]", row) if isinstance(row, list) else [None]
        if kind == "base64" or not all(type(item) is float or type(item) is int for item in items):
            raise ValueError(f"embeddings[{index}] is no list of numbers")
        found.append(Vector(index=index, values=tuple(cast("list[float]", items))))
    return found


def _usage(fields: Fields) -> Usage | None:
    billed = inner(inner(fields, "meta"), "billed_units")
    if not billed:
        return None
    images = count(billed, "images")
    tokens = count(billed, "input_tokens")
    return Usage(input=tokens, units={"images": images} if images else {})


def write_answer(answer: EmbeddingAnswer, asked: EmbeddingCall, changes: Changes) -> Fields:
    """Write an answer in the encoding that the client asked for."""
    vectors = sorted(answer.vectors, key=lambda vector: vector.index)
    if answer.dialect == "cohere":
        fields = dict(answer.fields)
        rows: list[object] = [vector.data or vector.values for vector in vectors]
        if answer.shape == "list":
            fields["embeddings"] = rows
        elif answer.shape:
            beside = fields.get("embeddings")
            kinds = cast("Fields", beside) if isinstance(beside, dict) else {}
            fields["embeddings"] = {answer.shape: rows, **kinds}
        if answer.id:
            fields["id"] = answer.id
        return fields
    del changes  # an answer's vectors are all that there is
    kind: Encoding = "base64" if asked.encoding == "base64" else "float"
    texts = [part.text for one in asked.inputs for part in one.parts if isinstance(part, Text)]
    tokens = answer.usage.total_input if answer.usage is not None else 0
    return {
        "id": answer.id,
        "embeddings": {kind: [data_of(v) if kind == "base64" else values_of(v) for v in vectors]},
        "texts": texts,
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": tokens}},
        "response_type": "embeddings_by_type",
    }
