"""Google's embedContent and batchEmbedContents, read and written. Pure.

One request a vector; a batch holds many, each with its own task and title. Source: Gemini API reference,
`models.embedContent`, `models.batchEmbedContents`. Read next: `embeddings`.
"""

from typing import Final, Literal, cast

from headgate.core.chat import Fields, Media, Text
from headgate.core.embedding import EmbeddingAnswer, EmbeddingCall, EmbeddingInput, EmbeddingTask, Vector
from headgate.core.faults import InvalidRequest
from headgate.wire.answers import provider_message
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import objects_in
from headgate.wire.dialects.google.parts import PartsOut, read_parts
from headgate.wire.dialects.google.spelling import Members
from headgate.wire.dialects.vectors import values_of
from headgate.wire.usage import usage_of

_TASKS: Final[dict[str, EmbeddingTask]] = {
    "RETRIEVAL_QUERY": "query",
    "RETRIEVAL_DOCUMENT": "document",
    "SEMANTIC_SIMILARITY": "similarity",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
    "QUESTION_ANSWERING": "question_answering",
    "FACT_VERIFICATION": "fact_verification",
    "CODE_RETRIEVAL_QUERY": "code_query",
}
_WORDS: Final = {task: word for word, task in _TASKS.items()}

Verb = Literal["embedContent", "batchEmbedContents"]


def verb_of(call: EmbeddingCall) -> Verb:
    """Which of the two a written call is for: the path says it."""
    return "embedContent" if call.dialect == "google" and call.shape == "one" else "batchEmbedContents"


def read_call(fields: Fields, model: str | None) -> EmbeddingCall:
    """Read a call of either verb: the body tells. Raises InvalidRequest, naming the member."""
    if "requests" not in fields:
        return _call((fields,), {}, "one", model)
    requests = objects_in(fields["requests"])
    if not requests:
        raise InvalidRequest("requests is no list of requests; send one", parameter="requests")
    beside = {name: value for name, value in fields.items() if name != "requests"}
    return _call(requests, beside, "batch", model)


def _call(
    requests: list[Fields] | tuple[Fields, ...], beside: Fields, shape: str, model: str | None
) -> EmbeddingCall:
    tasks: list[EmbeddingTask | None] = [_task_of(one) for one in requests]
    sizes = [_size_of(one) for one in requests]
    task: EmbeddingTask | None = tasks[0] if all(one == tasks[0] for one in tasks) else None
    size = sizes[0] if all(one == sizes[0] for one in sizes) else None
    inputs = [
        _read_request(one, place, shape, takes_task=task is not None, takes_size=size is not None)
        for place, one in enumerate(requests)
    ]
    named = requests[0].get("model")
    return EmbeddingCall(
        dialect="google",
        model=model or (named.removeprefix("models/") if isinstance(named, str) else ""),
        inputs=tuple(inputs),
        dimensions=size,
        task=task,
        fields=beside,
        shape=shape,
    )


def _either(fields: Fields, name: str, other: str) -> object:
    return fields[name] if name in fields else fields.get(other)


def _task_of(fields: Fields) -> EmbeddingTask | None:
    word = _either(fields, "taskType", "task_type")
    return _TASKS.get(word) if isinstance(word, str) else None


def _size_of(fields: Fields) -> int | None:
    size = _either(fields, "outputDimensionality", "output_dimensionality")
    return size if type(size) is int else None


def _read_request(
    fields: Fields, place: int, shape: str, *, takes_task: bool, takes_size: bool
) -> EmbeddingInput:
    """One request. Whatever is not the same for all of them stays in its fields."""
    where = "content" if shape == "one" else f"requests[{place}].content"
    outer = Members(fields)
    content = outer.object("content")
    inner = Members(content or {})
    parts = read_parts(inner)
    texts = [part for part in parts or () if isinstance(part, Text | Media)]
    if content is None or parts is None or len(texts) < len(parts):
        raise InvalidRequest(f"{where} has no parts that can be embedded; send some", parameter=where)
    flags = [flag for flag in inner.flags if flag == "one"]
    if inner.left.get("role") == "user":  # Google's own library says so of every text
        del inner.left["role"]
        flags.append("user")
    for name, other, takes in (
        ("taskType", "task_type", takes_task),
        ("outputDimensionality", "output_dimensionality", takes_size),
    ):
        if takes:
            flags.append(name if name in outer.left else other)
            del outer.left[flags[-1]]
    if isinstance(outer.left.get("model"), str):
        flags.append("model" if not cast("str", outer.left.pop("model")).startswith("models/") else "models")
    title = outer.text("title")
    if inner.left:
        outer.left["content"] = inner.left
    return EmbeddingInput(parts=tuple(texts), title=title, fields=outer.left, shape=" ".join(flags))


def write_call(call: EmbeddingCall, changes: Changes) -> Fields:
    """Write a call for the verb that `verb_of` names."""
    requests = [_write_request(call, one, place, changes) for place, one in enumerate(call.inputs)]
    if call.dialect == "google":
        return requests[0] if call.shape == "one" else {"requests": requests, **call.fields}
    if call.user is not None:
        changes.lose("user", "google is not told who the caller's user is")
    if call.truncate == "start":
        changes.alter("truncate", "google cuts off the end of texts that are too long")
    for member in call.fields:
        changes.alter(member, "google has no such member")
    return {"requests": requests}


def _write_request(call: EmbeddingCall, one: EmbeddingInput, place: int, changes: Changes) -> Fields:
    is_own = call.dialect == "google"
    flags = one.shape.split(" ") if is_own else ["models"]
    where = f"input[{place}]"
    if one.tokens:
        raise InvalidRequest(f"{where} is tokens of another model; send the text", parameter="input")
    parts = [_write_part(part, where, changes) for part in one.parts]
    content: Fields = {"parts": parts[0] if "one" in flags and len(parts) == 1 else parts}
    if "user" in flags:
        content["role"] = "user"
    fields: Fields = {}
    if "models" in flags:
        fields["model"] = "models/" + call.model.removeprefix("models/")
    elif "model" in flags:
        fields["model"] = call.model
    if call.task is not None:
        fields["task_type" if "task_type" in flags else "taskType"] = _WORDS[call.task]
    if call.dimensions is not None:
        snake = "output_dimensionality"
        fields[snake if snake in flags else "outputDimensionality"] = call.dimensions
    if one.title is not None:
        fields["title"] = one.title
    if not is_own:
        for member in one.fields:
            changes.alter(f"{where}.{member}", "google has no such member")
        return {**fields, "content": content}
    rest = dict(one.fields)
    beside = rest.pop("content", None)
    if isinstance(beside, dict):
        content.update(cast("Fields", beside))
    return {**fields, "content": content, **rest}


def _write_part(part: Text | Media, where: str, changes: Changes) -> Fields:
    written = PartsOut(changes, None).part(part, where)
    return written if written is not None else {"text": ""}


def read_answer(fields: Fields, body: bytes) -> EmbeddingAnswer:
    """Read an answer of either verb. Raises ValueError for what is none."""
    left = dict(fields)
    one = left.pop("embedding", None)
    rows = objects_in([one] if one is not None else left.pop("embeddings", None))
    if rows is None:
        raise ValueError(f"it has no embeddings: {provider_message('google', body)}")
    usage = left.get("usageMetadata")
    return EmbeddingAnswer(
        dialect="google",
        model="",
        vectors=tuple([_read_row(row, place) for place, row in enumerate(rows)]),
        usage=usage_of("google", "embeddings", cast("Fields", usage)) if isinstance(usage, dict) else None,
        fields=left,
        shape="one" if one is not None else "batch",
    )


def _read_row(fields: Fields, place: int) -> Vector:
    left = dict(fields)
    value = left.pop("values", None)
    if isinstance(value, list):
        items = cast("list[object]", value)
        if all(type(item) is float or type(item) is int for item in items):
            return Vector(index=place, values=tuple(cast("list[float]", items)), fields=left)
    raise ValueError(f"embeddings[{place}] has no values")


def write_answer(answer: EmbeddingAnswer, asked: EmbeddingCall, changes: Changes) -> Fields:
    """Write an answer for the verb that the client has called."""
    del changes  # an answer's vectors are all that there is
    is_own = answer.dialect == "google"
    rows: list[Fields] = [
        {"values": values_of(vector), **(vector.fields if is_own else {})}
        for vector in sorted(answer.vectors, key=lambda vector: vector.index)
    ]
    shape = answer.shape if is_own else asked.shape
    fields: Fields = {"embedding": rows[0]} if shape == "one" and len(rows) == 1 else {"embeddings": rows}
    if is_own:
        return {**fields, **answer.fields}
    if answer.usage is not None:
        fields["usageMetadata"] = {"promptTokenCount": answer.usage.total_input}
    return fields
